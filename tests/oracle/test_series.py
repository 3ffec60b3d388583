"""Several changes in a row: where they end, and what they may pass."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from tests.evidence.conftest import make_pod
from tests.targets import TARGET as BASE

from podresize.oracle.change import Change
from podresize.oracle.deadlines import seconds_allowed
from podresize.oracle.expectation import Expectation
from podresize.oracle.series import series_expectation
from podresize.requirements.loader import load_catalogue

SIZES = {kind: {"cpu": "200m", "memory": "64Mi"} for kind in ("requests", "limits")}
UP, FURTHER, DOWN = Change(cpu="+100m"), Change(cpu="+50m"), Change(cpu="-100m")
NEW = dataclasses.replace(BASE, kubernetes="1.37.2", kubelet="1.37.2", runtime_version="2.1.4")


def pod() -> dict[str, Any]:
    made = make_pod({"c1": SIZES})
    made["metadata"]["generation"] = 4
    return made


def test_each_change_counts_from_the_one_before() -> None:
    wanted = series_expectation(pod(), [UP, FURTHER], BASE)

    assert wanted.container("c1").before["limits"]["cpu"] == "200m"
    assert wanted.container("c1").after["limits"]["cpu"] == "350m"
    assert [each.asked["c1"]["limits"]["cpu"] for each in wanted.passing] == ["300m"]
    assert wanted.change == "cpu+100m then cpu+50m"


def test_a_revert_ends_where_it_began_and_may_pass_what_lay_between() -> None:
    wanted = series_expectation(pod(), [UP, DOWN], BASE)

    assert wanted.container("c1").before == wanted.container("c1").after
    assert wanted.cgroups_before == wanted.cgroups_after
    assert wanted.passing[0].cgroups["pod"] != wanted.cgroups_after["pod"]
    assert wanted.progress.chain[-1] == ""
    assert "Proposed" in wanted.progress.chain


def test_a_refused_change_in_between_changes_nothing() -> None:
    refused = Change(cpu="+5", scope="requests")
    wanted = series_expectation(pod(), [UP, refused, FURTHER], NEW)

    assert [each.accepted for each in wanted.passing] == [True, False]
    assert wanted.container("c1").after["limits"]["cpu"] == "350m"
    assert wanted.generation == 6


def test_an_expectation_of_a_series_survives_its_record() -> None:
    wanted = series_expectation(pod(), [UP, FURTHER, DOWN], NEW)

    assert Expectation.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted


def test_no_change_is_no_series() -> None:
    with pytest.raises(ValueError, match="at least one"):
        series_expectation(pod(), [], BASE)


@pytest.mark.parametrize(
    ("kubernetes", "sync", "seconds"),
    [("1.27.4", 60.0, 100.0), ("1.27.4", 5.0, 17.5), ("1.27.4", 1.0, 11.5), ("1.37.2", 5.0, 30.0)],
)
def test_deadlines_follow_the_sync_period(kubernetes: str, sync: float, seconds: float) -> None:
    target = dataclasses.replace(BASE, kubernetes=kubernetes, sync_seconds=sync)

    assert seconds_allowed(load_catalogue().requirement("KL-41"), target) == seconds
