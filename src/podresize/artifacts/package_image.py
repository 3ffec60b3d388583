"""The OS's packages as a pod image: what they would install, in one layer, and nothing else.

The layer is made from the packages' own archives, without unpacking them: owner, time and order
are ours, so that the same packages give the same bytes, and no root is needed.
"""

from __future__ import annotations

import contextlib
import fnmatch
import tarfile
from pathlib import Path

from podresize.artifacts.catalogue import PackageImage
from podresize.artifacts.images import add, pack_image
from podresize.artifacts.source import SourcePassedOverError

# Where /usr is merged these are links to the directories of the same name below it. Packages of
# both kinds of release are packed as such, because the loader is looked for in /lib or /lib64.
_MERGED = ("bin", "lib", "lib64", "sbin")
_LEFT_OUT = ("usr/share/", "usr/bin/", "usr/sbin/")  # documentation, and links to what is named


_Found = dict[str, tuple[tarfile.TarFile, tarfile.TarInfo]]


def pack(package: PackageImage, trees: list[Path], *, arch: str, work: Path) -> dict[str, Path]:
    """Return the image of what these tar files hold, inside ``work``.

    It starts the one program that ``package.files`` names, and has its directory as the PATH.
    """
    ((name, pattern),) = package.files.items()
    layer, image = work / "layer.tar", work / name
    with contextlib.ExitStack() as opened:
        found: _Found = {}
        for tree in trees:
            found |= _members(opened.enter_context(tarfile.open(tree)))
        programs = sorted(place for place in found if fnmatch.fnmatch(place, pattern))
        if not programs:
            raise SourcePassedOverError(f"the OS's {package.name} has no /{pattern}")
        _write_layer(layer, found)
    path = Path("/", programs[0])
    pack_image(
        image,
        layers=[layer],
        name=package.image,
        arch=arch,
        config={"Entrypoint": [str(path)], "Env": [f"PATH={path.parent}"]},
    )
    return {name: image}


def _members(tree: tarfile.TarFile) -> _Found:
    found = {}
    for member in tree:
        place = _merged(member.name.removeprefix("./").rstrip("/"))
        if place and not member.isdir() and not place.startswith(_LEFT_OUT):
            found[place] = (tree, member)
    return found


def _write_layer(layer: Path, found: _Found) -> None:
    parents = {str(parent) for place in found for parent in Path(place).parents} - {"."}
    with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in _MERGED:
            link = tarfile.TarInfo(name)
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, f"usr/{name}", 0o777
            archive.addfile(link)
        add(archive, "tmp", None, mode=0o1777)
        for place in sorted(parents | found.keys()):
            if place in parents:
                add(archive, place, None, mode=0o755)
                continue
            opened, member = found[place]
            info = tarfile.TarInfo(place)
            info.mode = member.mode
            if member.issym():
                info.type, info.linkname = tarfile.SYMTYPE, member.linkname
                archive.addfile(info)
                continue
            # A hard link is packed as another file of the same bytes.
            file = opened.extractfile(member)
            if file is None:
                raise SourcePassedOverError(f"/{place} is no file, link or directory")
            info.size = file.seek(0, 2)
            file.seek(0)
            archive.addfile(info, file)


def _merged(place: str) -> str:
    first = place.partition("/")[0]
    return f"usr/{place}" if first in _MERGED else place
