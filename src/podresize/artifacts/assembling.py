"""What is made here of other artifacts: once, by one process, and then found in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.artifacts.progress import Progress
from podresize.artifacts.pruning import drop_older
from podresize.artifacts.store import Store


def assembled(
    component: Component,
    version: str,
    *,
    arch: str,
    make: Callable[[Path], dict[str, Path]],
    store: Store,
    progress: Progress,
    series: str | None = None,
) -> Artifact:
    """Return what ``make`` makes in an empty directory, from the cache if it is there.

    The version has to change whenever the bytes would. With a ``series``, how the version begins,
    others of it go as ``drop_older`` says. Raises as ``make`` does.
    """

    def find() -> Artifact | None:
        return store.cache.find(component, version, arch=arch, source=Source.ASSEMBLED)

    def waiting() -> None:
        progress.note(f"{component} {version}: another process is making it; waiting for that one")

    found = find()
    if found is not None:
        return found
    with store.cache.lock(f"{component}-{version}-{arch}", on_wait=waiting):
        found = find()
        if found is not None:
            return found
        store.cache.layout.sweep()  # what a killed process left is room for this one
        with store.cache.layout.work(str(component)) as work:
            made = store.cache.store(
                component, version, arch=arch, source=Source.ASSEMBLED, files=make(work)
            )
    if series is not None:
        for entry in drop_older(store.cache, made, series=series):
            progress.note(f"{entry.component} {entry.version}: removed, {version} is newer")
    return made


def newest_assembled(
    component: Component, suffix: str, *, arch: str, store: Store
) -> Artifact | None:
    """Return the one that was made last of those whose version ends so, None where there is none.

    For what follows the OS's packages: to ask for them takes longer than a warm start should.
    """
    have = [
        entry
        for entry in store.cache.entries()
        if (entry.component, entry.arch, entry.source) == (component, arch, Source.ASSEMBLED)
        and entry.version.endswith(suffix)
    ]
    for entry in sorted(have, key=lambda entry: entry.stored_at, reverse=True):
        found = store.cache.find(component, entry.version, arch=arch, source=Source.ASSEMBLED)
        if found is not None:
            return found
    return None


def mark_of(*inputs: Any) -> str:
    """Return a short hash of all that something is made of, given as what JSON can hold."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]
