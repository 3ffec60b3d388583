"""Runs of ``podresize run`` on kind, each made once for all the tests that read it."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.end_to_end.engines import RealEngine
from tests.end_to_end.finished_run import NEWEST, Finished, core

PODRESIZE = str(Path(sys.executable).parent / "podresize")
_RUN_SECONDS = 1800.0
_made: dict[Path, Finished] = {}


def core_kind_run(engine: RealEngine, base: Path) -> Finished:
    """Return the run of this commit's part of the core profile, on each side of 1.6.9.

    ``base`` is where pytest keeps the directories of tests.
    """
    return _run(engine, base / "core-kind-run", *core())


def newest_kind_run(engine: RealEngine, base: Path) -> Finished:
    """Return the run of the headline checks on the newest release: its nodes come up otherwise."""
    return _run(engine, base / "newest-kind-run", *NEWEST)


def _run(engine: RealEngine, out: Path, *words: str) -> Finished:
    # Whichever engine: each test module may have one of its own.
    if out not in _made:
        command = (PODRESIZE, "run", "--provider=kind", *words, f"--out={out}")
        done = engine.run(*command, seconds=_RUN_SECONDS)
        print(done.stdout[-6000:])
        _made[out] = Finished(code=done.returncode, output=done.stdout, out=out)
    return _made[out]
