"""What an image has to be so that another runtime can be put on it, and what is refused.

Nothing of it is started: its files are read out of its layers (docs/kind-node.md says what kind
expects of them).
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
import tomllib
from pathlib import Path, PurePosixPath

from podresize.artifacts import versions
from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.image_archive import SavedImage, Tree, saved_image
from podresize.errors import UsageError

ORIGIN = "--base"
_CONFIGURATION = "etc/containerd/config.toml"
_NEEDED = (
    *("kind/version", "usr/local/bin/entrypoint", _CONFIGURATION),
    *("usr/bin/kubelet", "usr/bin/kubeadm", "usr/bin/kubectl"),
)
# Where a node looks for programs, in this order.
_PATH = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
# Which versions of its configuration a containerd reads, by its major version: 1.x knows nothing of
# version 3, 2.x converts version 2. kind has changed nothing older for years.
_READS = {1: (2,), 2: (2, 3)}
_LOADER = re.compile(r"^\s*(\S+?)(?: =>| \(0x)", flags=re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A kind node image and its files. ``kubernetes`` is its release, without a leading ``v``."""

    name: str
    saved: SavedImage
    layers: list[Path]
    tree: Tree
    kubernetes: str

    def places(self, program: str) -> list[str]:
        """Return every path at which the node would find a program, the first it takes first."""
        return [place for each in _PATH if (place := f"{each}/{program}") in self.tree]

    def libraries(self) -> str | None:
        """Return the directory with the C library, None for an image that has none."""
        found = [place for place in self.tree if PurePosixPath(place).name == "libc.so.6"]
        return str(PurePosixPath(found[0]).parent) if found else None


def read_base(archive: Path, *, name: str, arch: str, work: Path) -> Base:
    """Return the kind node image of an archive that an engine has saved, unpacked into ``work``.

    Raises ``UsageError`` for an image that is none or is for another architecture, ``HostError``
    for a damaged archive.
    """
    saved = saved_image(archive)
    built_for = saved.configuration.get("architecture")
    if built_for != arch:
        raise _refusal(
            name, "is for another architecture than this host's", f"{built_for}, here is {arch}"
        )
    layers = saved.unpack(work)
    tree = Tree(layers)
    missing = [f"it has no /{place}" for place in _NEEDED if place not in tree]
    if missing:
        raise _refusal(name, "is no kind node image", *missing)
    release = tree.read("kind/version").decode(errors="replace").strip().removeprefix("v")
    if not re.fullmatch(r"\d+\.\d+\.\d+\S*", release):
        raise _refusal(name, "is no kind node image", f"its /kind/version says {release!r}")
    return Base(name=name, saved=saved, layers=layers, tree=tree, kubernetes=release)


def check_kubernetes(base: Base, asked: str | None) -> None:
    """Raise ``UsageError`` where the base's release cannot resize, or is not what was asked for.

    The release is not only kubelet and kubeadm but the images in the base as well, so it is never
    replaced. ``asked`` is as a user writes it (``v1.27.3``, ``1.27``); None is whatever it holds.
    """
    versions.normalise(
        Component.KUBERNETES, base.kubernetes.partition("+")[0], origin=f"{ORIGIN} {base.name}"
    )
    wanted = None if asked is None else asked.strip().removeprefix("v")
    if wanted is None or base.kubernetes == wanted or base.kubernetes.startswith(f"{wanted}."):
        return
    raise UsageError(
        "The base holds another Kubernetes than is asked for, and only its runtime is replaced.",
        value=str(asked),
        origin="--kubernetes",
        causes=(f"{base.name} holds v{base.kubernetes} (its /kind/version)",),
        next_command=f"podresize artifacts get node-image --base {base.name}",
    )


def check_configuration(base: Base, containerd: str) -> None:
    """Raise ``UsageError`` where this containerd cannot read the base's configuration of its own.

    It is kept as it is: its version decides which of kind's patches are applied.
    """
    try:
        settings = tomllib.loads(base.tree.read(_CONFIGURATION).decode())
    except ValueError as error:
        raise _refusal(
            base.name, "has an unreadable configuration of containerd", str(error)
        ) from None
    version = settings.get("version", 1)
    major = int(containerd.split(".")[0])
    reads = _READS.get(major, _READS[max(_READS)])
    if version in reads:
        return
    raise UsageError(
        f"containerd {containerd} does not read the configuration that the base has for its own.",
        value=containerd,
        origin="--containerd",
        causes=(
            f"/{_CONFIGURATION} of {base.name} is of version {version}; "
            f"containerd {major}.x reads {' and '.join(map(str, reads))}",
            "the base was made by a kind of another time: one with containerd "
            f"{'1.x' if major == 1 else '2.x'} fits",
        ),
        next_command=f"podresize artifacts get node-image --containerd {containerd}",
    )


def check_libraries(base: Base, part: Artifact, program: str) -> dict[str, Path]:
    """Return those of a program's shared libraries that the base lacks and ``part`` brings.

    Raises ``UsageError`` for a library that neither has. Whether the base's C library is new enough
    is not looked at.
    """
    there = {PurePosixPath(place).name for place in base.tree}
    wanted = shared_libraries(part.files[program])
    brought = {name: part.files[name] for name in wanted - there if name in part.files}
    missing = sorted(wanted - there - brought.keys())
    if missing:
        raise _refusal(
            base.name, f"lacks shared libraries that {program} {part.version} needs", *missing
        )
    return brought


def shared_libraries(program: Path) -> set[str]:
    """Return the file names of all libraries that a program loads; none for a static one."""
    said = subprocess.run(
        ["ldd", program], capture_output=True, text=True, check=False, timeout=60
    ).stdout
    names = {PurePosixPath(each).name for each in _LOADER.findall(said)}
    return {name for name in names if not name.startswith("linux-vdso")}


def _refusal(name: str, what: str, *causes: str) -> UsageError:
    return UsageError(
        f"The base {what}.",
        value=name,
        origin=ORIGIN,
        causes=causes,
        next_command="podresize artifacts get node-image --base kindest/node:v1.27.3",
    )
