"""A real stack made wrong is caught by what must catch it, and who is guilty is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
_SECONDS = 1200.0


def mutation(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [PODRESIZE, "mutation", f"--out={out}", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    print(done.stdout[-5000:])
    return done


def test_a_page_too_much_and_lost_events_are_caught(tmp_path: Path) -> None:
    chosen = ("--only=update-page", "--only=events-lost")

    done = mutation(tmp_path, *chosen)

    assert done.returncode == 0, done.stdout
    results = json.loads((tmp_path / "mutation.json").read_text())["results"]
    fates = {each["mutant"]: each["fate"] for each in results}
    assert fates == {"events-lost": "killed", "update-page": "killed"}
    assert all(each["named"] == sum(each["readings"].values()) > 0 for each in results)
    again = mutation(tmp_path, *chosen)
    assert again.returncode == 0
    assert "[" not in again.stdout.splitlines()[0]  # nothing was run
