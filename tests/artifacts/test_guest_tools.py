"""The tools that make a guest's disks: their input, their progress, their failures."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.artifacts.guests import PARTS, TOOLS, program, squashed
from tests.artifacts.test_node_image import PlayedStore

from podresize.artifacts import guest_tools as guest_tools_module
from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.guest_tools import GuestTools, guest_tools, write_tree
from podresize.errors import HarnessError, HostError

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes


def tools(cache: Cache, fake: type[FakeSource], notes: Notes, **others: bytes) -> GuestTools:
    parts = PARTS | {Component.GUEST_TOOLS: TOOLS | others}
    return guest_tools(PlayedStore(cache, fake, parts), progress=notes)


def test_a_tree_is_all_roots_and_has_the_directories_above(
    cache: Cache, fake: type[FakeSource], notes: Notes, tmp_path: Path
) -> None:
    (tmp_path / "program").write_bytes(b"program")
    tar, target = tmp_path / "tar", tmp_path / "squashfs"

    write_tree(
        tar,
        {"usr/bin/x": (tmp_path / "program", 0o755), "etc/empty": (None, 0o700)},
        links={"etc/systemd/y": "/dev/null"},
    )
    tools(cache, fake, notes).squash(tar, target, what="a layer", progress=notes)

    assert squashed(target) == {
        **dict.fromkeys(("etc", "etc/empty", "etc/systemd", "usr", "usr/bin")),
        "etc/systemd/y": "/dev/null",
        "usr/bin/x": b"program",
    }
    with tarfile.open(tar) as archive:
        assert archive.getnames() == sorted(archive.getnames())
        assert archive.getmember("usr/bin/x").mode == 0o755


def test_how_far_it_is_goes_by_what_it_has_written(
    cache: Cache, fake: type[FakeSource], notes: Notes, tmp_path: Path
) -> None:
    slow = program(
        "import time\nwith open(sys.argv[1], 'wb') as file:\n"
        "    file.write(b'half'); file.flush(); time.sleep(1)"
    )
    source = tmp_path / "source"
    source.write_bytes(b"half and half")
    seen: list[tuple[float, float | None]] = []

    tools(cache, fake, notes, depmod=slow).run(
        "depmod",
        tmp_path / "target",
        source=source,
        grows=tmp_path / "target",
        advance=lambda done, total: seen.append((done, total)),
    )

    assert (4, 13) in seen


def test_what_a_tool_says_last_is_told(cache: Cache, fake: type[FakeSource], notes: Notes) -> None:
    broken = program("print('first', file=sys.stderr); sys.exit('FATAL ERROR: no')")

    with pytest.raises(HarnessError, match="depmod failed") as caught:
        tools(cache, fake, notes, depmod=broken).run("depmod")
    assert caught.value.value == "FATAL ERROR: no"


def test_a_full_disk_is_the_hosts(cache: Cache, fake: type[FakeSource], notes: Notes) -> None:
    broken = program("sys.exit('Write failed because No space left on device')")

    with pytest.raises(HostError, match="is full"):
        tools(cache, fake, notes, depmod=broken).run("depmod")


def test_a_tool_that_was_removed_meanwhile_is_told(
    cache: Cache, fake: type[FakeSource], notes: Notes
) -> None:
    found = tools(cache, fake, notes)
    found.artifact.files["depmod"].unlink()

    with pytest.raises(HarnessError, match="depmod failed") as caught:
        found.run("depmod")
    assert caught.value.value is not None
    assert "removed from the cache" in caught.value.value


def test_a_tool_that_hangs_is_ended(
    cache: Cache, fake: type[FakeSource], notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest_tools_module, "_SECONDS", 0.3)
    hangs = program("import time; time.sleep(1000)")

    with pytest.raises(HarnessError, match="depmod failed") as caught:
        tools(cache, fake, notes, depmod=hangs).run("depmod")
    assert caught.value.value == "it did not end within 0 s"


@pytest.mark.parametrize(("name", "other"), [("_SQUASHFS", ("-b", "4096")), ("_TIMES", {})])
def test_how_they_are_called_is_part_of_what_they_are(
    cache: Cache,
    fake: type[FakeSource],
    notes: Notes,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    other: object,
) -> None:
    """What a disk is made of goes by these: another compression must not find the old disk."""
    before = tools(cache, fake, notes).digests
    assert tools(cache, fake, notes).digests == before

    monkeypatch.setattr(guest_tools_module, name, other)

    assert tools(cache, fake, notes).digests != before
