"""Each requirement of one update: a good runtime meets it, and a mutant of its own does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
from tests.evidence.updates.seen import (
    ASKED,
    BEFORE,
    GOOD,
    KERNEL,
    REFUSED,
    REPEATED,
    STATUS,
    after,
    broken,
)
from tests.oracle.test_container_update import MIB, V1

from podresize.evidence.updates.claims import CLAIMS
from podresize.evidence.updates.update import Answer, Update

# What a runtime that grants does not have to show, and the other way round.
OF_REFUSALS = {"RT-20", "CRI-01", "RT-15"}
OF_GRANTS = {"RT-01", "RT-04", "RT-09", "RT-25", "RT-26", "CRI-01", "RT-15"}


def kernel(update: Update, **files: str) -> Update:
    changed = {name.replace("__", "."): text for name, text in files.items()}
    return after(update, kernel=update.after.kernel | changed)


MUTANTS: dict[str, tuple[Update, set[str]]] = {
    "shares not in the kernel": (
        kernel(GOOD, cpu__shares="512"),
        {"RT-01", "RT-09", "RT-22", "RT-23", "RT-25", "RT-26"},
    ),
    "memory not in the kernel": (
        kernel(GOOD, memory__limit_in_bytes=str(128 * MIB)),
        {"RT-04", "RT-09", "RT-22", "RT-23", "RT-25", "RT-26"},
    ),
    "no report at all": (after(GOOD, status=None), {"RT-11"}),
    "an old report": (after(GOOD, status=STATUS), {"RT-11", "RT-22"}),
    "an old specification": (after(GOOD, spec=STATUS), {"RT-12"}),
    "an old state of the OCI runtime": (after(GOOD, oci=STATUS), {"RT-13"}),
    "a quota that nobody asked for": (
        after(
            GOOD,
            status={**(GOOD.after.status or {}), "cpu_quota": 7},
            kernel=GOOD.after.kernel | {"cpu.cfs_quota_us": "7"},
        ),
        {"RT-14"},
    ),
    "a setting that nobody knows": (kernel(GOOD, memory__swappiness="0"), {"RT-14"}),
    "the pod's cgroup": (
        after(GOOD, around={"the pod's cgroup": {"cpu.shares": "2"}}),
        {"RT-16"},
    ),
    "another process": (after(GOOD, process={"pid": 8, "start_ticks": 80}), {"RT-17"}),
    "another start": (after(GOOD, started_at=2), {"RT-17"}),
    "ended": (after(GOOD, state="CONTAINER_EXITED"), {"RT-17"}),
}


def speaking(found: Mapping[str, object], silent: set[str]) -> set[str]:
    return set(found) - silent


def test_a_good_update_meets_all_that_speak_of_it() -> None:
    assert speaking(broken(GOOD), OF_REFUSALS) == set()


def test_a_good_refusal_meets_all_that_speak_of_it() -> None:
    assert speaking(broken(REFUSED), OF_GRANTS) == set()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_its_own_requirements(name: str) -> None:
    update, caught = MUTANTS[name]

    assert speaking(broken(update), OF_REFUSALS) == caught


def test_an_update_that_is_refused_and_should_not_be() -> None:
    found = broken(REFUSED, "RT-01")

    assert found["RT-01"][0].reading.startswith("At fault is the OCI runtime, which refused it")
    assert found["RT-01"][0].guilty == "OCI runtime"


def test_a_refusal_that_left_something_in_the_kernel() -> None:
    half = after(REFUSED, kernel=KERNEL | {"cpu.shares": "1024"})

    found = broken(half, "RT-21", "RT-22", "RT-23")

    assert set(found) == {"RT-21", "RT-22", "RT-23"}
    assert found["RT-21"][0].got == {"cpu.shares": ["512", "1024"]}
    assert found["RT-21"][0].guilty == "OCI runtime"


def test_a_refusal_that_is_reported_as_done() -> None:
    assert set(broken(after(REFUSED, status=GOOD.after.status), "CRI-08", "RT-22")) == {
        "CRI-08",
        "RT-22",
    }


def test_what_cannot_be_done_and_was_granted() -> None:
    assert set(broken(GOOD, "RT-20")) == {"RT-20"}
    assert broken(REFUSED, "RT-20") == {}


def test_a_repetition() -> None:
    assert broken(REPEATED, "CRI-01", "RT-15") == {}
    assert set(broken(kernel(REPEATED, cpu__shares="512"), "CRI-01")) == {"CRI-01"}
    assert set(broken(after(REPEATED, status=STATUS), "CRI-01")) == {"CRI-01"}
    refused = dataclasses.replace(REPEATED, answer=Answer(code="UNKNOWN"))
    assert set(broken(refused, "CRI-01")) == {"CRI-01"}


def test_a_repetition_of_what_was_never_done() -> None:
    """Nothing moves where both updates were answered OK and neither was done."""
    never = dataclasses.replace(REPEATED, before=after(REPEATED, kernel=KERNEL).after)
    never = after(never, kernel=KERNEL)

    assert broken(never, "RT-15") == {}
    assert [claim.what for claim in broken(never, "CRI-01")["CRI-01"]] == [
        "the kernel's cpu.shares",
        "the kernel's memory.limit_in_bytes",
    ]


def test_the_swap_limit_may_follow_and_may_stay() -> None:
    stayed = {"memory.memsw.limit_in_bytes": KERNEL["memory.memsw.limit_in_bytes"]}
    else_where = {"memory.memsw.limit_in_bytes": "4096"}

    assert broken(after(GOOD, kernel=GOOD.after.kernel | stayed), "RT-14") == {}
    assert set(broken(after(GOOD, kernel=GOOD.after.kernel | else_where), "RT-14")) == {"RT-14"}


def test_oom_score_adj() -> None:
    asked = dataclasses.replace(GOOD, asked={"oom_score_adj": 500})

    assert set(broken(asked, "RT-08")) == {"RT-08"}
    assert broken(after(asked, oom_score_adj=500), "RT-08") == {}


@pytest.mark.parametrize(
    ("id_", "field", "value", "file", "text"),
    [
        ("RT-02", "cpu_quota", 20_000, "cpu.cfs_quota_us", "20000"),
        ("RT-03", "cpuset_cpus", "0", "cpuset.cpus", "0"),
        (
            *("RT-05", "memory_swap_limit_in_bytes", 256 * MIB),
            *("memory.memsw.limit_in_bytes", str(256 * MIB)),
        ),
        (
            *("RT-06", "hugepage_limits", {"2MB": 4096}),
            *("hugetlb.2MB.limit_in_bytes", "4096"),
        ),
    ],
)
def test_the_other_fields(id_: str, field: str, value: object, file: str, text: str) -> None:
    asked = dataclasses.replace(GOOD, asked={field: value})

    assert set(broken(asked, id_)) == {id_}
    assert broken(kernel(asked, **{file: text}), id_) == {}


def test_unified_settings_are_of_cgroup_v2() -> None:
    v2 = dataclasses.replace(V1, cgroup_version=2)
    asked = dataclasses.replace(GOOD, asked={"unified": {"memory.high": "max"}})
    done = after(asked, kernel={"memory.high": "max"})

    assert not all(claim.holds for claim in CLAIMS["RT-07"]("RT-07", asked, v2))
    assert all(claim.holds for claim in CLAIMS["RT-07"]("RT-07", done, v2))


def test_a_container_that_a_lower_limit_ended_has_no_say() -> None:
    ended = after(GOOD, kernel={}, state="CONTAINER_EXITED")

    assert broken(ended, "RT-23") == {}


@pytest.mark.parametrize(
    ("changes", "guilty"),
    [
        ({"status": STATUS}, "CRI runtime"),
        ({"status": STATUS, "spec": STATUS, "oci": STATUS, "kernel": KERNEL}, "CRI runtime"),
        ({"oci": STATUS, "kernel": KERNEL}, "CRI runtime"),
        ({"kernel": KERNEL}, "OCI runtime"),
        ({"oci": None, "kernel": KERNEL}, "OCI runtime"),
        ({"oci": None, "spec": None, "kernel": KERNEL}, "CRI runtime"),
    ],
)
def test_the_reading_names_who_lost_the_value(changes: dict[str, object], guilty: str) -> None:
    found = broken(after(GOOD, **changes), "RT-09", "RT-11")

    assert {claim.guilty for claims in found.values() for claim in claims} == {guilty}


def test_a_container_that_ended_is_the_news_and_no_lost_value() -> None:
    ended = after(GOOD, process={"pid": None, "start_ticks": None}, kernel={})

    found = broken(ended, "RT-09", "RT-14", "RT-17")

    assert {claim.guilty for claims in found.values() for claim in claims} == {"CRI runtime"}
    assert all("ended the container" in claim.reading for claim in found["RT-09"])


def test_an_update_survives_its_json() -> None:
    assert Update.from_json(GOOD.to_json()) == GOOD
    assert BEFORE.kernel == KERNEL
    assert GOOD.asked == ASKED
