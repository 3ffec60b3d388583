"""The podresize that runs here as an image: for pods of a cluster that can pull from nowhere.

In it are the interpreter, its library, the distributions that podresize requires, and the shared
libraries that these are linked against, each from this host. There is no shell and no package
manager; it runs as any user. The same files give the same bytes.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

import podresize
from podresize.artifacts.host import check_arch
from podresize.artifacts.images import add, pack_image
from podresize.artifacts.layout import sha256_of
from podresize.errors import HostError
from podresize.manifests import manifests

_PYTHON = "usr/local/bin/python3"
_LIBRARIES = "usr/local/lib/shared"
_PACKAGES = ("podresize", "podresize_fixtures", "podresize_reports")
_LEFT_OUT = frozenset(
    {
        *("__pycache__", "site-packages", "dist-packages"),
        *("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"),
    }
)
# What the loader says of a library: its name and place, or that there is none.
_NEEDED = re.compile(r"^\s*(\S+) => (/\S+|not found)", re.MULTILINE)
_LOADER = re.compile(r"^\s*(/\S*ld-\S+)", re.MULTILINE)
_NOBODY = 65535
_PASSWD = f"podresize:x:{_NOBODY}:{_NOBODY}::/tmp:/nowhere\n".encode()

_Files = dict[str, Path]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SelfImage:
    """An archive that ``ctr images import`` and ``docker load`` read, and the image's name."""

    name: str
    archive: Path


def self_image(archive: Path) -> SelfImage:
    """Write the image. Raises ``HostError`` where a library of it is missing on this host."""
    files = _interpreter() | _distributions() | _podresize()
    with tempfile.TemporaryDirectory(prefix=f".{archive.name}.", dir=archive.parent) as directory:
        layer, made = Path(directory) / "layer.tar", Path(directory) / "image.tar"
        _write_layer(layer, files | _libraries(files))
        name = f"podresize.local/podresize:{podresize.__version__}-{sha256_of(layer)[:12]}"
        home = f"/usr/local/lib/{_version()}"
        environment = {
            "PATH": "/usr/local/bin",
            "PYTHONHOME": "/usr/local",
            "PYTHONPATH": f"{home}/site-packages",
            "LD_LIBRARY_PATH": f"/{_LIBRARIES}",
            "HOME": "/tmp",
            "LANG": "C.UTF-8",
        }
        pack_image(
            made,
            layers=[layer],
            name=name,
            arch=check_arch(None),
            config={
                "Entrypoint": [f"/{_PYTHON}", "-m", "podresize"],
                "Env": [f"{key}={value}" for key, value in environment.items()],
                "User": f"{_NOBODY}:{_NOBODY}",
                "WorkingDir": "/tmp",
            },
        )
        made.replace(archive)
    return SelfImage(name=name, archive=archive)


def _version() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _interpreter() -> _Files:
    library = Path(sysconfig.get_path("stdlib"))
    found = {
        f"usr/local/lib/{_version()}/{place}": path for place, path in _below(library, _LEFT_OUT)
    }
    return found | {_PYTHON: Path(sys.executable).resolve()}


def _below(directory: Path, left_out: frozenset[str]) -> Iterator[tuple[PurePosixPath, Path]]:
    for path in sorted(directory.rglob("*")):
        place = PurePosixPath(path.relative_to(directory))
        # A static library of the interpreter is as large as all else of it.
        if path.is_file() and not left_out & set(place.parts) and path.suffix not in (".a", ".pyc"):
            yield place, path


def _distributions() -> _Files:
    """Return the files of whatever podresize requires, its own metadata among them."""
    found: _Files = {}
    wanted, seen = ["podresize"], set()
    while wanted:
        distribution = importlib.metadata.distribution(wanted.pop())
        name = distribution.metadata["Name"].lower()
        if name in seen:
            continue
        seen.add(name)
        for requirement in map(Requirement, distribution.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
        for file in distribution.files or ():
            path = Path(str(file.locate()))
            # Programs lie outside; a .pth of a checkout would lead to a directory of this host.
            if ".." in file.parts or file.suffix in (".pth", ".pyc") or not path.is_file():
                continue
            found[_in_packages(PurePosixPath(file))] = path
    return found


def _in_packages(place: PurePosixPath | str) -> str:
    return f"usr/local/lib/{_version()}/site-packages/{place}"


def _podresize() -> _Files:
    """Return the packages, the suites and the manifests, where a wheel has them."""
    root = Path(podresize.__file__).parent
    suites = next(
        place
        for place in (root.parents[1] / "suites", root.parent / "podresize_suites")
        if place.is_dir()
    )
    trees = {"podresize_suites": suites, "podresize_manifests": manifests("")}
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        trees[name] = Path(spec.origin).parent
    pycache = frozenset({"__pycache__"})
    return {
        _in_packages(f"{name}/{place}"): path
        for name, tree in trees.items()
        for place, path in _below(tree, pycache)
    }


def _libraries(files: _Files) -> _Files:
    """Return the shared libraries that the interpreter and its modules are linked against."""
    linked = [str(path) for place, path in files.items() if place == _PYTHON or ".so" in place]
    done = subprocess.run(["ldd", *linked], capture_output=True, text=True, check=False)
    own = set(files.values())
    found: _Files = {}
    for name, where in _NEEDED.findall(done.stdout):
        if where == "not found":
            raise HostError(
                "a library that podresize needs is not on this host",
                value=name,
                origin="ldd",
                causes=("a package of the OS is missing",),
                next_command=f"ldd {sys.executable}",
            )
        if Path(where).resolve() not in own:
            found[f"{_LIBRARIES}/{Path(name).name}"] = Path(where).resolve()
    # The kernel takes the loader from where the interpreter names it, and from nowhere else.
    return found | {
        loader.removeprefix("/"): Path(loader).resolve() for loader in _LOADER.findall(done.stdout)
    }


def _write_layer(layer: Path, files: _Files) -> None:
    parents = {str(parent) for place in files for parent in PurePosixPath(place).parents} - {"."}
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as archive:
        add(archive, "tmp", None, mode=0o1777)
        add(archive, "etc", None, mode=0o755)
        add(archive, "etc/passwd", _PASSWD)
        for place in sorted(parents | files.keys()):
            if place in files:
                is_program = place == _PYTHON or ".so" in place
                add(archive, place, files[place], mode=0o755 if is_program else 0o644)
            else:
                add(archive, place, None, mode=0o755)
