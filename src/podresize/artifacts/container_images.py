"""Images of programs that podresize runs beside a cluster: a registry, a containerd, a reaper.

Each is made of artifacts that are there or can be built, so that an engine without a registry can
run it, and its tag is a hash of all that went in: an engine that has the name has the content.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tarfile
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from podresize.artifacts import gobuild
from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.assembling import assembled
from podresize.artifacts.bootstrap import ROOT
from podresize.artifacts.host import check_arch
from podresize.artifacts.images import add, pack_image
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.store import Store
from podresize.artifacts.toolchain import find_go
from podresize.manifests import manifests

REGISTRY_PORT = 5000
_LAYOUT = 1  # counts changes of this file that change the images' bytes
_GO = "1.21"  # of reaper/go.mod
_CONFIG_3 = 2  # the major version of containerd from which on its configuration is of version 3

_Files = dict[str, tuple[bytes | Path, int]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContainerImage:
    """An archive that ``docker load`` reads, and the name that the image gets there."""

    name: str
    archive: Path


def registry_image(
    *, store: Store | None = None, progress: Progress | None = None
) -> ContainerImage:
    """Return the image of an OCI registry that keeps its images in the container.

    Raises as ``Store.get`` does.
    """
    store, progress = store or Store(), progress or default_progress()
    registry = store.get(Component.REGISTRY, progress=progress)
    configuration = (manifests("registry") / "config.yaml").read_bytes()
    files: _Files = {
        "registry": (registry.files["registry"], 0o755),
        "config.yaml": (configuration, 0o644),
    }
    config = {
        "Entrypoint": ["/registry"],
        "Cmd": ["serve", "/config.yaml"],
        "ExposedPorts": {f"{REGISTRY_PORT}/tcp": {}},
    }

    def write(work: Path, target: Path, name: str) -> None:
        layer = _layer(work, files)
        pack_image(target, layers=[layer], name=name, arch=registry.arch, config=config)

    inputs = [_digests(store, registry), configuration.decode(), config]
    return _made(store, progress, Component.REGISTRY_IMAGE, registry.version, inputs, write)


def containerd_image(
    version: str | None = None, *, store: Store | None = None, progress: Progress | None = None
) -> ContainerImage:
    """Return the image of a containerd with runc, ready to be asked over CRI, no network plugin.

    Below it is the root file system of node images, since runc is linked against the OS's libc.
    Raises as ``Store.get`` does.
    """
    store, progress = store or Store(), progress or default_progress()
    containerd = store.get(Component.CONTAINERD, version, progress=progress)
    runc, base, images = (
        store.get(each, progress=progress)
        for each in (Component.RUNC, Component.NODE_BASE, Component.IMAGES)
    )
    source = manifests("containerd")
    number = 3 if int(containerd.version.split(".")[0]) >= _CONFIG_3 else 2
    settings = {
        "etc/containerd/config.toml": (source / f"config-{number}.toml", 0o644),
        "usr/local/bin/serve": (source / "serve", 0o755),
    }
    files: _Files = {
        **settings,
        "usr/local/sbin/runc": (runc.files["runc"], 0o755),
        **{f"usr/local/bin/{name}": (path, 0o755) for name, path in containerd.files.items()},
        **{f"images/{name}": (path, 0o644) for name, path in images.files.items()},
    }
    config = {
        "Entrypoint": ["/usr/local/bin/serve"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        # An overlay on an overlay cannot be mounted.
        "Volumes": {"/var/lib/containerd": {}},
    }

    def write(work: Path, target: Path, name: str) -> None:
        layers = [base.files[ROOT], _layer(work, files)]
        pack_image(target, layers=layers, name=name, arch=containerd.arch, config=config)

    inputs = [
        *(_digests(store, part) for part in (containerd, runc, base, images)),
        *(path.read_text("utf-8") for path, _ in settings.values()),
        config,
    ]
    return _made(store, progress, Component.CONTAINERD_IMAGE, containerd.version, inputs, write)


def reaper_image(*, store: Store | None = None, progress: Progress | None = None) -> ContainerImage:
    """Return the image of a program that speaks the protocol of testcontainers' Ryuk.

    It is podresize's own (``reaper/``): neither Ryuk's module nor its image can be had without its
    registry. Raises ``SourcePassedOverError`` where it cannot be built, and as ``Store.get`` does.
    """
    store, progress = store or Store(), progress or default_progress()
    arch = check_arch(None)
    root = resources.files("podresize.artifacts") / "reaper"
    sources = {
        item.name: item.read_bytes()
        for item in sorted(root.iterdir(), key=lambda item: item.name)
        if item.name.endswith((".go", "go.mod"))
    }
    config = {"Entrypoint": ["/reaper"], "ExposedPorts": {"8080/tcp": {}}}

    def write(work: Path, target: Path, name: str) -> None:
        scratch = work / "scratch"
        scratch.mkdir()
        for file, data in sources.items():
            (scratch / file).write_bytes(data)
        job = gobuild.GoBuild(
            label=f"{Component.REAPER_IMAGE} ({arch})",
            log_name=f"{Component.REAPER_IMAGE}-{arch}",
            go=find_go(store.cache, at_least=_GO, progress=progress),
            directory=scratch,
            packages=("podresize.local/reaper",),
            out=work / "out",
            arch=arch,
        )
        gobuild.build(job, cache=store.cache, progress=progress)
        layer = _layer(work, {"reaper": (job.out / "reaper", 0o755)})
        pack_image(target, layers=[layer], name=name, arch=arch, config=config)

    inputs = [{name: data.decode() for name, data in sources.items()}, config]
    return _made(store, progress, Component.REAPER_IMAGE, "1", inputs, write)


def _made(
    store: Store,
    progress: Progress,
    component: Component,
    version: str,
    inputs: Sequence[object],
    write: Callable[[Path, Path, str], None],
) -> ContainerImage:
    """Return the image that ``write`` makes of the inputs, from the cache if it is there."""
    arch = check_arch(None)
    digest = hashlib.sha256(json.dumps([_LAYOUT, arch, inputs], sort_keys=True).encode())
    full = f"{version}.{digest.hexdigest()[:12]}"
    what = component.removesuffix("-image")
    name, file = f"podresize.local/{what}:v{full}", f"{what}.tar"

    def make(work: Path) -> dict[str, Path]:
        write(work, work / file, name)
        return {file: work / file}

    found = assembled(component, full, arch=arch, make=make, store=store, progress=progress)
    return ContainerImage(name=name, archive=found.files[file])


def _digests(store: Store, part: Artifact) -> dict[str, str]:
    return dict(store.cache.digests(part))


def _layer(work: Path, files: _Files) -> Path:
    layer = work / "own.layer"
    with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as archive:
        for place, (data, mode) in sorted(files.items()):
            add(archive, place, data, mode=mode)
    return layer
