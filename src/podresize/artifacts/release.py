"""The upstream release source: files over HTTP, kept only when the published checksum fits."""

from __future__ import annotations

import os
import re
import tarfile
from pathlib import Path

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.catalogue import RECIPES, Release
from podresize.artifacts.download import Downloader
from podresize.artifacts.layout import Layout, remove_tree
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError

MIRROR = "PODRESIZE_DOWNLOAD_MIRROR"


class ReleaseDownload:
    """Downloads what upstream published.

    ``mirror`` replaces scheme and host of every address, by default with the environment's
    ``PODRESIZE_DOWNLOAD_MIRROR``: a mirror keeps upstream's paths.
    """

    source = Source.DOWNLOAD

    def __init__(
        self, layout: Layout, *, mirror: str | None = None, downloader: Downloader | None = None
    ) -> None:
        self._layout = layout
        self._mirror = mirror if mirror is not None else os.environ.get(MIRROR) or None
        self._downloader = downloader or Downloader()

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:  # noqa: ARG002 (the protocol's)
        """Return what was asked for or the row's preference. See ``Fetcher``."""
        recipe = RECIPES[component]
        if recipe.release is None:
            raise SourcePassedOverError(recipe.why_no_release)
        version = asked or recipe.release.preferred
        if version is None:
            raise SourcePassedOverError("it has no preferred version")
        return version

    def fetch(
        self, component: Component, version: str, *, arch: str, work: Path, progress: Progress
    ) -> dict[str, Path]:
        """Download and verify each file, resuming what an earlier run began. See ``Fetcher``."""
        recipe = RECIPES[component]
        assert recipe.release is not None  # version_for refused
        label = f"{component} {version} ({arch})"
        if not recipe.release.members:
            return {
                program: self._verified(
                    recipe.release,
                    version,
                    arch,
                    program,
                    work=work,
                    label=label,
                    progress=progress,
                )
                for program in recipe.programs
            }
        archive = self._verified(
            recipe.release, version, arch, "archive", work=work, label=label, progress=progress
        )
        return _unpack(archive, recipe.release, version, arch, work=work)

    def _verified(
        self,
        release: Release,
        version: str,
        arch: str,
        program: str,
        *,
        work: Path,
        label: str,
        progress: Progress,
    ) -> Path:
        values = {"version": version, "arch": arch, "program": program}
        url = self._address(release.url.format(**values))
        name = url.rpartition("/")[2]
        published = self._downloader.text(self._address(release.checksum.format(**values)))
        digest = checksum_for(published, name)
        if digest is None:
            raise SourcePassedOverError(f"the published checksums do not name {name}")
        target = work / program
        with progress.work(f"{label}: downloading {name}", unit="bytes") as advance:
            self._downloader.file(
                url, target, sha256=digest, partial=self._layout.partial, advance=advance
            )
        return target

    def _address(self, url: str) -> str:
        if self._mirror is None:
            return url
        return re.sub(r"^https?://[^/]+", self._mirror.rstrip("/"), url)


def checksum_for(published: str, name: str) -> str | None:
    """Return the SHA-256 of one file from what upstream publishes, lower case.

    Both forms in use: the digest alone, and ``sha256sum``'s lines of digest and name. ``None``
    where the text has neither for this name (an error page, for example).
    """
    lines = [line.split() for line in published.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1 and _is_sha256(lines[0][0]):
        return lines[0][0].lower()
    for words in lines:
        if len(words) == 2 and _is_sha256(words[0]) and Path(words[1].lstrip("*")).name == name:
            return words[0].lower()
    return None


def _is_sha256(word: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{64}", word) is not None


def _unpack(
    archive: Path, release: Release, version: str, arch: str, *, work: Path
) -> dict[str, Path]:
    """Take exactly the wanted members out: no other path of the archive is ever written."""
    files = {}
    try:
        with tarfile.open(archive, "r:*") as tar:
            for program, place in release.members.items():
                member = tar.extractfile(place.format(version=version, arch=arch))
                if member is None:
                    raise SourcePassedOverError(f"{place} in the archive is no file")
                files[program] = work / program
                with files[program].open("wb") as out:
                    while chunk := member.read(1 << 20):
                        out.write(chunk)
    except (tarfile.TarError, KeyError) as error:
        raise SourcePassedOverError(f"the archive is not as expected: {error}") from error
    remove_tree(archive)
    return files
