"""Expectations and claims are computed again from what was asked and seen, and must be the same."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.updates.seen import GOOD, STATUS, after
from tests.oracle.test_container_update import V1
from tests.reports import records_builder, whole_run
from tests.reports.test_bundle import PLAIN, Records, complaints, of, remade

import podresize
from podresize.evidence.claim_judging import judge
from podresize.evidence.claims import Claim
from podresize.evidence.updates.speaking import claims_of
from podresize.evidence.updates.update import Update
from podresize_reports.bundle import write_bundle
from podresize_reports.judging_again import judged_again
from podresize_reports.loading import Run, load_run
from podresize_reports.recomputing import UNJUDGED, claims_again, expectation_again

CHECK = records_builder.CHECK
LABEL = str(V1)


def of_a_runtime(update: Update, claims: list[Claim]) -> Records:
    """The records of one update and the claims that its check is said to have made."""
    own = [*claims, Claim(requirement="RT-11", what="something else", got=1, want=1)]
    found = judge("RT-11", own, V1, check=CHECK)
    told = records_builder.verdict("RT-11", found.kind, target=LABEL, level="MUST")
    made = {"type": "claims", "check": CHECK, "target": LABEL}
    return [
        records_builder.run_record(
            version=podresize.__version__, options={"requirements": ["RT-11"]}
        ),
        records_builder.target_record(LABEL, fingerprint=V1.to_json(), notes=[]),
        {"type": "update", "check": CHECK, "target": LABEL, **update.to_json()},
        made | {"claims": [claim.to_json() for claim in own]},
        told,
        records_builder.end_record(counts={str(found.kind): 1}),
    ]


def read(tmp_path: Path, seen: Records) -> Run:
    return load_run(whole_run.write(tmp_path / "out", seen) / "records.jsonl")


NUMBERED = dataclasses.replace(GOOD, number=3)
SILENT = after(NUMBERED, status=STATUS)


@pytest.mark.parametrize("update", [NUMBERED, SILENT], ids=["good", "silent"])
def test_claims_of_an_update_are_computed_as_they_were(tmp_path: Path, update: Update) -> None:
    run = read(tmp_path, of_a_runtime(update, claims_of("RT-11", update, V1)))

    assert claims_again(run, CHECK, LABEL) == run.claims[CHECK, LABEL]
    place = write_bundle(tmp_path / "out", tmp_path / "b", PLAIN).path
    assert complaints(place) == []


def test_claims_that_their_update_does_not_give_are_said(tmp_path: Path) -> None:
    """The runtime did not report what it was given, and the claims say that it did."""
    forged = of_a_runtime(SILENT, claims_of("RT-11", NUMBERED, V1))
    out = whole_run.write(tmp_path / "out", forged)
    place = write_bundle(out, tmp_path / "b", PLAIN).path

    (said,) = complaints(place)
    what = "cpu_shares in the runtime's ContainerStatus"
    assert said.startswith(f"the claims of {CHECK}, {what}: found {{'got': 1024, 'reading': ''")
    assert said.endswith("by its update")

    again = judged_again(load_run(out / "records.jsonl"))
    assert [str(each.verdict) for each in again.verdicts] == ["failed"]


def test_a_phrase_that_was_cut_decides_nothing(tmp_path: Path) -> None:
    """It is cut before the host's paths are taken out: not where it would be cut now."""
    claims = [
        dataclasses.replace(claim, witnesses={"client": "asked for x, answered UNKNOWN: /va"})
        for claim in claims_of("RT-11", NUMBERED, V1)
    ]
    out = whole_run.write(tmp_path / "out", of_a_runtime(NUMBERED, claims))

    assert complaints(write_bundle(out, tmp_path / "b", PLAIN).path) == []


def test_claims_about_no_update_and_of_an_earlier_podresize_stand(tmp_path: Path) -> None:
    old = [dataclasses.replace(claim, update=None) for claim in claims_of("RT-11", NUMBERED, V1)]
    run = read(tmp_path, of_a_runtime(SILENT, old))

    assert claims_again(run, CHECK, LABEL) == run.claims[CHECK, LABEL]


def test_two_updates_of_one_number_are_a_problem(tmp_path: Path) -> None:
    seen = of_a_runtime(NUMBERED, [])
    seen.insert(2, seen[2])

    assert read(tmp_path, seen).problems == ("line 4 was left out: a second update 3 of one check",)


def test_an_expectation_is_computed_as_it_was(tmp_path: Path) -> None:
    (seen,) = read(tmp_path, whole_run.records()).timelines.values()

    assert (again := expectation_again(seen)) is not None
    assert json.loads(json.dumps(again.to_json())) == seen.expectation


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"deadline": 9999.0}, ", deadline: found 9999.0, wanted"),
        ({"requirements": []}, ", requirements: found (), wanted ('API-01'"),
        ({"cgroups_after": {}}, ", cgroups_after: found {}, wanted {'pod'"),
    ],
    ids=["deadline", "requirements", "cgroups"],
)
def test_an_expectation_that_does_not_follow_is_said(
    tmp_path: Path, spoilt: dict[str, Any], said: str
) -> None:
    out = whole_run.write(tmp_path / "out", whole_run.records())
    place = write_bundle(out, tmp_path / "b", PLAIN).path

    remade(place, lambda seen: of(seen, "timeline")["expectation"].update(spoilt))

    assert any(said in each for each in complaints(place)), complaints(place)


def test_a_timeline_of_another_target_is_said(tmp_path: Path) -> None:
    out = whole_run.write(tmp_path / "out", whole_run.records())
    place = write_bundle(out, tmp_path / "b", PLAIN).path

    remade(place, lambda seen: of(seen, "timeline").update(target="another"))

    assert any(", its target: found kubernetes 1." in each for each in complaints(place))


def test_a_run_is_judged_again_by_the_expectation_of_today(tmp_path: Path) -> None:
    """What an earlier oracle expected is not what a newer one judges by."""
    seen = whole_run.records()
    of(seen, "timeline")["expectation"]["containers"][0]["after"] = {"requests": {}, "limits": {}}
    run = read(tmp_path, seen)

    (again,) = judged_again(run).timelines.values()

    (good,) = read(tmp_path, whole_run.records()).timelines.values()
    assert json.loads(json.dumps(again.expectation)) == good.expectation


@pytest.mark.parametrize("spoilt", [{}, {"question": 1}, {"question": {"pod": {}}}])
def test_what_is_no_expectation_is_not_judged(tmp_path: Path, spoilt: Any) -> None:
    seen = whole_run.records()
    of(seen, "timeline")["expectation"] = spoilt

    with pytest.raises(UNJUDGED):
        judged_again(read(tmp_path, seen))
