"""What a person reads of the catalogue: list, explain, and the page in docs/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.cli import catalogue_markdown, catalogue_text
from podresize.cli.checks import FoundCheck
from podresize.requirements.loader import load_catalogue, parse_catalogue

if TYPE_CHECKING:
    from tests.cli.conftest import Run

Screen = Callable[[str, str], None]
ROOT = Path(__file__).parents[2]
# A catalogue of the tests' own: the screens do not change with every entry that is added.
STATUS = """
- id: ST-21
  level: MUST
  title: status follows
  text: After a resize the status shows the new requests and limits.
  clause: a clause
  source: a source
  versions: ">=1.27"
  needs: [gate-on, cri, "deviation=C-01"]
  outcome: granted
  deadlines: {">=1.27,<1.33": 100, ">=1.33": 30}
  profiles: [core]
- id: ST-3
  level: SHOULD
  title: an answer alone
  text: What is asked is answered.
  clause: a clause
  source: a source
  versions: ">=1.27,<1.32"
  needs: []
  outcome: pending
  judged: claims
  profiles: [core, extended]
""".replace("ST-3\n", "ST-03\n")
API = STATUS.replace("ST-", "API-").replace("[gate-on, cri, ", "[gate-off, ")
DEVIATIONS = """
- id: C-01
  title: a silent runtime
  explains: [ST-21, API-21]
  affects:
    - {kubernetes: ">=1.27,<1.32", runtime: containerd, runtime_versions: "<1.6.9"}
  signature: runtime-does-not-report-resources
  source: an issue
  reading: the kernel has it; the runtime does not report it
- id: C-02
  title: a race
  explains: [ST-21]
  affects:
    - {kubernetes: ">=1.32", runtime: containerd, runtime_versions: ">=2"}
    - {kubernetes: ">=1.34", runtime: cri-o, runtime_versions: ">=1.34"}
  signature: proposed-is-cleared-early
  source: another issue
  reading: two writers overtake one another
  no_check: a race
"""
NOT_CHECKED = """
- id: KL-06
  title: a critical pod evicts
  versions: ">=1.27"
  reason: >-
    evicting pods would disturb every other check of the run, and a node of its own is not enough to
    bring it about in a way that can be told from the scheduler's doing
"""
SMALL = parse_catalogue({"api.yaml": API, "status.yaml": STATUS}, DEVIATIONS, NOT_CHECKED)


def check(name: str, *ids: str, claims: tuple[tuple[str, str], ...] = ()) -> FoundCheck:
    return FoundCheck(
        file="status/test_status.py",
        name=name,
        requirements=frozenset(ids),
        known_issues=frozenset(),
        claims=claims,
    )


CHECKS = (
    check("test_follows", "ST-21", "API-21"),
    check("test_answers", "ST-03", claims=(("ST-03", "the answer to …"), ("ST-21", "other"))),
)


def test_the_list_is_grouped_by_area(screen: Screen) -> None:
    screen("list", catalogue_text.listing(SMALL, CHECKS))


def test_what_is_left_out_has_its_reason(screen: Screen) -> None:
    screen("list-not-checked", catalogue_text.not_checked(SMALL))


def test_coverage_counts_lines_with_a_check_by_release(screen: Screen) -> None:
    screen("list-coverage", catalogue_text.coverage(SMALL, CHECKS))


@pytest.mark.parametrize("id_", ["ST-21", "ST-03"])
def test_a_requirement_is_explained(screen: Screen, id_: str) -> None:
    text = catalogue_text.requirement(SMALL.requirement(id_), SMALL, CHECKS)

    screen(f"explain-{id_.lower()}", text)


@pytest.mark.parametrize("id_", ["C-01", "C-02"])
def test_a_deviation_is_explained(screen: Screen, id_: str) -> None:
    text = catalogue_text.deviation(SMALL.deviations[id_], SMALL, CHECKS)

    screen(f"explain-{id_.lower()}", text)


def test_a_line_that_is_left_out_is_explained(screen: Screen) -> None:
    screen("explain-kl-06", catalogue_text.left_out(SMALL.not_checked["KL-06"]))


def test_the_page_in_docs_is_what_the_catalogue_says() -> None:
    page = (ROOT / "docs/requirements.md").read_text(encoding="utf-8")

    # The whole difference would bury the remedy.
    as_it_is = page == catalogue_markdown.page(load_catalogue())
    assert as_it_is, f"the catalogue has changed; write the page anew: {catalogue_markdown.COMMAND}"


def test_the_page_of_a_small_catalogue(screen: Screen) -> None:
    screen("list-markdown", catalogue_markdown.page(SMALL))


def test_the_program_explains_whatever_case_an_id_is_in(run: Run) -> None:
    ran = run("explain", "cri-09")

    assert ran.exit_code == 0
    assert ran.stdout.startswith("CRI-09 (MUST) ")
    assert "PD-02 or PD-03 or PD-04 affects" in ran.stdout
    assert "known_issues/test_runtime_without_resources.py" in ran.stdout
    assert run("explain", "C-01").stdout.startswith("C-01 (known deviation) ")
    assert run("explain", "CRI-10").stdout.startswith("CRI-10 (not checked) ")


def test_an_unknown_id_is_one_message_with_the_nearest(run: Run, screen: Screen) -> None:
    ran = run("explain", "CRI-99")

    assert ran.exit_code == 2
    screen("explain-unknown", ran.error)


def test_the_list_of_one_release_leaves_the_others_out(run: Run) -> None:
    old, new = run("list", "--kubernetes", "1.27"), run("list", "--kubernetes", "v1.37.2")

    assert (old.exit_code, new.exit_code) == (0, 0)
    assert "  API-01  " in old.stdout
    assert "  API-01  " not in new.stdout
    assert "  PD-02 " in new.stdout
    assert "  PD-02 " not in old.stdout


@pytest.mark.parametrize("view", ["--coverage", "--markdown"])
def test_a_view_of_every_release_takes_no_release(run: Run, view: str) -> None:
    assert run("list", view).exit_code == 0
    assert run("list", view, "--kubernetes", "1.27").exit_code == 2
    assert "not a version" in run("list", "--kubernetes", "abc").error


def test_every_id_can_be_explained() -> None:
    known = load_catalogue()

    for item in known.requirements.values():
        assert item.title in catalogue_text.requirement(item, known, ())
    for deviation in known.deviations.values():
        assert deviation.source[:20] in catalogue_text.deviation(deviation, known, ())
    for left in known.not_checked.values():
        assert left.title in catalogue_text.left_out(left)
