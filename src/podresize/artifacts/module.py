"""The Go module source: a release's own programs built from the module proxy, checksums verified.

A scratch module requires the component's module and repeats the directives of that module's own
go.mod, which Go ignores in a dependency: without them other versions would be built than the ones
that were released. Upstream's go.sum is laid beside it and Go's checksum database covers the rest.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from packaging.version import Version

from podresize.artifacts import apt, gobuild
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.catalogue import RECIPES, Module
from podresize.artifacts.host import host_arch
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.toolchain import find_go

_OLDEST_GO = "1.21"  # of the toolchain; it reads every older go.mod
_OLDEST_GO_LINE = Version("1.17")  # of the scratch module: pruned module graphs
_QUICK_SECONDS = 60


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What `go mod download` says of one module version."""

    directory: Path
    go_mod: dict[str, Any]
    commit: str
    date: str


class ModuleBuild:
    """Builds components from Go modules: static, without paths, with their versions stamped."""

    source = Source.MODULE

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._known: dict[str, tuple[str, ...]] = {}

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:
        """Return what was asked for or the row's preference. See ``Fetcher``."""
        recipe = RECIPES[component]
        if recipe.module is None:
            raise SourcePassedOverError(recipe.why_no_module)
        if recipe.module.cgo:
            _check_c_compiler(arch=arch)
            for library, package in _missing(recipe.module.cgo).items():
                # Nobody who asks for no release waits for one that the OS has as a package.
                _check_headers(library, package if asked else None, arch=arch)
        version = asked or recipe.module.preferred
        if version is None:
            raise SourcePassedOverError("it has no preferred version")
        return version

    def versions(self, component: Component) -> tuple[str, ...]:
        """Return the released versions that the module proxy lists, oldest first.

        Empty where there is no toolchain or no proxy, or the component is no module. Asked once
        per process.
        """
        module = RECIPES[component].module
        go = shutil.which("go")
        if module is None or go is None:
            return ()
        paths = {_path(module, version) for version in ("1.0.0", "2.0.0")}
        found: list[str] = []
        for path in sorted(paths):
            if path not in self._known:
                self._known[path] = _listed(Path(go), path)
            found += self._known[path]
        return tuple(sorted(set(found), key=Version))

    def fetch(
        self, component: Component, version: str, *, arch: str, work: Path, progress: Progress
    ) -> dict[str, Path]:
        """Build all programs in one call. See ``Fetcher``."""
        module = RECIPES[component].module
        assert module is not None  # version_for refused
        go = find_go(self._cache, at_least=_OLDEST_GO, progress=progress)
        path = _path(module, version)
        fetched = self._download(go, path, version, progress=progress)
        needed = str(fetched.go_mod.get("Go", _OLDEST_GO))
        go = find_go(self._cache, at_least=needed, progress=progress)

        scratch = work / "scratch"
        scratch.mkdir()
        _write_scratch(scratch, module, path, version, fetched)
        values = _stamp_values(path, version, fetched)
        packages = {program: f"{path}/{at}".rstrip("/") for program, at in module.packages.items()}
        job = gobuild.GoBuild(
            label=f"{component} {version} ({arch})",
            log_name=f"{component}-{version}-{arch}",
            go=go,
            directory=scratch,
            packages=tuple(packages.values()),
            out=work / "out",
            arch=arch,
            cgo=bool(module.cgo),
            headers=_headers(tuple(_missing(module.cgo).values()), arch=arch, work=work),
            tags=module.tags,
            stamps={k.format(**values): v.format(**values) for k, v in module.stamps.items()},
            tests=next(iter(packages)) if module.tests else None,
        )
        gobuild.build(job, cache=self._cache, progress=progress)
        return {program: _named(job.out, program, package) for program, package in packages.items()}

    def _download(self, go: Path, path: str, version: str, *, progress: Progress) -> Fetched:
        # In an empty directory: a go.mod nearby would have a say otherwise.
        with self._cache.layout.work("module") as empty:
            with progress.work(f"{path} v{version}: fetching", unit="modules"):
                done = subprocess.run(
                    [go, "mod", "download", "-json", f"{path}@v{version}"],
                    cwd=empty,
                    env=_environment(),
                    capture_output=True,
                    text=True,
                    check=False,
                )
            try:
                answer = json.loads(done.stdout)
            except ValueError:
                answer = {"Error": done.stderr.strip() or "go said nothing"}
            if "Error" in answer:
                said = str(answer["Error"])
                raise SourcePassedOverError(gobuild.why(said) or " ".join(said.split())[:200])
            go_mod = subprocess.run(
                [go, "mod", "edit", "-json", answer["GoMod"]],
                cwd=empty,
                env=_environment(),
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        info = json.loads(Path(answer["Info"]).read_text("utf-8"))
        origin = answer.get("Origin") or info.get("Origin") or {}
        return Fetched(
            directory=Path(answer["Dir"]),
            go_mod=json.loads(go_mod),
            commit=str(origin.get("Hash", "unknown")),
            date=str(info.get("Time", "1970-01-01T00:00:00Z")),
        )


def _path(module: Module, version: str) -> str:
    major = Version(version.split("-")[0]).major
    return module.path.format(major_suffix=f"/v{major}" if major >= 2 else "")


def _stamp_values(path: str, version: str, fetched: Fetched) -> dict[str, str]:
    release = Version(version.split("-")[0])
    return {
        "module": path,
        "version": version,
        "major": str(release.major),
        "minor": str(release.minor),
        "commit": fetched.commit,
        "date": fetched.date,
    }


def _write_scratch(
    directory: Path, module: Module, path: str, version: str, fetched: Fetched
) -> None:
    own = fetched.go_mod
    # The go line decides on the programs' GODEBUG defaults: the released ones were built with
    # their own, not with ours.
    line = max(Version(str(own.get("Go", "1.17"))), _OLDEST_GO_LINE)
    lines = ["module podresize.build/scratch", "", f"go {line}", "", f"require {path} v{version}"]
    for replace in own.get("Replace") or ():
        if (directive := _replace(replace, module, version)) is not None:
            lines.append(directive)
    for exclude in own.get("Exclude") or ():
        lines.append(f"exclude {exclude['Path']} {exclude['Version']}")
    (directory / "go.mod").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sums = fetched.directory / "go.sum"
    if sums.is_file():
        (directory / "go.sum").write_bytes(sums.read_bytes())


def _replace(replace: dict[str, Any], module: Module, version: str) -> str | None:
    """Return one replace line for the scratch module, ``None`` where it means nothing there."""
    old, new = replace["Old"], replace["New"]
    left = f"{old['Path']} {old.get('Version', '')}".rstrip()
    if not new["Path"].startswith("."):
        return f"replace {left} => {new['Path']} {new['Version']}"
    if module.staging and new["Path"].startswith("./staging/"):
        return f"replace {left} => {old['Path']} v0.{version.split('.', 1)[1]}"
    # Another module of the same repository, next door when it was released. The version that is
    # required is the published one, except where the requirement was only a placeholder.
    return None


def _named(out: Path, program: str, package: str) -> Path:
    built = out / program
    if not built.is_file():
        # Go names a program after its directory, and skips a major version's ("server/v3").
        parts = [part for part in package.split("/") if not re.fullmatch(r"v\d+", part)]
        (out / parts[-1]).rename(built)
    return built


def _check_c_compiler(*, arch: str) -> None:
    if arch != host_arch():
        raise SourcePassedOverError(f"its build needs a C cross compiler for {arch}")
    for tool in ("cc", "pkg-config"):
        if shutil.which(tool) is None:
            raise SourcePassedOverError(f"its build needs {tool}, which is not on PATH")


def _missing(libraries: dict[str, str]) -> dict[str, str]:
    """Return the libraries of which this host has no headers, with their packages."""
    return {
        library: package
        for library, package in libraries.items()
        if subprocess.run(["pkg-config", "--exists", library], check=False, timeout=30).returncode
    }


def _check_headers(library: str, package: str | None, *, arch: str) -> None:
    offered = None
    if package is not None:
        apt.check_tools()
        offered = apt.candidate(package, arch)
    if offered is None:
        raise SourcePassedOverError(f"its build needs the C headers of {library}")


def _headers(packages: tuple[str, ...], *, arch: str, work: Path) -> Path | None:
    """Return a root into which the OS's packages of headers are unpacked; None without any."""
    if not packages:
        return None
    root, archives = work / "headers", work / "archives"
    archives.mkdir()
    apt.unpack(apt.download(packages, arch, archives), root)
    return root


def _environment() -> dict[str, str]:
    return os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off"}


def _listed(go: Path, path: str) -> tuple[str, ...]:
    try:
        answer = subprocess.run(
            [go, "list", "-m", "-versions", path],
            cwd="/",
            env=_environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=_QUICK_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    words = answer.split()[1:]
    return tuple(word.removeprefix("v") for word in words if re.fullmatch(r"v\d+\.\d+\.\d+", word))
