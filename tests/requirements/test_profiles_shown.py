"""Each requirement of a profile is put to a target by a check that runs in that profile.

Otherwise the profile could never be shown as a whole, and no stack be conformant.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from podresize.cli.driving import suites_directory
from podresize.requirements.loader import load_catalogue

COLLECT = """
import json, sys, pytest
class Told:
    def pytest_collection_finish(self, session):
        marked = (mark for item in session.items for mark in item.iter_markers("requirement"))
        print("asked: " + json.dumps(sorted({id_ for mark in marked for id_ in mark.args})))
sys.exit(pytest.main(sys.argv[1:], plugins=[Told()]))
"""
# What every check judges, whatever its marker says (podresize_fixtures.verdicts).
ALWAYS = {"PR-01", "PR-10", "PR-11", "PR-12"}


@pytest.mark.parametrize("profile", ["core", "extended", "runtime"])
def test_every_requirement_of_a_profile_has_a_check_in_it(profile: str) -> None:
    suites = suites_directory()
    done = subprocess.run(
        [
            *(sys.executable, "-c", COLLECT, str(suites), "--collect-only", "-q"),
            *(f"--config-file={suites / 'pytest.ini'}", f"--rootdir={suites}"),
            f"--profile={profile}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("asked: ")]
    assert told, done.stdout + done.stderr
    asked = set(json.loads(told[0].removeprefix("asked: ")))
    known = load_catalogue().requirements.values()
    wanted = {item.id for item in known if profile in item.profiles}

    assert wanted
    assert wanted - asked - ALWAYS == set()
