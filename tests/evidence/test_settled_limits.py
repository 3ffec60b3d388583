"""Limits around a daemon-reload, as systemd has them, and after an update of something else.

Each good course holds, each spoilt one fails, and K-20 and R-03 explain what they are and no more.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.targets import TARGET

from podresize.evidence.claim_judging import judge
from podresize.evidence.claims import Claim
from podresize.evidence.records import VerdictKind
from podresize.evidence.settled_limits import (
    after_a_reload,
    group_after_a_reload,
    named,
    of_the_quota,
    of_the_unit,
    same_limits,
    swap_after_a_reload,
)
from podresize.requirements.target import Fingerprint

C1 = "container/c1"
OLD = dataclasses.replace(TARGET, cgroup_version=2, cgroup_driver="systemd")
NEW = dataclasses.replace(OLD, kubernetes="1.32.2", kubelet="1.32.2")
RUNC = dataclasses.replace(NEW, oci_runtime_version="1.3.2")
AS_CREATED = {
    C1: {"cpu.max": "5000 100000", "cpu.weight": "2", "memory.max": "67108864"},
    "pod": {"cpu.max": "5000 100000", "cpu.weight": "2", "memory.max": "67108864"},
    "qos": {"cpu.max": "max 100000", "cpu.weight": "4", "memory.max": "max"},
}
FILES = {"cpu.max": "10000 100000", "cpu.weight": "4", "memory.max": "100663296"}
AS_RESIZED = AS_CREATED | {C1: FILES, "pod": FILES}
Settings = dict[str, dict[str, str]]


def with_(settings: Settings, cgroup: str, **files: str) -> Settings:
    """The settings with some of a cgroup's otherwise; ``__`` stands for a dot."""
    changed = {name.replace("__", "."): text for name, text in files.items()}
    return settings | {cgroup: settings[cgroup] | changed}


REVERTED = AS_RESIZED | {"pod": AS_CREATED["pod"]}


def reloaded(
    after: Settings, *, resized: Settings = AS_RESIZED, shared: dict[str, str] | None = None
) -> list[Claim]:
    states = [AS_CREATED, resized, after]
    return [*after_a_reload("PR-61", "after the resize", states, shared=shared or {})]


def verdict(
    claims: list[Claim], fingerprint: Fingerprint | None = NEW
) -> tuple[VerdictKind, str | None]:
    """Judge them as those of a stored run are: from their JSON."""
    stored = json.loads(json.dumps([claim.to_json() for claim in claims]))
    read = [Claim.from_json(each) for each in stored]
    found = judge(read[0].requirement, read, fingerprint, check="suites/x.py::test_y")
    return found.kind, found.deviation


def test_what_stays_holds_and_says_what_the_resize_moved() -> None:
    claims = reloaded(AS_RESIZED)

    assert [claim.what for claim in claims] == [
        "what a daemon-reload after the resize made of the limits of container c1",
        "what a daemon-reload after the resize made of the limits of the pod",
        "what a daemon-reload after the resize made of the limits of its QoS level",
    ]
    assert claims[1].got["memory.max"] == ["67108864", "100663296", "100663296"]
    assert claims[2].got == {}
    assert verdict(claims) == (VerdictKind.PASSED, None)


MUTANTS: dict[str, Callable[[], Settings]] = {
    "container-quota": lambda: with_(AS_RESIZED, C1, cpu__max="5000 100000"),
    "container-unlimited": lambda: with_(AS_RESIZED, C1, memory__max="max"),
    "container-weight": lambda: with_(AS_RESIZED, C1, cpu__weight="100"),
    "pod-half": lambda: with_(AS_RESIZED, "pod", memory__max="67108864"),
    "pod-third": lambda: with_(REVERTED, "pod", cpu__max="7000 100000"),
    "pod-more": lambda: with_(REVERTED, "pod", memory__low="4096"),
    "qos-weight": lambda: with_(AS_RESIZED, "qos", cpu__weight="100"),
    "qos-memory": lambda: with_(AS_RESIZED, "qos", memory__max="4294967296"),
    "both-reverted": lambda: AS_CREATED,
    "gone": lambda: AS_RESIZED | {"pod": {"cpu.max": "10000 100000", "cpu.weight": "4"}},
}


@pytest.mark.parametrize("fingerprint", [OLD, NEW], ids=["1.27", "1.32"])
@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_departure_fails_and_no_deviation_explains_it(
    mutant: str, fingerprint: Fingerprint
) -> None:
    assert verdict(reloaded(MUTANTS[mutant]()), fingerprint) == (VerdictKind.FAILED, None)


def test_k_20_is_the_pods_cgroup_as_created_and_nothing_else() -> None:
    claims = reloaded(REVERTED)

    assert verdict(claims, OLD) == (VerdictKind.DEVIATION, "K-20")
    assert claims[1].guilty == "kubelet"


@pytest.mark.parametrize(
    "changes",
    [
        {"kubernetes": "1.32.2"},
        {"cgroup_driver": "cgroupfs"},
    ],
)
def test_k_20_is_of_its_stacks_alone(changes: dict[str, Any]) -> None:
    fingerprint = dataclasses.replace(OLD, **changes)

    assert verdict(reloaded(REVERTED), fingerprint) == (VerdictKind.FAILED, None)


def test_k_20_is_the_kubelets_whatever_the_runtime_is() -> None:
    fingerprint = dataclasses.replace(OLD, runtime="cri-o", runtime_version="1.27.8")

    assert verdict(reloaded(REVERTED), fingerprint) == (VerdictKind.DEVIATION, "K-20")


def test_before_a_resize_nothing_explains_a_limit_that_moves() -> None:
    after = with_(AS_CREATED, "pod", cpu__max="max 100000")
    claims = [*after_a_reload("PR-61", "before the resize", [AS_CREATED, after], shared={})]

    assert claims[1].got == {"cpu.max": ["5000 100000", "max 100000"]}
    assert claims[1].want == {"cpu.max": ["5000 100000", "5000 100000"]}
    assert verdict(claims, OLD) == (VerdictKind.FAILED, None)


def v1(settings: Settings) -> Settings:
    """The same limits in the files of cgroup v1."""
    return {
        cgroup: {
            "cpu.shares": files["cpu.weight"],
            "cpu.cfs_quota_us": files["cpu.max"].split()[0].replace("max", "-1"),
            "memory.limit_in_bytes": files["memory.max"],
        }
        for cgroup, files in settings.items()
    }


@pytest.mark.parametrize("quota", ["5000", "10000"])
def test_on_cgroup_v1_the_kernel_may_refuse_the_pods_old_quota(quota: str) -> None:
    after = with_(v1(REVERTED), "pod", cpu__cfs_quota_us=quota)
    states = [v1(AS_CREATED), v1(AS_RESIZED), after]

    claims = [*after_a_reload("PR-61", "after the resize", states, shared={})]

    assert verdict(claims, OLD) == (VerdictKind.DEVIATION, "K-20")


def test_another_quota_of_the_pods_on_cgroup_v1_is_not_k_20() -> None:
    after = with_(v1(REVERTED), "pod", cpu__cfs_quota_us="7000")
    states = [v1(AS_CREATED), v1(AS_RESIZED), after]

    claims = [*after_a_reload("PR-61", "after the resize", states, shared={})]

    assert verdict(claims, OLD) == (VerdictKind.FAILED, None)


def test_the_sum_of_all_burstable_pods_may_come_meanwhile() -> None:
    after = with_(AS_RESIZED, "qos", cpu__weight="6")

    assert verdict(reloaded(after, shared={"cpu.weight": "6"}))[0] is VerdictKind.PASSED
    assert verdict(reloaded(after, shared={"cpu.weight": "7"}))[0] is VerdictKind.FAILED
    # It is the sum of the level alone.
    of_the_pod = with_(AS_RESIZED, "pod", cpu__weight="6")
    assert verdict(reloaded(of_the_pod, shared={"cpu.weight": "6"}))[0] is VerdictKind.FAILED


def test_a_quota_may_come_back_rounded_up_and_not_down() -> None:
    uneven = with_(AS_RESIZED, C1, cpu__max="10300 100000")

    up = reloaded(with_(uneven, C1, cpu__max="11000 100000"), resized=uneven)
    down = reloaded(with_(uneven, C1, cpu__max="10000 100000"), resized=uneven)

    assert verdict(up)[0] is VerdictKind.PASSED
    assert verdict(down)[0] is VerdictKind.FAILED


def test_what_is_no_limit_is_evidence_alone() -> None:
    resized = with_(AS_RESIZED, C1, cpu__idle="1", memory__oom__group="1")
    after = with_(resized, C1, cpu__idle="0", memory__oom__group="0")

    claims = reloaded(after, resized=resized)

    assert claims[0].holds
    assert claims[0].witnesses == {"other settings that moved": "cpu.idle 1 -> 0"}
    assert same_limits(resized, after)
    assert not same_limits(AS_CREATED, AS_RESIZED)


def test_a_file_that_sets_nothing_may_go() -> None:
    resized = with_(AS_RESIZED, C1, cpuset__cpus="", cpuset__mems="0")
    without = with_(AS_RESIZED, C1, cpuset__mems="0")

    assert verdict(reloaded(without, resized=resized))[0] is VerdictKind.PASSED
    assert same_limits(resized, without)
    assert verdict(reloaded(AS_RESIZED, resized=resized))[0] is VerdictKind.FAILED


SCOPE = {
    "LoadState": "loaded",
    "CPUQuotaPerSecUSec": "100ms",
    "CPUQuotaPeriodUSec": "100ms",
    "CPUWeight": "4",
    "MemoryMax": "100663296",
}
BEFORE = {"CPUQuotaPerSecUSec": "50ms", "CPUWeight": "2", "MemoryMax": "67108864"}


def of_a_unit(cgroup: str, **properties: str) -> list[Claim]:
    states = [AS_CREATED, AS_RESIZED]
    said = SCOPE | properties
    return [*of_the_unit("PR-63", cgroup, "x.scope", states, said, cgroup_version=2)]


def test_systemd_has_what_the_files_hold() -> None:
    claims = of_a_unit(C1)

    assert verdict(claims) == (VerdictKind.PASSED, None)
    assert claims[1].got["cpu.max"] == ["5000 100000", "10000 100000", "10000 100000"]
    assert claims[1].witnesses == {"unit": "x.scope"} | SCOPE


@pytest.mark.parametrize("cgroup", [C1, "pod"])
@pytest.mark.parametrize(
    "properties",
    [
        {"LoadState": "not-found"},
        {"CPUQuotaPerSecUSec": "infinity"},
        {"CPUQuotaPerSecUSec": "50ms"},
        {"CPUWeight": "[not set]"},
        {"MemoryMax": "67108864"},
        {"MemoryMax": "infinity"},
        BEFORE | {"MemoryMax": "1"},
    ],
    ids=str,
)
def test_what_systemd_has_otherwise_fails(cgroup: str, properties: dict[str, str]) -> None:
    for fingerprint in (OLD, NEW):
        assert verdict(of_a_unit(cgroup, **properties), fingerprint) == (VerdictKind.FAILED, None)


def test_systemd_of_k_20_has_the_pods_limits_as_created() -> None:
    assert verdict(of_a_unit("pod", **BEFORE), OLD) == (VerdictKind.DEVIATION, "K-20")
    assert verdict(of_a_unit("pod", **BEFORE), NEW) == (VerdictKind.FAILED, None)
    assert verdict(of_a_unit(C1, **BEFORE), OLD) == (VerdictKind.FAILED, None)


EXACT, ROUNDED = "41700 100000", "42000 100000"


def of_quotas(before: str, after: str, cgroup: str = C1, exact: str = EXACT) -> list[Claim]:
    looks = [{cgroup: {"cpu.max": each}} for each in (before, after)]
    return [*of_the_quota("PR-62", cgroup, *looks, exact=exact, file="cpu.max")]


@pytest.mark.parametrize("quota", [EXACT, ROUNDED])
def test_either_quota_will_do_if_it_stays(quota: str) -> None:
    assert verdict(of_quotas(quota, quota)) == (VerdictKind.PASSED, None)


def test_an_even_quota_is_one_value() -> None:
    assert of_quotas(ROUNDED, ROUNDED, exact=ROUNDED)[0].want == [ROUNDED]
    assert verdict(of_quotas(EXACT, EXACT, exact=ROUNDED))[0] is VerdictKind.FAILED


@pytest.mark.parametrize("course", [(EXACT, ROUNDED), (ROUNDED, EXACT)])
def test_r_03_is_a_quota_that_an_update_makes_the_other_one(course: tuple[str, str]) -> None:
    assert verdict(of_quotas(*course)) == (VerdictKind.PASSED, "R-03")


@pytest.mark.parametrize(
    ("claims", "fingerprint"),
    [
        (of_quotas(EXACT, ROUNDED), RUNC),
        (of_quotas(EXACT, ROUNDED), dataclasses.replace(NEW, oci_runtime="crun")),
        (of_quotas(EXACT, ROUNDED), dataclasses.replace(NEW, cgroup_driver="cgroupfs")),
        (of_quotas(EXACT, ROUNDED, "pod"), OLD),
        (of_quotas(ROUNDED, EXACT, "pod"), NEW),
        (of_quotas(EXACT, "43000 100000"), NEW),
        (of_quotas(EXACT, "max 100000"), NEW),
        (of_quotas("41000 100000", "41000 100000"), NEW),
        (of_quotas("41000 100000", ROUNDED), NEW),
    ],
    ids=[
        *("fixed", "crun", "cgroupfs", "pod", "pod-down", "third", "unlimited", "wrong"),
        "wrong-first",
    ],
)
def test_anything_else_about_a_quota_fails(claims: list[Claim], fingerprint: Fingerprint) -> None:
    assert verdict(claims, fingerprint) == (VerdictKind.FAILED, None)


def test_pd_75_is_a_kubelet_that_told_systemd_another_quota_than_it_wrote() -> None:
    assert verdict(of_quotas(EXACT, ROUNDED, "pod"), NEW) == (VerdictKind.DEVIATION, "PD-75")


def test_a_distributions_runc_is_of_its_release() -> None:
    debians = dataclasses.replace(NEW, oci_runtime_version="1.1.5+ds1")

    assert verdict(of_quotas(EXACT, ROUNDED), debians) == (VerdictKind.PASSED, "R-03")


def test_cgroups_have_names() -> None:
    assert [named(each) for each in (C1, "pod", "qos")] == [
        "container c1",
        "the pod",
        "its QoS level",
    ]


def swaps(*course: str) -> list[Claim]:
    states = [{C1: {"memory.swap.max": each}, "pod": {"memory.swap.max": "max"}} for each in course]
    return [*swap_after_a_reload("PR-64", "after the resize", states)]


def test_who_may_not_swap_does_not_begin_to() -> None:
    (claim,) = swaps("0", "0", "0")

    assert claim.holds
    assert verdict([claim]) == (VerdictKind.PASSED, None)
    assert verdict(swaps("0", "0", "max"), NEW) == (VerdictKind.FAILED, None)
    # A limit of memory that moves is PR-61's.
    assert all(each.holds for each in reloaded(with_(AS_RESIZED, C1, memory__swap__max="max")))


@pytest.mark.parametrize("course", [("0", "max"), ("0", "0", "max"), ("0", "max", "0", "max")])
def test_pd_72_is_a_runc_that_told_systemd_nothing(course: tuple[str, ...]) -> None:
    assert verdict(swaps(*course), OLD) == (VerdictKind.DEVIATION, "PD-72")


@pytest.mark.parametrize(
    ("course", "changes"),
    [
        (("0", "4096"), {}),
        (("4096", "max"), {}),
        (("0", "max"), {"kubernetes": "1.30.4"}),
        (("0", "max"), {"cgroup_driver": "cgroupfs"}),
        (("0", "max"), {"oci_runtime": "crun"}),
    ],
)
def test_pd_72_is_nothing_else(course: tuple[str, ...], changes: dict[str, Any]) -> None:
    fingerprint = dataclasses.replace(OLD, **changes)

    assert verdict(swaps(*course), fingerprint) == (VerdictKind.FAILED, None)


def groups(*course: str) -> list[Claim]:
    states = [{C1: {"memory.oom.group": each}, "qos": {"memory.oom.group": "0"}} for each in course]
    return [*group_after_a_reload("PR-65", "after the resize", states)]


def test_what_ends_as_a_whole_still_does() -> None:
    (claim,) = groups("1", "1", "1")

    assert claim.holds
    assert verdict([claim], NEW) == (VerdictKind.PASSED, None)
    assert verdict(groups("0", "1"), NEW) == (VerdictKind.FAILED, None)


@pytest.mark.parametrize("course", [("1", "0"), ("1", "1", "0"), ("1", "0", "1", "0")])
def test_pd_74_is_a_runc_that_told_systemd_nothing_of_it(course: tuple[str, ...]) -> None:
    assert verdict(groups(*course), NEW) == (VerdictKind.DEVIATION, "PD-74")
