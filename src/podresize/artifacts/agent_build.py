"""The program that does in a guest what the host asks for: built of the source in ``agent/``."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from podresize.artifacts import gobuild
from podresize.artifacts.cache import Cache
from podresize.artifacts.go_source import go_source
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.toolchain import find_go

AGENT = "podresize-agent"
_DIRECTORY = "agent"
_OLDEST_GO = "1.21"  # for a go.mod that names none


def agent_version(asked: str | None) -> str:
    """Return the hash of the agent's source. Raises as ``Fetcher.version_for`` does."""
    source = go_source(_DIRECTORY)
    if "go.mod" not in source:
        raise SourcePassedOverError("the agent's source is not installed with podresize")
    digest = hashlib.sha256()
    for name, data in source.items():
        digest.update(f"{name} {len(data)}\n".encode() + data)
    version = digest.hexdigest()[:12]
    if asked not in (None, version):
        raise SourcePassedOverError(f"the agent of this podresize is {version}")
    return version


def build_agent(
    label: str, *, arch: str, work: Path, cache: Cache, progress: Progress
) -> dict[str, Path]:
    """Build it, static and without paths. Raises as ``Fetcher.fetch`` does."""
    source = go_source(_DIRECTORY)
    module, needed = _about(source["go.mod"].decode())
    scratch = work / "scratch"
    for name, data in source.items():
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).write_bytes(data)
    job = gobuild.GoBuild(
        label=f"{label} ({arch})",
        log_name=f"{label.replace(' ', '-')}-{arch}",
        go=find_go(cache, at_least=needed, progress=progress),
        directory=scratch,
        packages=(module,),
        out=work / "out",
        arch=arch,
    )
    gobuild.build(job, cache=cache, progress=progress)
    # The compiler names it after the module.
    return {AGENT: job.out / module.rpartition("/")[2]}


def _about(go_mod: str) -> tuple[str, str]:
    """Return the module's path and the version of Go that it is written for."""
    lines = dict(re.findall(r"^(module|go)\s+(\S+)", go_mod, flags=re.MULTILINE))
    return lines["module"], lines.get("go", _OLDEST_GO)
