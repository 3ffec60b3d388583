"""``get``: the one question that the rest of podresize asks of this room."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from packaging.version import Version

from podresize.artifacts import versions
from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.catalogue import RECIPES, Programs
from podresize.artifacts.host import check_arch
from podresize.artifacts.images import Assembly
from podresize.artifacts.libraries import lacking
from podresize.artifacts.module import ModuleBuild
from podresize.artifacts.next_release import NextRelease
from podresize.artifacts.package import OsPackage, recipe_suffix
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.release import ReleaseDownload
from podresize.artifacts.source import Fetcher, SourcePassedOverError
from podresize.errors import HostError, PodresizeError


@dataclasses.dataclass(slots=True)
class _Tried:
    source: Source
    passed_over: SourcePassedOverError

    def __str__(self) -> str:
        return f"{self.source}: {self.passed_over.reason}"


class Store:
    """A cache and the sources that fill it, in the order in which they are tried."""

    def __init__(
        self, cache: Cache | None = None, fetchers: Sequence[Fetcher] | None = None
    ) -> None:
        self.cache = cache or Cache()
        self.fetchers: Sequence[Fetcher] = (
            fetchers
            if fetchers is not None
            else (
                ReleaseDownload(self.cache.layout),
                ModuleBuild(self.cache),
                OsPackage(),
                NextRelease(),
                Assembly(self.cache),
            )
        )

    def get(
        self,
        component: Component,
        version: str | None = None,
        *,
        source: Source | None = None,
        arch: str | None = None,
        progress: Progress | None = None,
        origin: str | None = None,
    ) -> Artifact:
        """Return verified files, from the cache or from the first source that has them.

        ``version`` may carry a ``v`` and may be a minor (``1.27``: its newest known patch);
        ``None`` means the component's default or what the first working source prefers.
        ``source`` forces one; ``Source.CACHE`` fetches nothing. ``arch`` defaults to the host's.

        Raises ``UsageError`` for a version that does not exist and ``HostError`` where no source
        can deliver on this host, with each source's reason. ``origin`` is where the version came
        from, for these errors; by default the option that names it.
        """
        progress = progress or default_progress()
        arch = check_arch(arch)
        asked = versions.normalise(component, version, origin=origin)
        fetchers = self._fetchers(component, source)
        name = f"{component} {asked}" if asked else str(component)

        cached = self._cached(component, asked, arch, fetchers, progress)
        if cached is not None:
            return cached
        tried = [_Tried(Source.CACHE, SourcePassedOverError("not there yet"))]
        if source is Source.CACHE:
            raise self._failure(component, asked, arch, tried, source, origin)
        progress.note(f"{name} ({arch}): not in the cache")
        for fetcher in fetchers:
            try:
                artifact = self._fetch(fetcher, component, asked, arch, progress)
            except SourcePassedOverError as passed_over:
                tried.append(_Tried(fetcher.source, passed_over))
                progress.note(f"{name} ({arch}): {tried[-1]}")
            else:
                return artifact
        raise self._failure(component, asked, arch, tried, source, origin)

    def newest(self, component: Component) -> str:
        """Return the newest release that is known to exist: the module proxy lists them.

        Where that cannot be asked it is the newest that this podresize knows of.
        """
        return max(self._listed(component), key=Version)

    def _fetchers(self, component: Component, source: Source | None) -> list[Fetcher]:
        if source not in (None, Source.CACHE):
            return [fetcher for fetcher in self.fetchers if fetcher.source is source]
        assembled = component in (Component.IMAGES, Component.GUEST_AGENT)
        return [f for f in self.fetchers if (f.source is Source.ASSEMBLED) == assembled]

    def _cached(
        self,
        component: Component,
        asked: str | None,
        arch: str,
        fetchers: list[Fetcher],
        progress: Progress,
    ) -> Artifact | None:
        for fetcher in fetchers:
            wanted = asked or self._preferred(fetcher, component, arch)
            if wanted is None:
                continue
            found = self.cache.find(component, wanted, arch=arch, source=fetcher.source)
            if found is not None and self._loads(found, progress):
                return found
        return None

    def _loads(self, found: Artifact, progress: Progress) -> bool:
        """Return whether programs find their libraries here, and drop those that do not.

        They are fetched anew then, with what this host lacks.
        """
        if not isinstance(RECIPES[found.component].package, Programs):
            return True
        if not (missing := lacking(found)):
            return True
        with self.cache.lock(_lock_of(found.component, found.version, found.arch), on_wait=_quiet):
            # Meanwhile another process may have fetched them.
            again = self.cache.find(
                found.component, found.version, arch=found.arch, source=found.source
            )
            if again is not None and not lacking(again):
                return True
            self.cache.forget(found)
        progress.note(
            f"{found.component} {found.version} ({found.arch}): in the cache without what this "
            f"host lacks, {', '.join(missing)}; fetching it anew"
        )
        return False

    def _preferred(self, fetcher: Fetcher, component: Component, arch: str) -> str | None:
        """Return the version that a source's cached files must have when none was asked for.

        Only what the source itself would deliver: a version that somebody once asked for by name
        is not everybody's default. The OS's package is an exception: to ask the package lists
        takes longer than a warm start should, and a newer one is no reason to change; one that was
        made otherwise than today is.
        """
        if fetcher.source is Source.PACKAGE:
            suffix = recipe_suffix(component)
            have = [
                entry
                for entry in self.cache.entries()
                if (entry.component, entry.arch, entry.source) == (component, arch, fetcher.source)
                and entry.version.endswith(suffix)
            ]
            return max(have, key=lambda entry: entry.stored_at).version if have else None
        recipe = RECIPES[component]
        rows = {Source.DOWNLOAD: recipe.release, Source.MODULE: recipe.module}
        if (row := rows.get(fetcher.source)) is not None:
            return row.preferred
        try:
            return fetcher.version_for(component, None, arch=arch)
        except SourcePassedOverError:
            return None

    def _fetch(
        self,
        fetcher: Fetcher,
        component: Component,
        asked: str | None,
        arch: str,
        progress: Progress,
    ) -> Artifact:
        version = fetcher.version_for(component, asked, arch=arch)
        label = f"{component} {version} ({arch})"

        def waiting() -> None:
            progress.note(f"{label}: another process is fetching it; waiting for that one")

        with self.cache.lock(_lock_of(component, version, arch), on_wait=waiting):
            found = self.cache.find(component, version, arch=arch, source=fetcher.source)
            if found is not None:
                return found
            self.cache.layout.sweep()  # what a killed process left is room for this one
            with self.cache.layout.work(f"{component}-{version}") as work:
                files = fetcher.fetch(component, version, arch=arch, work=work, progress=progress)
                artifact = self.cache.store(
                    component, version, arch=arch, source=fetcher.source, files=files
                )
        progress.note(f"{label}: {fetcher.source}, verified, in the cache")
        return artifact

    def _failure(
        self,
        component: Component,
        asked: str | None,
        arch: str,
        tried: list[_Tried],
        source: Source | None,
        origin: str | None,
    ) -> PodresizeError:
        causes = [str(each) for each in tried]
        listed = self._listed(component)
        if source is None and asked is not None and listed and asked not in listed:
            return versions.unknown(
                component, asked, listed, origin=origin, reasons=tuple(causes[1:])
            )
        name = f"{component} {asked}" if asked else str(component)
        for each in tried:
            if each.passed_over.log_tail:
                tail = each.passed_over.log_tail.replace("\n", "\n       ")
                causes.append(f"the last lines of {each.passed_over.log}:\n       {tail}")
        return HostError(
            f"{name} for {arch} cannot be had on this host: no source delivers it.",
            value=name,
            origin=f"--source {source}" if source else "all sources, in this order",
            causes=tuple(causes),
            next_command=_next_command(component, asked, source),
        )

    def _listed(self, component: Component) -> tuple[str, ...]:
        """Return the versions that exist, where a list of them can be had; else nothing."""
        if RECIPES[component].default is None:
            return ()
        listed = set(versions.known(component))
        if component is Component.CONTAINERD:
            for fetcher in self.fetchers:
                if isinstance(fetcher, ModuleBuild):
                    listed |= set(fetcher.versions(component))
        return tuple(listed)


def _lock_of(component: Component, version: str, arch: str) -> str:
    return f"{component}-{version}-{arch}"


def _quiet() -> None:
    pass


def _next_command(component: Component, asked: str | None, source: Source | None) -> str:
    if source is not None:
        version = f" {versions.option_for(component)} {asked}" if asked else ""
        return f"podresize artifacts get {component}{version}"
    return "podresize doctor"


def newest(component: Component) -> str:
    """Return the newest release of a component with releases: see ``Store.newest``."""
    return Store().newest(component)


def get(
    component: Component,
    version: str | None = None,
    *,
    source: Source | None = None,
    arch: str | None = None,
    progress: Progress | None = None,
    origin: str | None = None,
    root: Path | None = None,
) -> Artifact:
    """Return verified files of a component: see ``Store.get``.

    ``root`` is the cache's directory, by default ``$XDG_CACHE_HOME/podresize``.
    """
    return Store(Cache(root)).get(
        component, version, source=source, arch=arch, progress=progress, origin=origin
    )
