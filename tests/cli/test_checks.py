"""Markers are read from the text of a check, in every way in which pytest lets them be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from podresize.cli.checks import find_checks
from podresize.errors import HarnessError

SUITE = """
import pytest
from podresize_fixtures import Change, claim, known_issue, requirement

IDS = ("ST-20", "ST-21")
BOTH = requirement(*IDS)
ISSUES = [known_issue("C-01", Change(cpu="+1")), known_issue("PD-01", Change(), qos="Burstable")]
CASES = [pytest.param(1, marks=requirement("KL-30")), pytest.param(2, marks=BOTH)]
pytestmark = [pytest.mark.timeout(9), requirement("PR-01")]


@BOTH
def test_a_name(pods):
    claim("ST-20", f"the value of {pods}", got=1, want=1)


@pytest.mark.parametrize("issue", ISSUES)
@pytest.mark.requirement("PR-02")
def test_known(issue): ...


@pytest.mark.parametrize("case", CASES)
def test_single_parameters(case): ...


@requirement("ST-27")
class TestGroup:
    pytestmark = requirement("ST-11")

    @requirement(IDS[0]) if False else (lambda each: each)
    def helper(self): ...

    @requirement("ST-02")
    async def test_inside(self): ...


def helper():
    return requirement("ST-99")


def test_bare(): ...
"""


def test_every_form_is_read(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "test_it.py").write_text(SUITE)
    (tmp_path / "deep" / "helper.py").write_text("def test_not_collected(): ...")

    found = {check.name: check for check in find_checks(tmp_path)}

    assert {name: set(check.requirements) for name, check in found.items()} == {
        "test_a_name": {"PR-01", "ST-20", "ST-21"},
        "test_known": {"PR-01", "PR-02"},
        "test_single_parameters": {"PR-01", "KL-30", "ST-20", "ST-21"},
        "test_inside": {"PR-01", "ST-27", "ST-11", "ST-02"},
        "test_bare": {"PR-01"},
    }
    assert found["test_known"].known_issues == {"C-01", "PD-01"}
    assert found["test_a_name"].claims == (("ST-20", "the value of …"),)
    assert str(found["test_bare"]) == "deep/test_it.py::test_bare"


@pytest.mark.parametrize("marker", ["requirement(f'ST-{1}')", "requirement(elsewhere)"])
def test_an_id_that_cannot_be_read_is_named_with_its_place(tmp_path: Path, marker: str) -> None:
    (tmp_path / "test_it.py").write_text(f"@{marker}\ndef test_it(): ...\n")

    with pytest.raises(HarnessError, match="cannot be read") as caught:
        find_checks(tmp_path)
    assert caught.value.origin == "suites/test_it.py, line 1"
