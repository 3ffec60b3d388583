"""Another runtime on a kind node image that is there: ``kindest/node``, or one of our own.

One layer on top of the base replaces containerd, its shim, ``ctr`` and runc wherever the base has
them, and crun where that is asked for. Nothing else is changed but the labels: the network, the
images and the settings of the node stay the base's own. The same base and the same artifacts give
the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from pathlib import Path, PurePosixPath

from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.artifacts.base_image import (
    ORIGIN,
    Base,
    check_configuration,
    check_kubernetes,
    check_libraries,
    read_base,
)
from podresize.artifacts.host import check_arch
from podresize.artifacts.images import pack_image_on
from podresize.artifacts.node_image import FILE, NAME, NodeImage, said_of
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.store import Store
from podresize.errors import UsageError

_LAYOUT = 1  # counts changes of this file that change the image's bytes
_CRUN = "usr/bin/crun"  # where a base gets it that has none


def layered_image(
    archive: Path,
    *,
    name: str,
    kubernetes: str | None = None,
    containerd: str | None = None,
    crun: bool = False,
    store: Store | None = None,
    progress: Progress | None = None,
) -> NodeImage:
    """Return the base with another runtime, from the cache or made of it.

    ``archive`` is what the engine saved of the base called ``name``. ``kubernetes`` is what the
    base has to hold; None for whatever it does. Raises as ``read_base`` and ``Store.get`` do, and
    ``UsageError`` for what the base cannot hold.
    """
    store, progress = store or Store(), progress or default_progress()
    arch = check_arch(None)
    wanted = [Component.CONTAINERD, Component.RUNC, *([Component.CRUN] if crun else [])]
    versions = {Component.CONTAINERD: containerd}
    with store.cache.layout.work(str(Component.NODE_IMAGE)) as work:
        base = read_base(archive, name=name, arch=arch, work=work)
        check_kubernetes(base, kubernetes)
        parts = [
            store.get(each, versions.get(each), arch=arch, progress=progress) for each in wanted
        ]
        check_configuration(base, parts[0].version)
        replaced = _replaced(base, parts)
        progress.note(f"on {name}: {' '.join(f'/{place}' for place in sorted(replaced))}")
        return _made(store, progress, work, base, parts, replaced)


def _replaced(base: Base, parts: list[Artifact]) -> dict[str, Path]:
    """Return the files of the new layer by their places."""
    files: dict[str, Path] = {}
    for part in parts:
        programs = {name: path for name, path in part.files.items() if ".so" not in name}
        for program, path in programs.items():
            places = base.places(program)
            if not places and part.component is Component.CRUN:
                places = [_CRUN]
            if not places:
                raise UsageError(
                    "The base has no runtime of the kind that is to replace its own.",
                    value=base.name,
                    origin=ORIGIN,
                    causes=(f"no {program} where a node looks for programs",),
                    next_command="podresize artifacts get node-image",
                )
            files |= dict.fromkeys(places, path)
            brought = check_libraries(base, part, program)
            files |= {f"{base.libraries()}/{name}": path for name, path in brought.items()}
    return files


def _made(
    store: Store,
    progress: Progress,
    work: Path,
    base: Base,
    parts: list[Artifact],
    replaced: dict[str, Path],
) -> NodeImage:
    labels = {
        f"podresize.{Component.KUBERNETES}": f"{base.kubernetes} (base)",
        **base.saved.labels,
        **{f"podresize.{part.component}": said_of(part) for part in parts},
        "podresize.base": f"{base.name} {base.saved.id}",
    }
    inputs = _digest(store, base, parts, replaced, labels)
    labels["podresize.inputs"] = inputs
    version = f"{base.kubernetes}+{parts[0].version}.{inputs[:12]}"
    tag = re.sub(r"[^\w.-]", "-", f"v{base.kubernetes}-containerd-{parts[0].version}.{inputs[:12]}")
    arch = parts[0].arch

    def find() -> Artifact | None:
        return store.cache.find(Component.NODE_IMAGE, version, arch=arch, source=Source.ASSEMBLED)

    with store.cache.lock(f"{Component.NODE_IMAGE}-{version}-{arch}", on_wait=lambda: None):
        found = find()
        if found is None:
            with progress.work(f"{NAME}:{tag}: packing", unit="layers"):
                layer = work / "runtime.layer"
                _write_layer(layer, base, replaced)
                pack_image_on(
                    work / FILE,
                    base=base.saved.configuration,
                    layers=[*base.layers, layer],
                    name=f"{NAME}:{tag}",
                    labels=labels,
                )
            found = store.cache.store(
                Component.NODE_IMAGE,
                version,
                arch=arch,
                source=Source.ASSEMBLED,
                files={FILE: work / FILE},
            )
    return NodeImage(name=f"{NAME}:{tag}", archive=found.files[FILE], labels=labels)


def _digest(
    store: Store,
    base: Base,
    parts: list[Artifact],
    replaced: dict[str, Path],
    labels: dict[str, str],
) -> str:
    """Return what changes whenever the image's bytes would."""
    told = [_LAYOUT, base.saved.id, labels, sorted(replaced)]
    told += [dict(store.cache.digests(part)) for part in parts]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _write_layer(layer: Path, base: Base, replaced: dict[str, Path]) -> None:
    """Write the files, and the directories above them as the base has them.

    An engine would make a directory that the layer does not name, with an owner and a mode of its
    own choice, and hide the base's.
    """
    parents = {str(parent) for place in replaced for parent in PurePosixPath(place).parents}
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as archive:
        for place in sorted((parents - {"."}) | replaced.keys()):
            known = base.tree.member(place) if place in base.tree else None
            info = tarfile.TarInfo(place)
            if known is not None:
                info.uid, info.gid = known.uid, known.gid
            if place in replaced:
                info.mode, info.size = 0o755, replaced[place].stat().st_size
                with replaced[place].open("rb") as file:
                    archive.addfile(info, file)
            elif known is None or known.isdir():
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                if known is not None:
                    info.mode, info.mtime = known.mode, known.mtime
                archive.addfile(info)
