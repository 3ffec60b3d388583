"""The OS of a guest as a disk, and an empty disk for what the guest writes.

The OS is that of kind's nodes, ``node-base``: the same packages, so that what differs between the
two providers is the kernel and the machine.
"""

from __future__ import annotations

import os
from pathlib import Path

from podresize.artifacts.artifact import PACKAGES, Artifact, Component
from podresize.artifacts.assembling import assembled, mark_of
from podresize.artifacts.bootstrap import ROOT
from podresize.artifacts.guest_tools import GuestTools, guest_tools, run_tool
from podresize.artifacts.programs import environment_of
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import Store

OS = "os.squashfs"
SCRATCH = "scratch.qcow2"
SCRATCH_LABEL = "podresize"
SCRATCH_BYTES = 8 << 30
"""Of the guest; on the host it takes as much as was written."""

_LAYOUT = 1  # counts changes of this file that change the bytes
_UUID = "6a1f4c3e-5d0b-4f6e-9a57-1f0c6d2b7e11"
_FEATURES = (
    # No journal: nobody reads such a disk after a crash, and every fsync would cost twice.
    *("extent", "64bit", "flex_bg", "metadata_csum", "dir_index", "filetype", "sparse_super"),
    *("large_file", "huge_file", "extra_isize", "dir_nlink"),
)
_MKE2FS = (
    *("-q", "-F", "-b", "4096", "-I", "256", "-m", "0"),
    # One inode for 32 KiB, half of what is usual: images are a few large files.
    *("-i", "32768", "-L", SCRATCH_LABEL, "-U", _UUID, "-O", ",".join(_FEATURES)),
    # Inode tables are zeroed here, not by a thread of the guest's kernel while it is measured.
    *("-E", f"hash_seed={_UUID},lazy_itable_init=0,root_owner=0:0"),
)
_ENVIRONMENT = {
    "MKE2FS_CONFIG": os.devnull,  # the host's own would have a say
    # Times of the file system; the first for e2fsprogs before 1.47.1, where 0 means now.
    "E2FSPROGS_FAKE_TIME": "1",
    "SOURCE_DATE_EPOCH": "1",
}


def guest_os(*, store: Store, progress: Progress) -> Artifact:
    """Return ``os.squashfs``, ``scratch.qcow2`` and the ``packages.txt`` of the OS.

    Raises as ``Store.get`` does.
    """
    base = store.get(Component.NODE_BASE, progress=progress)
    qemu = store.get(Component.QEMU, progress=progress)
    tools = guest_tools(store, progress=progress)
    inputs = [store.cache.digests(part) for part in (base, qemu)]
    ours = (_LAYOUT, SCRATCH_BYTES, _MKE2FS, _ENVIRONMENT)
    version = f"{base.version}.{mark_of(*ours, tools.digests, inputs)}"

    def make(work: Path) -> dict[str, Path]:
        what = f"{Component.GUEST_OS} {version}"
        tools.squash(base.files[ROOT], work / OS, what=what, progress=progress)
        _write_scratch(work, tools, qemu)
        packages = work / PACKAGES
        packages.write_bytes(base.files[PACKAGES].read_bytes())
        return {name: work / name for name in (OS, SCRATCH, PACKAGES)}

    return assembled(
        Component.GUEST_OS, version, arch=base.arch, make=make, store=store, progress=progress
    )


def _write_scratch(work: Path, tools: GuestTools, qemu: Artifact) -> None:
    raw = work / "scratch.raw"
    with raw.open("wb") as file:
        file.truncate(SCRATCH_BYTES)
    tools.run("mke2fs", *_MKE2FS, raw, environment=_ENVIRONMENT)
    run_tool(
        [qemu.files["qemu-img"], "convert", "-f", "raw", "-O", "qcow2", raw, work / SCRATCH],
        environment=environment_of(qemu),
    )
    raw.unlink()
