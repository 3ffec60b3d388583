"""The programs that make a guest's disks, out of the OS's packages: how they are called.

Always these and never those that may be installed here: another version may write other bytes.
"""

from __future__ import annotations

import dataclasses
import errno
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.assembling import mark_of
from podresize.artifacts.images import add
from podresize.artifacts.layout import host_error
from podresize.artifacts.programs import environment_of
from podresize.artifacts.progress import Advance, Progress
from podresize.artifacts.running import FULL, run_to_end
from podresize.artifacts.store import Store
from podresize.errors import HarnessError

Files = Mapping[str, tuple[bytes | Path | None, int]]
"""By its place, without a leading slash: the bytes, the file that has them, or None for an empty
directory; and the mode."""

_TICK = 0.2  # seconds between two looks at how far a file has grown
_SECONDS = 1800.0  # for one tool: to pack a node takes a second
_LAYOUT = 1  # counts changes of ``write_tree``, and of what it calls, that change the bytes
# Not compressed: under emulation to unpack costs a guest more than to read, and the bytes do not
# depend on the library of an algorithm. The kernel wants the one that the head of the file names
# all the same, and it names zlib (kernel_options).
_SQUASHFS = (
    *("-tar", "-noappend", "-noI", "-noD", "-noF", "-noX", "-no-exports", "-no-progress", "-quiet"),
    *("-root-mode", "755", "-root-uid", "0", "-root-gid", "0"),
)
# All times of a squashfs; -root-time says nothing where a tar file is read (mksquashfs 4.5.1).
_TIMES = {"SOURCE_DATE_EPOCH": "0"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuestTools:
    """The tools, unpacked.

    ``digests`` are the SHA-256 of each, and a hash of how they are called here: what changes
    whenever they may write other bytes.
    """

    artifact: Artifact
    digests: dict[str, str]

    def run(
        self,
        name: str,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        source: Path | None = None,
        grows: Path | None = None,
        advance: Advance | None = None,
    ) -> None:
        """Run one of the tools, with the bytes of ``source`` as its standard input.

        While it runs ``advance`` is told how large ``grows`` is and how large it may become, that
        is as large as ``source``. Raises as ``run_tool`` does.
        """
        run_tool(
            [self.artifact.files[name], *arguments],
            environment=environment_of(self.artifact) | dict(environment or {}),
            source=source,
            grows=grows,
            advance=advance,
        )

    def squash(self, tree: Path, target: Path, *, what: str, progress: Progress) -> None:
        """Write a squashfs of what a tar file holds, with the tar's owners and modes; no time."""
        with progress.work(f"{what}: packing", unit="bytes") as advance:
            self.run(
                "mksquashfs",
                *("-", target, *_SQUASHFS),
                environment=_TIMES,
                source=tree,
                grows=target,
                advance=advance,
            )


def guest_tools(store: Store, *, progress: Progress) -> GuestTools:
    """Return the tools. Raises as ``Store.get`` does."""
    return tools_of(store, store.get(Component.GUEST_TOOLS, progress=progress))


def tools_of(store: Store, artifact: Artifact) -> GuestTools:
    """Return the tools that an artifact of this store is."""
    how = {"": mark_of(_LAYOUT, _SQUASHFS, _TIMES)}
    return GuestTools(artifact=artifact, digests=store.cache.digests(artifact) | how)


def run_tool(
    command: list[str | Path],
    *,
    environment: dict[str, str],
    source: Path | None = None,
    grows: Path | None = None,
    advance: Advance | None = None,
) -> None:
    """Run a program of an artifact to its end; the arguments are as of ``GuestTools.run``.

    Raises ``HarnessError`` with the last thing that it said where it fails, ``HostError`` where the
    disk is full.
    """

    def tick() -> None:
        if grows is not None and advance is not None and grows.exists():
            total = source.stat().st_size if source is not None else None
            advance(grows.stat().st_size, total)

    program = Path(command[0])
    try:
        ended = run_to_end(
            command,
            seconds=_SECONDS,
            environment=environment,
            given=source,
            tick=tick,
            every=_TICK,
        )
    except FileNotFoundError:
        raise _failure(command, "a file was removed from the cache while it was in use") from None
    except subprocess.TimeoutExpired:
        raise _failure(command, f"it did not end within {_SECONDS:.0f} s") from None
    if ended.status == 0:
        return
    if ended.disk_is_full:
        raise host_error(OSError(errno.ENOSPC, FULL), program.parent)
    said = ended.complaints.strip().splitlines()
    raise _failure(command, said[-1] if said else f"it ended with {ended.status} and said nothing")


def _failure(command: list[str | Path], why: str) -> HarnessError:
    return HarnessError(
        f"{Path(command[0]).name} failed, which makes a part of a guest",
        value=why,
        origin=" ".join(str(word) for word in command),
        next_command="podresize artifacts verify",
    )


def write_tree(target: Path, files: Files, *, links: Mapping[str, str] | None = None) -> None:
    """Write a tar file of these files and links, and of every directory above them, all root's."""
    links = links or {}
    parents = {str(up) for place in (*files, *links) for up in PurePosixPath(place).parents}
    everything: dict[str, tuple[bytes | Path | None, int] | str] = {
        **dict.fromkeys(parents - {"."}, (None, 0o755)),
        **files,
        **links,
    }
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for place, what in sorted(everything.items()):
            if isinstance(what, str):
                link = tarfile.TarInfo(place)
                link.type, link.linkname, link.mode = tarfile.SYMTYPE, what, 0o777
                archive.addfile(link)
            else:
                add(archive, place, what[0], mode=what[1])
