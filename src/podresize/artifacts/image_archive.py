"""Reading an image that an engine has saved: its configuration, its layers, and the files in them.

``docker save`` and ``podman save`` write one tar file, in which ``manifest.json`` names the rest.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from podresize.artifacts.layout import sha256_of
from podresize.errors import HostError

_GZIP = b"\x1f\x8b"
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedImage:
    """An image of an archive. ``id`` is the hash of its configuration, ``sha256:...``."""

    archive: Path
    id: str
    configuration: dict[str, Any]
    places: tuple[str, ...]  # of the layers in the archive, the lowest first

    @property
    def labels(self) -> dict[str, str]:
        """What the image says of itself."""
        return dict(self.configuration.get("config", {}).get("Labels") or {})

    def unpack(self, work: Path) -> list[Path]:
        """Write the layers into ``work`` as plain tar files, the lowest first, and return them.

        Raises ``HostError`` for a layer that is not what the configuration says.
        """
        wanted = self.configuration["rootfs"]["diff_ids"]
        layers = []
        with tarfile.open(self.archive) as archive:
            for number, (place, digest) in enumerate(zip(self.places, wanted, strict=True)):
                layers.append(work / f"base-{number}.layer")
                _write_plain(_file(archive, place, self.archive), layers[-1])
                if f"sha256:{sha256_of(layers[-1])}" != digest:
                    raise HostError(
                        "a layer of the saved image is damaged",
                        value=digest,
                        origin=str(self.archive),
                        causes=("the disk is full or failing", "the engine's own copy is damaged"),
                    )
        return layers


class Tree:
    """The files of an image as a container of it would see them, without starting one."""

    def __init__(self, layers: list[Path]) -> None:
        self._found: dict[str, tuple[Path, tarfile.TarInfo]] = {}
        for layer in layers:
            with tarfile.open(layer) as archive:
                self._lay(layer, archive.getmembers())

    def __contains__(self, place: str) -> bool:
        return place in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def member(self, place: str) -> tarfile.TarInfo:
        """Return what the image says of a path: mode, owner, time."""
        return self._found[place][1]

    def read(self, place: str) -> bytes:
        """Return the bytes of a file."""
        layer, member = self._found[place]
        with tarfile.open(layer) as archive:
            file = archive.extractfile(member)
            return b"" if file is None else file.read()

    def _lay(self, layer: Path, members: list[tarfile.TarInfo]) -> None:
        # What a layer hides is of those below it, whatever the order of its own members.
        for member in members:
            path = PurePosixPath(member.name)
            if path.name == _OPAQUE:
                self._hide(f"{_place(path.parent)}/")
            elif path.name.startswith(_WHITEOUT):
                hidden = _place(path.with_name(path.name.removeprefix(_WHITEOUT)))
                self._found.pop(hidden, None)
                self._hide(f"{hidden}/")
        for member in members:
            path = PurePosixPath(member.name)
            if path.name.startswith(_WHITEOUT):
                continue
            place = _place(path)
            if not member.isdir() and place in self._found and self.member(place).isdir():
                self._hide(f"{place}/")
            self._found[place] = (layer, member)

    def _hide(self, prefix: str) -> None:
        for place in [each for each in self._found if each.startswith(prefix)]:
            del self._found[place]


def saved_image(archive: Path) -> SavedImage:
    """Return the one image of an archive. Raises ``HostError`` for what is no such archive."""
    try:
        with tarfile.open(archive) as opened:
            (listed,) = json.loads(_file(opened, "manifest.json", archive).read())
            configuration = _file(opened, listed["Config"], archive).read()
        return SavedImage(
            archive=archive,
            id=f"sha256:{hashlib.sha256(configuration).hexdigest()}",
            configuration=json.loads(configuration),
            places=tuple(listed["Layers"]),
        )
    except (tarfile.TarError, ValueError, KeyError) as error:
        raise _unreadable(archive, str(error)) from error


def _file(archive: tarfile.TarFile, place: str, path: Path) -> IO[bytes]:
    try:
        found = archive.extractfile(place)
    except KeyError:
        found = None
    if found is None:
        raise _unreadable(path, f"it has no {place}")
    return found


def _unreadable(archive: Path, why: str) -> HostError:
    return HostError(
        "the engine's copy of the image cannot be read",
        value=why,
        origin=str(archive),
        causes=("the disk is full", "an engine whose archives are of another kind"),
    )


def _write_plain(source: IO[bytes], target: Path) -> None:
    packed = source.read(len(_GZIP)) == _GZIP
    source.seek(0)
    with target.open("wb") as file:
        if packed:
            with gzip.open(source) as plain:
                shutil.copyfileobj(plain, file)
        else:
            shutil.copyfileobj(source, file)


def _place(path: PurePosixPath) -> str:
    return str(path).removeprefix("./").lstrip("/")
