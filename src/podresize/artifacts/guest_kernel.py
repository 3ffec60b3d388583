"""The kernel of a guest: its image, its modules as a disk, and the initrd that finds the root.

Out of the OS's packages, or out of one file that the user has. The kernel's options are checked, so
that a guest without a needed one is refused before it is booted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.artifact import PACKAGES, Artifact, Component, Source
from podresize.artifacts.assembling import assembled, mark_of, newest_assembled
from podresize.artifacts.cpio import write_cpio
from podresize.artifacts.guest_initrd import initrd, initrd_inputs
from podresize.artifacts.guest_tools import GuestTools, guest_tools, tools_of, write_tree
from podresize.artifacts.host import check_arch
from podresize.artifacts.kernel_options import check_kernel_options, needed_modules
from podresize.artifacts.kernel_packages import (
    ORIGIN,
    check_asked,
    download_kernel,
    is_file,
    package_for,
)
from podresize.artifacts.layout import sha256_of
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import Store
from podresize.errors import HostError, UsageError

IMAGE, INITRD, MODULES, CONFIG = "vmlinuz", "initrd.cpio", "modules.squashfs", "config"

_DEFAULT = "the OS's own choice"
_LAYOUT = 2  # counts changes of this file that change the bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuestKernel:
    """A kernel to boot a guest with.

    ``release`` is as ``uname -r`` says it, ``modules`` a squashfs with
    ``/usr/lib/modules/<release>``, ``config`` the kernel's ``.config``. ``packages`` has a line
    ``name=version`` for each package that it came out of.
    """

    release: str
    image: Path
    initrd: Path
    modules: Path
    config: Path
    packages: Path


def guest_kernel(
    asked: str | None, *, cgroup_v1: bool = False, store: Store, progress: Progress
) -> GuestKernel:
    """Return the kernel that is asked for, from the cache or made of its packages.

    ``asked`` is a version (``6.1``, ``6.1.0-49``), the name of a package of the OS or the path of a
    ``.deb`` file; None is the OS's kernel for the cloud. What follows the OS stays as it was
    when it was first fetched. ``cgroup_v1``: it is for a guest with cgroup v1.

    Raises ``UsageError`` for a kernel that there is not, that is for another architecture or lacks
    options; ``SourcePassedOverError`` where its packages cannot be had.
    """
    arch = check_arch(None)
    check_asked(asked, arch=arch)
    tools = guest_tools(store, progress=progress)
    mark = _mark(asked, tools)
    found = newest_assembled(Component.GUEST_KERNEL, f"_{mark}", arch=arch, store=store)
    if found is None:
        with store.cache.layout.work(str(Component.GUEST_KERNEL)) as work:
            unpacked = _unpack(asked, arch=arch, work=work, progress=progress)
            _check(unpacked.config, asked, cgroup_v1=cgroup_v1)
            found = assembled(
                Component.GUEST_KERNEL,
                f"{unpacked.release}_{unpacked.digest}_{mark}",
                arch=arch,
                make=lambda place: _make(place, unpacked, tools, progress),
                store=store,
                progress=progress,
            )
    kernel = _kernel(found)
    _check(kernel.config, asked, cgroup_v1=cgroup_v1)
    return kernel


def check_kernel(asked: str | None, *, cgroup_v1: bool = False, store: Store) -> None:
    """Raise what ``guest_kernel`` would of a word that may be mistyped, and fetch nothing.

    Which options a kernel has is known only of one that is in the cache.
    """
    arch = check_arch(None)
    check_asked(asked, arch=arch)
    found = None
    with contextlib.suppress(HostError):  # without the tools there is no kernel either
        tools = tools_of(store, store.get(Component.GUEST_TOOLS, source=Source.CACHE))
        mark = _mark(asked, tools)
        found = newest_assembled(Component.GUEST_KERNEL, f"_{mark}", arch=arch, store=store)
    if found is not None:
        _check(found.files[CONFIG], asked, cgroup_v1=cgroup_v1)
    elif asked is None or not is_file(asked):
        package_for(asked, arch=arch)


def _mark(asked: str | None, tools: GuestTools) -> str:
    """Return a hash of what was asked for and of all that is ours in a kernel made for it."""
    named = sha256_of(Path(asked)) if asked is not None and is_file(asked) else asked or ""
    return mark_of(_LAYOUT, named, tools.digests, initrd_inputs())


def _kernel(found: Artifact) -> GuestKernel:
    return GuestKernel(
        release=found.version.rsplit("_", 2)[0],
        image=found.files[IMAGE],
        initrd=found.files[INITRD],
        modules=found.files[MODULES],
        config=found.files[CONFIG],
        packages=found.files[PACKAGES],
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Unpacked:
    """A kernel's packages, unpacked.

    ``root`` is such that depmod finds ``modules`` in it, the directory with the release's name.
    ``packages`` are their names and versions, ``digest`` is a short hash of their bytes.
    """

    release: str
    image: Path
    config: Path
    root: Path
    modules: Path
    packages: list[str]
    digest: str


def _unpack(asked: str | None, *, arch: str, work: Path, progress: Progress) -> _Unpacked:
    label = f"{Component.GUEST_KERNEL} ({arch})"
    if asked is not None and is_file(asked):
        archives = [Path(asked)]
    else:
        package = package_for(asked, arch=arch)
        with progress.work(f"{label}: fetching {package}", unit="packages") as advance:
            archives = download_kernel(package, arch=arch, work=work, advance=advance)
    tree = work / "tree"
    with progress.work(f"{label}: unpacking", unit="packages") as advance:
        for number, archive in enumerate(archives):
            tick = functools.partial(advance, number, len(archives))
            apt.unpack([archive], tree, tick=tick)
    value = asked or archives[0].name
    image = _one(tree, "boot/vmlinuz-*", value)
    release = image.name.partition("-")[2]
    config = _one(tree, f"boot/config-{release}", value)
    root = work / "root"
    return _Unpacked(
        release=release,
        image=image,
        config=config,
        root=root,
        modules=_modules(tree, config, root / "usr/lib/modules" / release, value),
        packages=apt.names_of(archives),
        digest=mark_of(sorted(sha256_of(archive) for archive in archives)),
    )


def _modules(tree: Path, config: Path, place: Path, asked: str) -> Path:
    """Move a kernel's modules to ``place``, whose root depmod takes for that of a system.

    Of a kernel that has built in all that a guest needs there may be none.
    """
    place.parent.mkdir(parents=True)
    # Which of the two depmod looks into was decided when it was built, and packages have either.
    (place.parents[3] / "lib").symlink_to("usr/lib")
    pattern = f"**/lib/modules/{place.name}/kernel"
    if not any(tree.glob(pattern)) and not needed_modules(config.read_text("utf-8")):
        place.mkdir()
        return place
    return _one(tree, pattern, asked).parent.rename(place)


def _one(tree: Path, pattern: str, asked: str) -> Path:
    found = sorted(tree.glob(pattern))
    if len(found) == 1:
        return found[0]
    raise UsageError(
        "This package holds no kernel that a guest could be booted with.",
        value=asked,
        origin=ORIGIN,
        causes=(
            f"{'no' if not found else 'more than one'} /{pattern} in it",
            "the modules are in a package of their own, and a file is taken alone",
        ),
        next_command="podresize artifacts get guest-kernel",
    )


def _check(config: Path, asked: str | None, *, cgroup_v1: bool) -> None:
    """Raise ``UsageError`` for a kernel that lacks options; the ``config`` is named after it."""
    text = config.read_text("utf-8")
    missing = check_kernel_options(text)
    if missing:
        raise UsageError(
            "The kernel lacks options that a node in a guest needs.",
            value=asked or _DEFAULT,
            origin=ORIGIN,
            causes=tuple(f"{each} is not set" for each in missing),
            next_command="apt-cache search --names-only ^linux-image"
            if asked is None
            else "podresize artifacts get guest-kernel",
        )
    if cgroup_v1 and (missing := check_kernel_options(text, cgroup_v1=True)):
        raise UsageError(
            "The kernel has no cgroup v1, which the guest was to have.",
            value=asked or _DEFAULT,
            origin=ORIGIN,
            causes=(
                *(f"{each} is not set" for each in missing),
                "since Linux 6.11 cgroup v1 has options of its own: an older --kernel needs none",
            ),
            next_command="podresize cluster up --provider vm --cgroup v2",
        )


def _make(
    place: Path, unpacked: _Unpacked, tools: GuestTools, progress: Progress
) -> dict[str, Path]:
    """Write the five files into ``place``."""
    release = unpacked.release
    tools.run("depmod", "--basedir", unpacked.root, release)
    # Merged: /lib of the OS's layer is a link, which a directory of that name would hide.
    modules = {
        f"usr/lib/modules/{release}/{path.relative_to(unpacked.modules)}": (path, 0o644)
        for path in unpacked.modules.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    tree = place / "modules.tar"
    write_tree(tree, modules)
    what = f"{Component.GUEST_KERNEL} {release}"
    tools.squash(tree, place / MODULES, what=what, progress=progress)
    tree.unlink()
    config = unpacked.config.read_text("utf-8")
    (place / CONFIG).write_text(config, "utf-8")
    (place / IMAGE).write_bytes(unpacked.image.read_bytes())
    (place / PACKAGES).write_text("".join(f"{each}\n" for each in unpacked.packages), "utf-8")
    write_cpio(place / INITRD, initrd(unpacked.modules, config, tools))
    return {name: place / name for name in (IMAGE, INITRD, MODULES, CONFIG, PACKAGES)}
