"""Caches that have every part of a node image but the OS, which is put together anew in them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.kubeadm import etcd_for, wanted_images
from podresize.artifacts.store import Store

# What is compiled or packed of fixed sources, beside what has the versions that are asked for.
_FIXED = (Component.RUNC, Component.CNI, Component.IMAGES)


def parts_of(store: Store, kubernetes: str, containerd: str) -> list[Artifact]:
    """Return the parts from the real cache, made where they are not there."""
    kubeadm = store.get(Component.KUBEADM, kubernetes)
    wanted: list[tuple[Component, str | None]] = [
        (Component.KUBERNETES, kubernetes),
        (Component.KUBECTL, kubernetes),
        (Component.CONTAINERD, containerd),
        (Component.ETCD, etcd_for(wanted_images(kubeadm))),
        *((each, None) for each in _FIXED),
    ]
    return [kubeadm, *(store.get(component, version) for component, version in wanted)]


@contextlib.contextmanager
def caches_with_parts(
    names: tuple[str, ...], kubernetes: str, containerd: str
) -> Iterator[list[Path]]:
    """Yield directories of these names, each an ``$XDG_CACHE_HOME`` with such a cache."""
    store = Store()
    given = parts_of(store, kubernetes, containerd)
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
