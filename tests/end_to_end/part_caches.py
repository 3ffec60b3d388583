"""Caches beside the real one that have the parts of what is put together anew in them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.kubeadm import etcd_for, wanted_images
from podresize.artifacts.store import Store

# What is compiled or packed of fixed sources, beside what has the versions that are asked for.
_FIXED = (Component.RUNC, Component.CNI, Component.IMAGES)
_OF_A_GUEST = (
    *(Component.QEMU, Component.GUEST_TOOLS, Component.NODE_BASE),
    Component.GUEST_AGENT,
)
_PartsOf = Callable[[Store, str, str], list[Artifact]]


def parts_of(store: Store, kubernetes: str, containerd: str) -> list[Artifact]:
    """Return every part of a node image but the OS, from the real cache; made if not there."""
    kubeadm = store.get(Component.KUBEADM, kubernetes)
    wanted: list[tuple[Component, str | None]] = [
        (Component.KUBERNETES, kubernetes),
        (Component.KUBECTL, kubernetes),
        (Component.CONTAINERD, containerd),
        (Component.ETCD, etcd_for(wanted_images(kubeadm))),
        *((each, None) for each in _FIXED),
    ]
    return [kubeadm, *(store.get(component, version) for component, version in wanted)]


def guest_parts_of(store: Store, kubernetes: str, containerd: str) -> list[Artifact]:
    """Return what a guest is made of, but for its kernel's packages, as ``parts_of`` does."""
    wanted: list[tuple[Component, str | None]] = [
        (Component.KUBERNETES, kubernetes),
        (Component.CONTAINERD, containerd),
        *((each, None) for each in (*_FIXED, *_OF_A_GUEST)),
    ]
    return [store.get(component, version) for component, version in wanted]


@contextlib.contextmanager
def caches_with_parts(
    names: tuple[str, ...], kubernetes: str, containerd: str, *, of: _PartsOf = parts_of
) -> Iterator[list[Path]]:
    """Yield directories of these names, each an ``$XDG_CACHE_HOME`` with such a cache."""
    store = Store()
    given = of(store, kubernetes, containerd)
    with store.cache.layout.work("parts") as work:
        for name in names:
            _fill(Cache(work / name / "podresize"), given)
        yield [work / name for name in names]


def _fill(cache: Cache, given: list[Artifact]) -> None:
    for part in given:
        with cache.layout.work("given") as files:
            copies = {name: files / name for name in part.files}
            for name, path in part.files.items():
                shutil.copy2(path, copies[name])
            cache.store(
                part.component, part.version, arch=part.arch, source=part.source, files=copies
            )
