"""Checks of suites/cri, put to runtimes in memory: a right one passes, a wrong one is caught."""

from __future__ import annotations

import dataclasses
import runpy
from collections.abc import Mapping
from typing import Any

import pytest
from tests.cri.scripted_runtime import NONE_ASKED, Runtime, do, put, refuse
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


ONE_FIELD = "test_one_field.py"
PERIOD_KEPT = (ONE_FIELD, "test_memory_alone_keeps_a_period_of_ones_own")
PERIOD_UPDATED = (ONE_FIELD, "test_a_period_that_was_updated_outlives_an_update_of_memory")
GRANTED = [
    ("test_refused_updates.py", "test_an_update_after_a_refused_one", {}),
    (*PERIOD_KEPT, {"quota": 0, "memory": 192 * MIB}),
    (*PERIOD_UPDATED, {}),
    ("test_several_fields.py", "test_the_neighbour_in_the_pod_stays", {}),
]


@pytest.mark.parametrize(("file", "name", "arguments"), GRANTED)
def test_an_update_that_has_to_be_granted_and_is_refused(
    monkeypatch: pytest.MonkeyPatch, file: str, name: str, arguments: dict[str, Any]
) -> None:
    """What it does not speak of stays as it is then, and shows nothing."""
    right = put(monkeypatch, file, name, Runtime(fingerprint=OTHER), **arguments)
    found = put(monkeypatch, file, name, Runtime(refuse, fingerprint=OTHER), **arguments)

    assert set(right.verdicts.values()) == {"passed"}
    assert any(what.startswith("the answer to the update") for _, what, _ in found.broken)
    assert "failed" in found.verdicts.values()


@pytest.mark.parametrize("quota", [40_000, 0])
def test_a_period_that_was_never_there_is_none_that_was_kept(
    monkeypatch: pytest.MonkeyPatch, quota: int
) -> None:
    def without_period(resources: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in resources.items() if name != "cpu_period"}

    never = Runtime(fingerprint=OTHER, creating=without_period)

    found = put(monkeypatch, *PERIOD_KEPT, never, quota=quota, memory=192 * MIB)

    assert ("RT-14", "the kernel's cpu.cfs_period_us before the update", "100000") in found.broken


def test_a_period_on_cgroup_v2_is_beside_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    v2 = dataclasses.replace(OTHER, cgroup_version=2)
    nothing = {"cpu.max": "max 100000", "memory.max": "max"}

    for quota in (40_000, 0):
        made = Runtime(fingerprint=v2, nothing=nothing)
        found = put(monkeypatch, *PERIOD_KEPT, made, quota=quota, memory=192 * MIB)
        assert found.broken == []


def test_a_period_that_does_not_arrive_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_periods(runtime: Runtime, container: str, fields: Mapping[str, Any]) -> Answer:
        if "cpu_period" in fields:
            return Answer(code=OK)
        return do(runtime, container, fields)

    found = put(monkeypatch, *PERIOD_UPDATED, Runtime(without_periods, fingerprint=OTHER))

    assert found.broken == [("RT-02", "the kernel's cpu.cfs_period_us", "100000")]


@pytest.mark.parametrize("field", ["cpuset_cpus", "cpuset_mems"])
def test_the_only_processor_and_the_only_memory_node_show_nothing(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    def told_alone(runtime: Runtime, container: str, fields: Mapping[str, Any]) -> Answer:
        runtime.report(container, fields)
        return Answer(code=OK)

    file = field.replace("_", ".")
    check = (ONE_FIELD, "test_the_update_is_done_and_told")

    def asked_of(*, there: str) -> Any:
        runtime = Runtime(told_alone, fingerprint=OTHER, nothing=NONE_ASKED | {file: there})
        return put(monkeypatch, *check, runtime, fields={field: "0"})

    one, two = asked_of(there="0"), asked_of(there="0-1")
    assert one.unsupported == {"RT-03": f"{file} is 0 before it is asked for"}
    assert (one.broken, one.verdicts["RT-11"]) == ([], "passed")
    assert ("RT-03", f"the kernel's {file}", "0-1") in two.broken
    assert two.unsupported == {}
