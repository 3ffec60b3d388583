"""Checks of suites/cri, put to runtimes in memory: a right one passes, a wrong one is caught."""

from __future__ import annotations

import dataclasses
import runpy
from collections.abc import Mapping
from typing import Any

import pytest
from tests.cri.scripted_runtime import Runtime, do, put
from tests.oracle.test_container_update import V1

from podresize.cli.driving import suites_directory
from podresize.evidence.updates.comparing import REPORTS
from podresize.evidence.updates.update import OK, Answer
from podresize.oracle.cgroups import quotas_held
from podresize.oracle.conversions import MIN_QUOTA
from podresize.requirements.runtime_target import NO_RUNTIME

MIB = 1 << 20
# Of a runtime of which nothing is catalogued.
OTHER = dataclasses.replace(V1, runtime="cri-o", oci_runtime="youki", oci_runtime_version="0.5")
HUGE = ("test_one_field.py", "test_huge_pages")
ONE = dict.fromkeys((REPORTS["status"], REPORTS["spec"]), 1)


@pytest.mark.parametrize("limit", [8 * MIB, 4 * MIB])
def test_a_limit_of_huge_pages_that_is_not_read_is_seen_up_and_down(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    def told_alone(runtime: Runtime, container: str, fields: Mapping[str, Any]) -> Answer:
        runtime.report(container, fields)
        return Answer(code=OK)

    right = put(monkeypatch, *HUGE, Runtime(fingerprint=OTHER, entries=ONE), limit=limit)
    wrong = put(
        monkeypatch, *HUGE, Runtime(told_alone, fingerprint=OTHER, entries=ONE), limit=limit
    )

    assert right.verdicts == {"RT-06": "passed"}
    assert wrong.broken == [("RT-06", "the kernel's hugetlb.2MB.limit_in_bytes", str(6 * MIB))]


@pytest.mark.parametrize("report", ONE)
def test_a_list_of_huge_pages_that_grows_is_seen(
    monkeypatch: pytest.MonkeyPatch, report: str
) -> None:
    grown = Runtime(do, fingerprint=OTHER, entries={report: 2})

    found = put(monkeypatch, *HUGE, grown, limit=8 * MIB)

    assert found.broken == [("RT-06", f"how many limits of huge pages are in {report}", 2)]
    assert found.verdicts == {"RT-06": "failed"}


@pytest.mark.parametrize("driver", ["cgroupfs", "systemd"])
def test_a_quota_that_cannot_be_is_none_that_a_driver_makes_possible(driver: str) -> None:
    module = runpy.run_path(str(suites_directory() / "cri" / "test_refused_updates.py"))
    asked = [each.values[0] for each in (*module["IMPOSSIBLE"], *module["WITH_OTHERS"])]
    small = [fields for fields in asked if 0 < fields.get("cpu_quota", 0) < MIN_QUOTA]

    assert len(small) == 2
    for fields in small:
        held = quotas_held(fields["cpu_quota"], driver, fields.get("cpu_period", 100_000))
        assert [each.value for each in held if int(each.value) >= MIN_QUOTA] == []


AT_ONCE = ("test_many_updates.py", "test_all_of_one_container")
TORN = "how many of them the kernel has as a whole"
SPLIT = "how many of them every witness has as a whole"


def test_twenty_updates_of_which_one_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert put(monkeypatch, *AT_ONCE, Runtime()).verdicts == {"RT-33": "passed"}


@pytest.mark.parametrize(
    ("torn", "broken", "verdict"),
    [
        (False, [("RT-33", SPLIT, 0)], "passed"),
        (True, [("RT-33", TORN, 0), ("RT-33", SPLIT, 0)], "failed"),
    ],
)
def test_a_kernel_with_parts_of_two_updates_is_no_race_of_runcs_state(
    monkeypatch: pytest.MonkeyPatch, torn: bool, broken: list[Any], verdict: str
) -> None:
    alone = dataclasses.replace(V1, runtime=NO_RUNTIME, runtime_version=NO_RUNTIME)

    def race(runtime: Runtime, container: str, fields: Mapping[str, Any]) -> Answer:
        """Report the first, and enact the last; torn, all of it but for its memory."""
        if runtime.answers == 0:
            runtime.report(container, fields)
        runtime.write(container, fields)
        if torn:
            runtime.kernel[container]["memory.limit_in_bytes"] = str(99 * MIB)
        return Answer(code=OK)

    found = put(monkeypatch, *AT_ONCE, Runtime(race, fingerprint=alone))

    assert found.broken == broken
    assert found.verdicts == {"RT-33": verdict}
