"""The scheduler's accounting by release: what a pod counts for, and who finds room beside it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracle.test_expectation import on, pod, same

from podresize.oracle.scheduling import counted, lacking, left

some = settings(max_examples=150, deadline=None)
RELEASES = ("1.27.4", "1.31.0", "1.32.1", "1.33.0", "1.36.1", "1.37.2")
releases = st.sampled_from(RELEASES)
triples = st.tuples(*[st.integers(1, 4000)] * 3)
MIB = 1 << 20


def size(number: int) -> dict[str, str]:
    return {"cpu": f"{number}m", "memory": f"{number}Mi"}


def resized(
    *containers: tuple[int, int, int], pending: str = "", kubernetes: str = "1.27.4"
) -> dict[str, Any]:
    """A pod on a node; of each container what is asked, allocated and in force."""
    found = pod(*(same(f"{asked}m", f"{asked}Mi") for asked, _, _ in containers))
    found["spec"]["nodeName"] = "n"
    status: dict[str, Any] = {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": f"c{number}",
                "allocatedResources": size(allocated),
                "resources": {"requests": size(in_force), "limits": size(in_force)},
            }
            for number, (_, allocated, in_force) in enumerate(containers, start=1)
        ],
    }
    if kubernetes == "1.32.1":
        for each in status["containerStatuses"]:
            del each["allocatedResources"]
    if pending and kubernetes < "1.33":
        status["resize"] = pending
    elif pending:
        condition = {"type": "PodResizePending", "status": "True", "reason": pending}
        status["conditions"] = [condition]
    return found | {"status": status}


def with_sums(raw: dict[str, Any], allocated: int, in_force: int) -> dict[str, Any]:
    """The same with the pod's own status, as kubelets from 1.36 on write it."""
    sums = {"allocatedResources": size(allocated), "resources": {"requests": size(in_force)}}
    return raw | {"status": raw["status"] | sums}


def cpu(raw: dict[str, Any], kubernetes: str) -> int:
    found = counted(raw, on(kubernetes=kubernetes))
    assert found["memory"] == found["cpu"] * MIB  # one rule for both
    return found["cpu"]


@pytest.mark.parametrize(
    ("kubernetes", "asked", "allocated", "in_force"),
    [
        ("1.27.4", 500, 400, 200),
        ("1.31.0", 500, 400, 200),
        ("1.32.1", 500, 200, 300),
        ("1.33.0", 500, 400, 300),
        ("1.36.1", 500, 400, 300),
        ("1.37.2", 500, 400, 300),
    ],
)
def test_which_of_the_three_counts(
    kubernetes: str, asked: int, allocated: int, in_force: int
) -> None:
    """200 in all but the one that is larger; what the release does not look at changes nothing."""

    def count(*three: int, pending: str = "") -> int:
        one, two, three_ = three
        return cpu(resized((one, two, three_), pending=pending, kubernetes=kubernetes), kubernetes)

    assert count(500, 200, 200) == asked
    assert count(200, 400, 200) == allocated
    assert count(200, 200, 300) == in_force
    assert count(500, 200, 200, pending="Deferred") == 500
    assert count(500, 200, 200, pending="Infeasible") == 200


@pytest.mark.parametrize(
    ("kubernetes", "count"), [("1.27.4", 500), ("1.33.0", 500), ("1.36.1", 500), ("1.37.2", 450)]
)
def test_containers_that_move_in_opposite_directions(kubernetes: str, count: int) -> None:
    raw = resized((300, 200, 200), (150, 200, 200), kubernetes=kubernetes)

    assert cpu(raw, kubernetes) == count
    assert cpu(with_sums(raw, 400, 400), kubernetes) == count


def test_the_status_of_the_pod_itself_goes_first_in_1_37() -> None:
    raw = resized((200, 200, 200))

    assert cpu(with_sums(raw, 700, 200), "1.37.2") == 700
    assert cpu(with_sums(raw, 200, 600), "1.37.2") == 600
    assert cpu(with_sums(raw, 700, 600), "1.36.1") == 200


@some
@given(st.lists(triples, min_size=1, max_size=3), releases)
def test_no_less_than_what_is_asked_and_no_more_than_the_largest(
    containers: list[tuple[int, int, int]], kubernetes: str
) -> None:
    count = cpu(resized(*containers, kubernetes=kubernetes), kubernetes)

    assert sum(asked for asked, _, _ in containers) <= count <= sum(map(max, containers))


@some
@given(st.lists(triples, min_size=1, max_size=3))
def test_the_largest_sum_is_no_more_than_the_sum_of_the_largest(
    containers: list[tuple[int, int, int]],
) -> None:
    raw = resized(*containers)
    sums = [sum(column) for column in zip(*containers, strict=True)]

    assert cpu(raw, "1.37.2") == max(sums) <= cpu(raw, "1.36.1")


@some
@given(st.lists(triples, min_size=1, max_size=3), st.integers(0, 4000), releases)
def test_an_infeasible_resize_may_ask_for_anything(
    containers: list[tuple[int, int, int]], more: int, kubernetes: str
) -> None:
    greedier = [(asked + more, *others) for asked, *others in containers]
    modest, greedy = (
        cpu(resized(*each, pending="Infeasible", kubernetes=kubernetes), kubernetes)
        for each in (containers, greedier)
    )

    assert modest == greedy <= cpu(resized(*containers, kubernetes=kubernetes), kubernetes)


@some
@given(st.integers(1, 4000), releases)
def test_a_pod_that_is_not_resized_counts_for_its_spec(number: int, kubernetes: str) -> None:
    raw = resized((number, number, number), kubernetes=kubernetes)

    assert cpu(raw, kubernetes) == number
    assert cpu(pod(same(f"{number}m", f"{number}Mi")), kubernetes) == number
    assert counted(resized((number, 1, 9000)), on(gate=False))["cpu"] == number


@some
@given(st.integers(1, 9000), st.lists(triples, max_size=3), st.integers(-5, 5), releases)
def test_the_last_millicore_and_byte_decide(
    whole: int, containers: list[tuple[int, int, int]], more: int, kubernetes: str
) -> None:
    others = [resized(each, kubernetes=kubernetes) for each in containers]
    room = left(size(whole), others, on(kubernetes=kubernetes))
    assert room["cpu"] == whole - sum(cpu(each, kubernetes) for each in others)

    for name, unit in (("cpu", "m"), ("memory", "")):
        wanted = max(room[name] + more, 1)
        newcomer = pod({"requests": {name: f"{wanted}{unit}"}, "limits": {}})
        assert lacking(newcomer, room) == ([name] if wanted > room[name] else [])


def test_who_is_counted_at_all() -> None:
    here, elsewhere, ended = resized((300, 300, 300)), resized((1, 1, 1)), resized((9, 9, 9))
    del elsewhere["spec"]["nodeName"]
    ended["status"]["phase"] = "Failed"

    assert left(size(1000), [here, elsewhere, ended], on())["cpu"] == 700
    assert lacking(pod({}), {"cpu": -1, "memory": -1}) == []


def test_sidecars_and_overhead_count() -> None:
    raw = resized((300, 200, 200))
    side = {"name": "s1", "restartPolicy": "Always", "resources": same("50m", "50Mi")}
    raw["spec"] |= {"initContainers": [side], "overhead": size(5)}
    raw["status"]["initContainerStatuses"] = [
        {"name": "s1", "allocatedResources": size(80), "resources": {"requests": size(50)}}
    ]

    assert [cpu(raw, release) for release in ("1.31.0", "1.33.0", "1.37.2")] == [355, 385, 355]
    assert cpu(with_sums(raw, 390, 250), "1.37.2") == 395
