"""Nothing in the catalogue is without what it needs to mean something, and the other way round.

The checks are read from the text of the suites, as ``podresize list`` does it.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from podresize.cli.catalogue_text import looking_for
from podresize.cli.checks import FoundCheck, find_checks
from podresize.cli.driving import suites_directory
from podresize.evidence.judges import JUDGES
from podresize.evidence.signatures import SIGNATURES
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Judged

CATALOGUE = load_catalogue()
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def checks() -> tuple[FoundCheck, ...]:
    found = find_checks(suites_directory())
    assert found
    return found


def ids(checks: Iterable[FoundCheck], of: Callable[[FoundCheck], Iterable[str]]) -> set[str]:
    return {id_ for check in checks for id_ in of(check)}


def test_no_two_files_of_checks_have_one_name() -> None:
    """``pytest --pyargs podresize_suites`` imports them by their base names."""
    names = [path.name for path in suites_directory().rglob("test_*.py")]

    assert sorted(names) == sorted(set(names))


def test_every_id_in_a_marker_is_in_the_catalogue(checks: tuple[FoundCheck, ...]) -> None:
    unknown = {
        f"{id_} in {check}"
        for check in checks
        for id_ in check.requirements - CATALOGUE.requirements.keys()
    }

    assert not unknown


def test_no_check_names_what_is_listed_as_not_checked(checks: tuple[FoundCheck, ...]) -> None:
    assert not ids(checks, lambda check: check.requirements) & CATALOGUE.not_checked.keys()


def test_every_requirement_is_named_by_a_check(checks: tuple[FoundCheck, ...]) -> None:
    orphans = CATALOGUE.requirements.keys() - ids(checks, lambda check: check.requirements)

    assert not orphans, "no check in suites/ has them in its requirement marker"


def test_every_check_names_a_requirement(checks: tuple[FoundCheck, ...]) -> None:
    assert not [str(check) for check in checks if not check.requirements]


def test_a_claim_speaks_for_a_requirement_of_its_check(checks: tuple[FoundCheck, ...]) -> None:
    astray = {
        f"{id_} in {check}"
        for check in checks
        for id_, _ in check.claims
        if id_ not in check.requirements or CATALOGUE.requirement(id_).judged is not Judged.CLAIMS
    }

    assert not astray, "claims are for requirements of the marker whose entry says judged: claims"


def test_judges_are_for_entries_that_the_timeline_decides() -> None:
    by_timeline = {
        item.id for item in CATALOGUE.requirements.values() if item.judged is Judged.TIMELINE
    }

    assert JUDGES.keys() == by_timeline


def test_judges_and_signatures_say_what_they_look_at() -> None:
    speechless = [name for name, each in {**JUDGES, **SIGNATURES}.items() if not each.__doc__]

    assert not speechless, "podresize explain shows the docstring, and these have none"


def test_signatures_and_deviations_name_one_another() -> None:
    assert SIGNATURES.keys() == {
        item.signature for item in CATALOGUE.deviations.values() if item.signature
    }


def test_every_known_issue_in_a_marker_is_a_deviation(checks: tuple[FoundCheck, ...]) -> None:
    assert ids(checks, lambda check: check.known_issues) <= CATALOGUE.deviations.keys()


@pytest.mark.parametrize("id_", CATALOGUE.deviations)
def test_a_deviation_has_a_check_or_says_why_it_has_none(
    id_: str, checks: tuple[FoundCheck, ...]
) -> None:
    deviation = CATALOGUE.deviations[id_]
    serving = looking_for(deviation, CATALOGUE, checks)

    assert bool(serving) != bool(deviation.no_check), (
        "a line of ISSUES in suites/known_issues/test_as_catalogued.py, or no_check in "
        f"deviations/, and not both; the checks: {list(map(str, serving))}"
    )


@pytest.mark.parametrize("id_", CATALOGUE.deviations)
def test_a_test_touches_every_deviation(id_: str) -> None:
    files = [path for path in TESTS.rglob("test_*.py") if "end_to_end" not in path.parts]

    assert any(id_ in _texts(path) for path in files), "no test has its id in a literal"


@functools.cache
def _texts(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
