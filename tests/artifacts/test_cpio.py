"""The archive that a kernel unpacks: as cpio's own users read it."""

from __future__ import annotations

import stat
from pathlib import Path

from podresize.artifacts.cpio import write_cpio


def read(data: bytes) -> dict[str, tuple[int, bytes, tuple[int, int], int]]:
    """Return mode, bytes, device and number by name, as the format's description has it."""
    found: dict[str, tuple[int, bytes, tuple[int, int], int]] = {}
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        numbers = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        inode, mode, uid, gid, _, time, size, _, _, major, minor, length, _ = numbers
        assert (uid, gid, time) == (0, 0, 0)
        name = data[at + 110 : at + 110 + length - 1].decode()
        at = (at + 110 + length + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert at == len(data)
            return found
        found[name] = (mode, data[at : at + size], (major, minor), inode)
        at = (at + size + 3) // 4 * 4


def test_every_kind_of_entry_and_the_directories_above(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"from a file")
    target = tmp_path / "initrd"

    write_cpio(
        target,
        {
            "init": (b"script", 0o755),
            "bin/sh": ("busybox", 0o777),
            "bin/busybox": (tmp_path / "file", 0o755),
            "dev/console": ((5, 1), 0o600),
            "proc": (None, 0o555),
        },
    )

    found = read(target.read_bytes())
    assert list(found) == ["bin", "bin/busybox", "bin/sh", "dev", "dev/console", "init", "proc"]
    assert found["bin"][:2] == (stat.S_IFDIR | 0o755, b"")
    assert found["proc"][0] == stat.S_IFDIR | 0o555
    assert found["bin/busybox"][:2] == (stat.S_IFREG | 0o755, b"from a file")
    assert found["bin/sh"][:2] == (stat.S_IFLNK | 0o777, b"busybox")
    assert found["dev/console"][0] == stat.S_IFCHR | 0o600
    assert found["dev/console"][2] == (5, 1)
    assert len({number for *_, number in found.values()}) == len(found)


def test_the_order_of_the_entries_says_nothing(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"

    write_cpio(one, {"a": (b"1", 0o644), "b": (b"2", 0o644)})
    write_cpio(other, {"b": (b"2", 0o644), "a": (b"1", 0o644)})

    assert one.read_bytes() == other.read_bytes()
