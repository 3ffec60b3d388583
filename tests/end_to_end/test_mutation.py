"""A real stack made wrong is caught by what must catch it, and who is guilty is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from podresize.requirements.mutants import load_mutants
from podresize_reports.mutation import Fate

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
_SECONDS = 1800.0


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the records of the runs are: what was run with this code is not run again."""
    return tmp_path_factory.mktemp("mutation")


def tenth(out: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [PODRESIZE, "mutation", "--tenth", "--at-a-time=2", f"--out={out}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    print(done.stdout[-5000:])
    return done


def test_the_tenth_is_caught_by_what_must_catch_it(out: Path) -> None:
    done = tenth(out)

    assert done.returncode == 0, done.stdout
    results = json.loads((out / "mutation.json").read_text())["results"]
    chosen = {each.id: each for each in load_mutants().mutants.values() if each.tenth}
    assert {each["mutant"]: each["fate"] for each in results} == {
        id_: Fate.WITHSTOOD if each.withstood else Fate.ENDED if each.error else Fate.KILLED
        for id_, each in chosen.items()
    }


def test_what_was_run_is_judged_again_and_not_run_again(out: Path) -> None:
    again = tenth(out)

    assert again.returncode == 0
    assert "[" not in again.stdout.splitlines()[0]
