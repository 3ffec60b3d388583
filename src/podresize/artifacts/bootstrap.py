"""The OS itself as a root file system, made by mmdebstrap of what the host's apt is told to use.

mmdebstrap is unpacked and run where it lies, not installed; it needs perl, which every Debian and
Ubuntu has. The same packages give the same bytes, on whatever host of the same release: the times
of all files are fixed, and what mmdebstrap takes over from the host is removed. Which packages they
were is written down beside it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import shutil
import tarfile
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.artifact import PACKAGES
from podresize.artifacts.catalogue import RootFilesystem
from podresize.artifacts.host import host_arch
from podresize.artifacts.progress import Progress
from podresize.artifacts.running import by_itself
from podresize.artifacts.source import SourcePassedOverError

ROOT = "rootfs.tar"

# Run by mmdebstrap in a shell once all is installed; $1 is the root.
_HOOKS = (
    # For its own downloads it brings the host's name, resolver and archives along. An address of an
    # archive may hold a password; and a node installs nothing.
    'rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/apt/sources.list" '
    '"$1"/etc/apt/sources.list.d/*',
    # Whether systemd's package could give it its access control list depends on the file system
    # below; systemd itself does so again when it starts.
    'cd "$1/var/log" && if [ -d journal ]; then rm -r journal && '
    'chroot "$1" install -d -m 2755 -g systemd-journal /var/log/journal; fi',
)


def bootstrap(
    package: RootFilesystem, *, label: str, arch: str, work: Path, progress: Progress
) -> dict[str, Path]:
    """Return the root file system and its packages' names. Raises as ``Fetcher.fetch`` does."""
    if arch != host_arch():
        raise SourcePassedOverError(f"what configures packages runs on {arch} only")
    release = platform.freedesktop_os_release().get("VERSION_CODENAME")
    sources = apt.archives()
    if not release or not sources:
        raise SourcePassedOverError("the OS's package lists name no release of it")
    tool = work / "mmdebstrap"
    apt.unpack(apt.download(("mmdebstrap",), arch, work), tool)
    programs = tool / "usr" / "bin"
    target, packages = work / ROOT, work / PACKAGES
    listed = work / "sources.list"
    listed.write_text("\n".join(sources) + "\n", "utf-8")
    command = [
        *(shutil.which("perl") or "perl", str(programs / "mmdebstrap")),
        *("--format=tar", "--variant=essential", f"--architectures={arch}"),
        f"--include={','.join(package.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in package.without),
        "--dpkgopt=force-unsafe-io",  # what is left of it is one file
        *(f"--customize-hook={hook}" for hook in _HOOKS),
        *(release, str(target), str(listed)),
    ]
    environment = {
        "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
        "SOURCE_DATE_EPOCH": "0",
        "TMPDIR": str(work),
    }
    what = f"{label} ({arch}): installing {package.name}"
    with progress.work(what, unit="packages") as advance:
        apt.run(
            command,
            environment=environment,
            # It mounts the host's /dev/shm, among others, where it works. A process that is killed
            # would leave that behind, to be deleted with the directory.
            before=by_itself(),
            tick=lambda: advance(_there(work), None),
        )
    packages.write_text("".join(f"{each}\n" for each in _installed(target)), "utf-8")
    return {ROOT: target, PACKAGES: packages}


def _there(work: Path) -> int:
    """Return how many packages mmdebstrap has unpacked so far, in its own directory below."""
    return sum(1 for _ in work.glob("mmdebstrap.*/var/lib/dpkg/info/*.list"))


def recipe_mark(package: RootFilesystem) -> str:
    """Return a short hash of how this module makes it; part of its version in the cache.

    Without it a root file system that an older podresize made would be taken for one of today's.
    """
    told = json.dumps([dataclasses.asdict(package), _HOOKS], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def _installed(root: Path) -> list[str]:
    """Return ``name=version`` of each package that dpkg's own list in ``root`` calls installed."""
    with tarfile.open(root) as archive:
        status = archive.extractfile("./var/lib/dpkg/status")
        assert status is not None
        text = status.read().decode()
    found = []
    for paragraph in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if ": " in line and not line.startswith(" ")
        )
        if fields.get("Status", "").endswith(" installed"):
            found.append(f"{fields['Package']}={fields['Version']}")
    return sorted(found)
