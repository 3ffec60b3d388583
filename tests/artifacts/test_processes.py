"""Two processes, and processes that die: the cache is shared by real ones here."""

from __future__ import annotations

import os
import random
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.download import Downloader
from podresize.artifacts.pruning import prune
from podresize.artifacts.release import ReleaseDownload
from podresize.artifacts.store import Store

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes, ReleaseServer

PROLOGUE = """
import signal, sys, time
from pathlib import Path
from podresize.artifacts import cache as cache_module
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.progress import Plain
from podresize.artifacts.store import Store, get

class Slow:
    source = Source.MODULE
    def version_for(self, component, asked, *, arch):
        return "1.0.0"
    def fetch(self, component, version, *, arch, work, progress):
        (work / "runc").write_bytes(b"half")
        print("fetching", flush=True)
        self.then()
        (work / "runc").write_bytes(b"whole")
        return {"runc": work / "runc"}
    def then(self):
        pass
"""


def start(script: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + script],
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str], stream: str = "stdout") -> str:
    return str(getattr(process, stream).readline()).strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def store_in_this_process(cache: Cache, notes: Notes, fake: type[FakeSource]) -> bytes:
    quick = fake(Source.MODULE, {"runc": b"whole"})
    artifact = Store(cache, [quick]).get(Component.RUNC, "1.0.0", progress=notes)
    return artifact.files["runc"].read_bytes()


def test_two_processes_fetch_once(cache: Cache) -> None:
    script = """
Slow.then = lambda self: sys.stdin.readline()
artifact = Store(fetchers=[Slow()]).get(Component.RUNC, "1.0.0", progress=Plain())
print("cached" if artifact.cached else "fetched", artifact.files["runc"].read_bytes(), flush=True)
"""
    with start(script) as first:
        assert line_of(first) == "fetching"
        with start(script) as second:
            said = [line_of(second, "stderr") for _ in range(2)]
            assert "another process is fetching it; waiting for that one" in said[1]
            out, _ = first.communicate("go on\n", timeout=20)
            assert out.strip() == "fetched b'whole'"
            out, _ = second.communicate(timeout=20)
            assert out.strip() == "cached b'whole'"
    assert len(cache.entries()) == 1


def test_killed_while_fetching(cache: Cache, notes: Notes, fake: type[FakeSource]) -> None:
    with start("""
Slow.then = lambda self: signal.pause()
Store(fetchers=[Slow()]).get(Component.RUNC, "1.0.0")
""") as process:
        assert line_of(process) == "fetching"
        kill(process)
    assert list(cache.layout.tmp.iterdir()) != []
    assert cache.entries() == []

    assert store_in_this_process(cache, notes, fake) == b"whole"
    # Whoever fetches next has removed what the dead process left.
    assert list(cache.layout.tmp.iterdir()) == []
    assert prune(cache).leftovers == 0

    assert len(cache.entries()) == 1


@pytest.mark.parametrize("step", ["sync", "os.link", "write_atomically"])
def test_killed_between_the_steps_of_storing(
    cache: Cache, notes: Notes, fake: type[FakeSource], step: str
) -> None:
    with start(f"""
def stop(*_):
    print("stopped", flush=True)
    signal.pause()
cache_module.{step} = stop
Store(fetchers=[Slow()]).get(Component.RUNC, "1.0.0")
""") as process:
        assert [line_of(process), line_of(process)] == ["fetching", "stopped"]
        kill(process)
    assert cache.entries() == []

    prune(cache)

    assert list(cache.layout.objects.glob("*/*")) == []
    assert list(cache.layout.entries.glob("*/*/*/*")) == []
    assert list(cache.layout.tmp.iterdir()) == []
    assert store_in_this_process(cache, notes, fake) == b"whole"


def test_killed_at_random_moments_the_cache_stays_whole(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    script = """
store = Store(fetchers=[Slow()])
while True:
    store.get(Component.RUNC, "1.0.0")
    store.cache.drop(store.cache.entries()[0])
"""
    moments = random.Random(20271).sample(range(60), 6)
    for moment in moments:
        with start(script) as process:
            line_of(process)
            time.sleep(moment / 1000)  # the moment of the kill is what is tried here
            kill(process)
        for entry in cache.entries():
            assert cache.damaged(entry) == []
        assert store_in_this_process(cache, notes, fake) == b"whole"
        prune(cache)
        assert list(cache.layout.tmp.iterdir()) == []
        cache.drop(cache.entries()[0])


def test_killed_while_downloading_goes_on_where_it_stopped(
    cache: Cache, server: ReleaseServer, notes: Notes
) -> None:
    path = "/release/v1.27.4/bin/linux/amd64/kubectl"
    data = bytes(range(256)) * 1024
    server.publish(path, data)
    server.behaviour[path] = "stall"
    with start(
        'get(Component.KUBECTL, "1.27.4", source=Source.DOWNLOAD, arch="amd64")',
        PODRESIZE_DOWNLOAD_MIRROR=server.url,
    ) as process:
        assert server.half_sent.wait(20)
        (part,) = _grown(cache.layout.partial, len(data) // 2)
        kill(process)
    server.behaviour.clear()
    store = Store(cache, [ReleaseDownload(cache.layout, mirror=server.url)])

    artifact = store.get(Component.KUBECTL, "1.27.4", arch="amd64", progress=notes)

    assert artifact.files["kubectl"].read_bytes() == data
    wanted = server.asked[-1][1]
    assert wanted is not None
    assert wanted.startswith("bytes=")
    assert not part.exists()
    assert list(cache.layout.tmp.iterdir()) == []  # the dead process's work directory is gone


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv on PATH")
def test_a_build_dies_with_its_owner(cache: Cache, tmp_path: Path) -> None:
    cache.layout.make()
    (tmp_path / "go").write_text("#!/bin/sh\necho $$ >&2\nexec sleep 60\n")
    (tmp_path / "go").chmod(0o755)
    script = f"""
from podresize.artifacts import gobuild
root = Path({str(tmp_path)!r})
class Show:
    def work(self, what, *, unit):
        return Plain().work(what, unit=unit)
gobuild.build(gobuild.GoBuild(label="x", log_name="x", go=root / "go", directory=root,
              packages=("x",), out=root / "out", arch="amd64"), cache=Cache(), progress=Show())
"""
    log = cache.layout.logs / "x-module.log"
    with start(script) as process:
        pid = int(_line_of_log(log))
        compiler = os.pidfd_open(pid)
        try:
            kill(process)
            with selectors.DefaultSelector() as selector:
                selector.register(compiler, selectors.EVENT_READ)
                assert selector.select(5), "the compiler outlived the killed process"
        finally:
            os.close(compiler)


def _line_of_log(log: Path) -> str:
    """Return the first line that the compiler said; another process writes it, without an event."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        lines = log.read_text().splitlines() if log.is_file() else []
        if len(lines) > 1:
            return lines[1]
        time.sleep(0.01)
    raise AssertionError("the build never began")


def test_prune_removes_a_download_that_nobody_continues(
    cache: Cache, server: ReleaseServer
) -> None:
    server.files["/f"] = b"x" * 100_000
    server.behaviour["/f"] = "stall"
    cache.layout.make()
    with pytest.raises(Exception, match="sent nothing"):
        Downloader(stall=0.2).file(
            f"{server.url}/f",
            cache.layout.tmp / "f",
            sha256="0" * 64,
            partial=cache.layout.partial,
            advance=lambda _done, _total: None,
        )

    assert prune(cache).leftovers == 1
    assert list(cache.layout.partial.iterdir()) == []


def _grown(directory: Path, size: int) -> list[Path]:
    """Wait until what was sent is written: another process does that, so there is no event."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := [path for path in directory.iterdir() if path.stat().st_size > 0]:
            return found
        time.sleep(0.01)
    raise AssertionError(f"nothing of {size} bytes arrived")


def test_prune_passes_over_a_guest_that_another_process_removes(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = cache.layout.guests / "going"
    guest.mkdir(parents=True)
    looked = Path.is_dir

    def is_dir(path: Path) -> bool:
        found = looked(path)
        if path == guest and found:
            path.rmdir()
        return found

    monkeypatch.setattr(Path, "is_dir", is_dir)

    assert prune(cache, older_than_days=1.0).guests == ()


@pytest.mark.parametrize(
    ("days", "everything", "removed"),
    [(None, False, ()), (2.0, False, ("old",)), (4.0, False, ()), (None, True, ("new", "old"))],
)
def test_prune_removes_guests_by_their_last_use(
    cache: Cache, days: float | None, everything: bool, removed: tuple[str, ...]
) -> None:
    now = time.time()
    for name, age in (("old", 3 * 86_400.0), ("new", 0.0)):
        guest = cache.layout.guests / name
        guest.mkdir(parents=True)
        for file in ("memory", "kept.json"):
            (guest / file).write_text("x")
            os.utime(guest / file, (now - age, now - age))
    (cache.layout.guests / "kvm.json").write_text("{}")

    assert prune(cache, older_than_days=days, everything=everything).guests == removed
    left = {path.name for path in cache.layout.guests.iterdir()}
    # Who removes everything has KVM tried again.
    gone = {*removed, "kvm.json"} if everything else set(removed)
    assert left == {"old", "new", "kvm.json"} - gone
