"""The OS itself as a root file system, made by mmdebstrap of what the host's apt is told to use.

mmdebstrap is unpacked and run where it lies, not installed; it needs perl, which every Debian and
Ubuntu has. The times of all files are fixed, so that the same packages can give the same bytes.
"""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.catalogue import RootFilesystem
from podresize.artifacts.host import host_arch
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError

_PROGRAM = "rootfs.tar"


def bootstrap(
    package: RootFilesystem, *, label: str, arch: str, work: Path, progress: Progress
) -> dict[str, Path]:
    """Return the root file system inside ``work``. Raises as ``Fetcher.fetch`` does."""
    if arch != host_arch():
        raise SourcePassedOverError(f"what configures packages runs on {arch} only")
    release = platform.freedesktop_os_release().get("VERSION_CODENAME")
    sources = apt.archives()
    if not release or not sources:
        raise SourcePassedOverError("the OS's package lists name no release of it")
    apt.download(("mmdebstrap",), arch, work)
    tool = work / "mmdebstrap"
    archive = next(iter(work.glob("*.deb")))
    apt.run(["dpkg-deb", "--extract", str(archive), str(tool)])
    programs = tool / "usr" / "bin"
    target = work / _PROGRAM
    listed = work / "sources.list"
    listed.write_text("\n".join(sources) + "\n", "utf-8")
    command = [
        *(shutil.which("perl") or "perl", str(programs / "mmdebstrap")),
        *("--quiet", "--format=tar", "--variant=essential", f"--architectures={arch}"),
        f"--include={','.join(package.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in package.without),
        "--dpkgopt=force-unsafe-io",  # what is left of it is one file
        *(release, str(target), str(listed)),
    ]
    environment = {
        "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
        "SOURCE_DATE_EPOCH": "0",
        "TMPDIR": str(work),
    }
    with progress.work(f"{label} ({arch}): installing {package.name}", unit="packages"):
        apt.run(command, environment=environment)
    return {_PROGRAM: target}
