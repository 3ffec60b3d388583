"""Our side: the checks of the same cases, run by pytest on the same cluster."""

from __future__ import annotations

import collections
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from comparison.upstream import Said, Side
from podresize.errors import HarnessError
from podresize.evidence.records import read_records
from podresize.providers.interface import ClusterHandle

_CASES = Path(__file__).parents[1] / "upstream_cases"
_PYTEST = (sys.executable, "-m", "pytest", f"--config-file={_CASES / 'pytest.ini'}")
_WORST_FIRST = ("error", "failed", "flaky", "deviation", "passed", "skipped", "unsupported")
# Pytest's codes for: all well, some checks failed. All others mean that there is no result.
_HAS_RESULTS = (0, 1)


def checks() -> dict[str, str]:
    """Return the node id of our check by upstream's stem, for every case that we have."""
    command = [*_PYTEST, "--collect-only"]
    said = subprocess.run(command, cwd=_CASES, capture_output=True, text=True, check=False)
    found = [line for line in said.stdout.splitlines() if "::" in line and line.endswith("]")]
    if said.returncode != 0 or not found:
        raise HarnessError("our checks could not be collected", value=said.stdout + said.stderr)
    return {node.partition("[")[2].removesuffix("]"): node for node in found}


def run(stems: list[str], handle: ClusterHandle, *, out: Path, workers: int) -> Side:
    """Run the checks of these cases and return what they found, by stem."""
    known = checks()
    out.mkdir(parents=True, exist_ok=True)
    (out / "records.jsonl").unlink(missing_ok=True)
    command = [
        *(*_PYTEST, f"--cluster={handle.name}", f"--out={out.resolve()}"),
        *("-n", str(min(workers, len(stems)))),
        *(known[stem] for stem in stems),
    ]
    began = time.monotonic()
    with (out / "screen.txt").open("w") as screen:
        code = subprocess.run(
            command, cwd=_CASES, stdout=screen, stderr=screen, check=False
        ).returncode
    seconds = time.monotonic() - began
    if code not in _HAS_RESULTS:
        last = (out / "screen.txt").read_text().splitlines()[-10:]
        raise HarnessError("our checks could not be run", value="\n".join(last), origin=str(out))
    found = collections.defaultdict(list)
    for record in read_records(out / "records.jsonl"):
        if record["type"] == "verdict":
            found[record["check"]].append(record)
    silent = [stem for stem in stems if known[stem] not in found]
    if silent:
        raise HarnessError("checks without a verdict", value="; ".join(silent), origin=str(out))
    return Side(seconds=seconds, cases={stem: _said(found[known[stem]]) for stem in stems})


def _said(verdicts: list[dict[str, Any]]) -> Said:
    """Return the worst of a check's verdicts, with every reading that made it."""
    worst = min((record["verdict"] for record in verdicts), key=_WORST_FIRST.index)
    readings = {
        f"{record['requirement']} {record['deviation'] or ''}".strip() + f": {record['reading']}"
        for record in verdicts
        if record["verdict"] == worst and worst not in ("passed", "skipped")
    }
    return Said(
        verdict=worst,
        reason="; ".join(sorted(readings)),
        seconds=max(record["seconds"] for record in verdicts),
    )
