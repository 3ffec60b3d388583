"""The download source over real HTTP, against a server that misbehaves."""

from __future__ import annotations

import io
import tarfile
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.download import Downloader
from podresize.artifacts.release import ReleaseDownload, checksum_for
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.store import Store
from podresize.errors import HostError

if TYPE_CHECKING:
    from tests.artifacts.conftest import Notes, ReleaseServer

KUBECTL = "/release/v1.27.4/bin/linux/amd64/kubectl"
DATA = bytes(range(256)) * 4096


def store_of(cache: Cache, server: ReleaseServer, *, stall: float = 5.0) -> Store:
    downloader = Downloader(stall=stall)
    return Store(cache, [ReleaseDownload(cache.layout, mirror=server.url, downloader=downloader)])


def partials(cache: Cache) -> list[Path]:
    return list(cache.layout.partial.iterdir())


def test_the_right_file_is_kept(cache: Cache, server: ReleaseServer, notes: Notes) -> None:
    server.publish(KUBECTL, DATA)
    store = store_of(cache, server)

    artifact = store.get(Component.KUBECTL, "v1.27.4", arch="amd64", progress=notes)

    assert artifact.source is Source.DOWNLOAD
    assert not artifact.cached
    assert artifact.files["kubectl"].name == "kubectl"
    assert artifact.files["kubectl"].read_bytes() == DATA
    assert artifact.files["kubectl"].stat().st_mode & 0o777 == 0o555
    assert partials(cache) == []
    again = store.get(Component.KUBECTL, "1.27.4", arch="amd64", progress=notes)
    assert again.cached
    assert len(server.asked) == 2  # checksum and file, once


def test_a_wrong_checksum_keeps_nothing(cache: Cache, server: ReleaseServer, notes: Notes) -> None:
    server.publish(KUBECTL, DATA)
    server.files[KUBECTL] = DATA[:-1] + b"x"

    with pytest.raises(HostError, match="wrong checksum"):
        store_of(cache, server).get(Component.KUBECTL, "1.27.4", arch="amd64", progress=notes)

    assert partials(cache) == []
    assert cache.entries() == []
    assert any("wrong checksum" in line for line in notes.lines)


def test_a_truncated_answer_is_resumed_at_once(
    cache: Cache, server: ReleaseServer, notes: Notes
) -> None:
    server.publish(KUBECTL, DATA)
    server.behaviour[KUBECTL] = "truncate"
    server.times = 2

    artifact = store_of(cache, server).get(
        Component.KUBECTL, "1.27.4", arch="amd64", progress=notes
    )

    assert artifact.files["kubectl"].read_bytes() == DATA
    ranges = [wanted for path, wanted in server.asked if path == KUBECTL]
    assert ranges == [None, f"bytes={len(DATA) // 2}-", f"bytes={len(DATA) // 4 * 3}-"]


def test_a_server_that_always_truncates_is_given_up(
    cache: Cache, server: ReleaseServer, notes: Notes
) -> None:
    server.publish(KUBECTL, DATA)
    server.behaviour[KUBECTL] = "truncate"

    with pytest.raises(HostError, match="closed the connection early"):
        store_of(cache, server).get(Component.KUBECTL, "1.27.4", arch="amd64", progress=notes)

    assert cache.entries() == []


def test_a_stalled_answer_times_out_and_is_resumed_next_time(
    cache: Cache, server: ReleaseServer, notes: Notes
) -> None:
    server.publish(KUBECTL, DATA)
    server.behaviour[KUBECTL] = "stall"
    begun = time.monotonic()

    with pytest.raises(HostError, match="sent nothing for"):
        store_of(cache, server, stall=0.3).get(
            Component.KUBECTL, "1.27.4", arch="amd64", progress=notes
        )

    assert time.monotonic() - begun < 5
    assert [path.stat().st_size for path in partials(cache)] == [len(DATA) // 2]
    server.behaviour.clear()
    artifact = store_of(cache, server).get(
        Component.KUBECTL, "1.27.4", arch="amd64", progress=notes
    )
    assert artifact.files["kubectl"].read_bytes() == DATA
    assert server.asked[-1] == (KUBECTL, f"bytes={len(DATA) // 2}-")
    assert partials(cache) == []


def test_a_damaged_first_part_is_fetched_again_from_the_start(
    cache: Cache, server: ReleaseServer, notes: Notes
) -> None:
    server.publish(KUBECTL, DATA)
    server.behaviour[KUBECTL] = "stall"
    with pytest.raises(HostError):
        store_of(cache, server, stall=0.2).get(
            Component.KUBECTL, "1.27.4", arch="amd64", progress=notes
        )
    (part,) = partials(cache)
    part.write_bytes(b"?" * part.stat().st_size)
    server.behaviour.clear()

    artifact = store_of(cache, server).get(
        Component.KUBECTL, "1.27.4", arch="amd64", progress=notes
    )

    assert artifact.files["kubectl"].read_bytes() == DATA


def test_a_server_without_ranges_sends_all_again(tmp_path: Path, server: ReleaseServer) -> None:
    server.publish("/f", DATA)
    server.behaviour["/f"] = "no-range"
    url, digest = f"{server.url}/f", sha256(DATA).hexdigest()
    name = sha256(f"{url} {digest}".encode()).hexdigest()
    (tmp_path / f"{name}.part").write_bytes(DATA[:100])

    Downloader().file(
        url, tmp_path / "f", sha256=digest, partial=tmp_path, advance=lambda _done, _total: None
    )

    assert (tmp_path / "f").read_bytes() == DATA


def test_a_complete_part_is_only_checked(tmp_path: Path, server: ReleaseServer) -> None:
    server.publish("/f", DATA)
    url, digest = f"{server.url}/f", sha256(DATA).hexdigest()
    name = sha256(f"{url} {digest}".encode()).hexdigest()
    (tmp_path / f"{name}.part").write_bytes(DATA)

    Downloader().file(
        url, tmp_path / "f", sha256=digest, partial=tmp_path, advance=lambda _done, _total: None
    )

    assert (tmp_path / "f").read_bytes() == DATA


def test_an_absent_release_names_status_and_path(
    cache: Cache, server: ReleaseServer, notes: Notes
) -> None:
    with pytest.raises(HostError) as caught:
        store_of(cache, server).get(Component.KUBECTL, "1.27.4", arch="amd64", progress=notes)

    assert f"answers 404 for {KUBECTL}.sha256" in str(caught.value)


def test_an_unreachable_host_is_asked_once_per_process() -> None:
    downloader = Downloader(connect=0.5)
    # Nothing listens on port 1: the connection is refused.
    url = "http://127.0.0.1:1/file"
    with pytest.raises(SourcePassedOverError, match=r"127\.0\.0\.1:1 cannot be reached") as first:
        downloader.text(url)
    begun = time.perf_counter()

    with pytest.raises(SourcePassedOverError) as second:
        Downloader().text(f"{url}/another")

    assert second.value.reason == first.value.reason
    assert time.perf_counter() - begun < 0.05


def test_the_environment_names_a_mirror(
    cache: Cache, server: ReleaseServer, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODRESIZE_DOWNLOAD_MIRROR", f"{server.url}/")
    server.publish(KUBECTL, DATA)
    store = Store(cache, [ReleaseDownload(cache.layout)])

    artifact = store.get(Component.KUBECTL, "1.27.4", arch="amd64", progress=notes)

    assert artifact.files["kubectl"].read_bytes() == DATA


def test_an_archive_gives_its_programs_and_nothing_else(
    cache: Cache, server: ReleaseServer, notes: Notes
) -> None:
    programs = ("containerd", "containerd-shim-runc-v2", "ctr")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in (*(f"bin/{program}" for program in programs), "../escaped"):
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    data = buffer.getvalue()
    name = "containerd-1.6.8-linux-amd64.tar.gz"
    folder = "/containerd/containerd/releases/download/v1.6.8"
    server.files[f"{folder}/{name}"] = data
    server.files[f"{folder}/{name}.sha256sum"] = f"{sha256(data).hexdigest()}  {name}\n".encode()

    artifact = store_of(cache, server).get(
        Component.CONTAINERD, "1.6.8", arch="amd64", progress=notes
    )

    assert set(artifact.files) == set(programs)
    assert artifact.files["ctr"].read_text() == "bin/ctr"
    assert not list(cache.layout.root.rglob("escaped"))


def test_an_archive_without_the_program_is_passed_over(
    cache: Cache, server: ReleaseServer, notes: Notes
) -> None:
    folder, name = "/etcd-io/etcd/releases/download/v3.5.21", "etcd-v3.5.21-linux-arm64.tar.gz"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz"):
        pass
    server.files[f"{folder}/{name}"] = buffer.getvalue()
    digest = sha256(buffer.getvalue()).hexdigest()
    server.files[f"{folder}/SHA256SUMS"] = f"{digest}  {name}\n".encode()

    with pytest.raises(HostError, match="archive is not as expected"):
        store_of(cache, server).get(Component.ETCD, arch="arm64", progress=notes)


DIGEST = sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (DIGEST, DIGEST),
        (f"{DIGEST.upper()}\n", DIGEST),
        (f"{DIGEST}  runc.amd64\n", DIGEST),
        (f"{'0' * 64} *runc.arm64\n{DIGEST} *runc.amd64\n", DIGEST),
        (f"{DIGEST}  ./runc.amd64\n", DIGEST),
        (f"{DIGEST}  runc.arm64\n", None),
        ("<html>not found</html>", None),
        ("", None),
    ],
)
def test_checksums_are_read_in_both_forms(published: str, expected: str | None) -> None:
    assert checksum_for(published, "runc.amd64") == expected
