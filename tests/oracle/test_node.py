"""What the node decides: by version, by policy, by room; and what holds of every decision."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.targets import TARGET as BASE

from podresize.oracle.node import GRANTED, decide, qos_of
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.requirements.model import Outcome
from podresize.requirements.target import Fingerprint

VERSIONS = [f"1.{minor}.0" for minor in range(27, 38)]
ROOMY = Surroundings(
    allocatable={"cpu": "2", "memory": "4Gi"}, others={"cpu": "1", "memory": "1Gi"}
)


def target(version: str, **fields: Any) -> Fingerprint:
    return dataclasses.replace(BASE, kubernetes=version, kubelet=version, **fields)


def pod(cpu: str, memory: str = "64Mi", *, limit: str | None = None, **spec: Any) -> dict[str, Any]:
    """A pod of one container; its limits are its requests, or ``limit`` of memory alone."""
    requests = {"cpu": cpu, "memory": memory}
    limits = dict(requests) if limit is None else {"memory": limit}
    resources = {"requests": requests, "limits": limits}
    return {"metadata": {}, "spec": {"containers": [{"name": "c1", "resources": resources}]} | spec}


@pytest.mark.parametrize(
    ("version", "outcome", "why"),
    [
        ("1.27.4", Outcome.INFEASIBLE, ""),
        ("1.32.0", Outcome.INFEASIBLE, "Node didn't have enough capacity: cpu, requested: 3000"),
        ("1.35.0", Outcome.INFEASIBLE, "Node didn't have enough capacity: cpu, requested: 3000"),
        ("1.36.0", Outcome.DEFERRED, "Node didn't have enough resource: cpu, requested: 3000"),
    ],
)
def test_more_than_the_node_has(version: str, outcome: Outcome, why: str) -> None:
    decision = decide(pod("100m"), pod("3"), target(version), ROOMY)

    assert (decision.outcome, decision.why) == (outcome, why)
    assert decision.rule == ("KL-02" if outcome is Outcome.INFEASIBLE else "KL-03")


def test_what_a_pod_asks_for_itself_is_what_it_needs_room_for() -> None:
    """Its containers are within it, whatever they are resized to (KEP-2837)."""
    own: dict[str, Any] = {"resources": {"requests": {"cpu": "1500m"}}}
    old, new = (pod(cpu, **own) for cpu in ("100m", "1200m"))

    assert decide(old, new, target("1.37.2"), ROOMY) == GRANTED


@pytest.mark.parametrize("version", VERSIONS)
def test_more_than_is_left_is_deferred_up_to_the_last_millicore(version: str) -> None:
    assert decide(pod("100m"), pod("1"), target(version), ROOMY) == GRANTED
    assert decide(pod("100m"), pod("1001m"), target(version), ROOMY).outcome is Outcome.DEFERRED
    memory = decide(pod("100m"), pod("100m", "3073Mi"), target(version), ROOMY)
    assert memory.outcome is Outcome.DEFERRED


def test_all_is_decided_together() -> None:
    """cpu shrinks and memory does not fit: nothing is granted (KL-01)."""
    decision = decide(pod("200m"), pod("100m", "3500Mi"), target("1.34.0"), ROOMY)

    assert decision.outcome is Outcome.DEFERRED
    assert "memory, requested: 3670016000" in decision.why


@pytest.mark.parametrize(
    ("version", "change", "why"),
    [
        ("1.31.0", ("200m", "64Mi"), None),
        ("1.32.0", ("100m", "96Mi"), "alongside CPU Manager static policy"),
        ("1.33.0", ("100m", "96Mi"), "alongside CPU Manager static policy"),
        ("1.34.0", ("100m", "96Mi"), None),
        ("1.34.0", ("200m", "64Mi"), 'alongside CPU Manager policy "static"'),
        ("1.37.0", ("50m", "64Mi"), 'alongside CPU Manager policy "static"'),
    ],
)
def test_static_cpu_manager(version: str, change: tuple[str, str], why: str | None) -> None:
    static = target(version, cpu_manager_policy="static")
    decision = decide(pod("100m"), pod(*change), static)

    assert (decision.outcome is Outcome.INFEASIBLE) == (why is not None)
    assert (why or "") in decision.why
    burstable = decide(pod("100m", limit="1Gi"), pod("200m", limit="1Gi"), static)
    assert burstable == GRANTED


@pytest.mark.parametrize(
    ("version", "change", "is_infeasible"),
    [
        ("1.32.0", ("100m", "96Mi"), False),
        ("1.33.0", ("200m", "64Mi"), True),
        ("1.34.0", ("200m", "64Mi"), False),
        ("1.34.0", ("100m", "96Mi"), True),
    ],
)
def test_static_memory_manager(version: str, change: tuple[str, str], is_infeasible: bool) -> None:
    static = target(version, memory_manager_policy="Static")
    decision = decide(pod("100m"), pod(*change), static)

    assert (decision.outcome is Outcome.INFEASIBLE) is is_infeasible
    assert decision.rule == ("KL-51" if is_infeasible else "")


@pytest.mark.parametrize(
    ("version", "old", "new", "is_infeasible"),
    [
        ("1.32.0", "64Mi", "96Mi", False),
        ("1.33.0", "64Mi", "96Mi", True),
        ("1.33.0", "64Mi", "64Mi", False),
    ],
)
def test_swap(version: str, old: str, new: str, is_infeasible: bool) -> None:
    around = Surroundings(swaps=True)
    before, after = pod("100m", old, limit="1Gi"), pod("200m", new, limit="1Gi")

    assert (decide(before, after, target(version), around).rule == "KL-52") is is_infeasible
    for each in (before, after):
        policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
        each["spec"]["containers"][0]["resizePolicy"] = policy
    assert decide(before, after, target(version), around) == GRANTED


def test_swap_is_for_burstable_pods_alone() -> None:
    around = Surroundings(swaps=True)
    assert decide(pod("100m"), pod("100m", "96Mi"), target("1.34.0"), around) == GRANTED


@pytest.mark.parametrize(
    ("version", "is_infeasible"), [("1.32.0", False), ("1.33.0", True), ("1.36.0", False)]
)
def test_static_pods(version: str, is_infeasible: bool) -> None:
    mirror = pod("200m") | {"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}}
    decision = decide(pod("100m"), mirror, target(version))

    assert (decision.outcome is Outcome.INFEASIBLE) is is_infeasible


def test_windows() -> None:
    new = pod("200m", os={"name": "windows"})
    assert "Windows" in decide(pod("100m"), new, target("1.32.0")).why
    assert decide(pod("100m"), new, target("1.29.0")) == GRANTED


def test_classes() -> None:
    assert qos_of(pod("1")) == "Guaranteed"
    assert qos_of(pod("1", limit="1Gi")) == "Burstable"
    assert qos_of({"spec": {"containers": [{"name": "c1"}]}}) == "BestEffort"


CPUS = st.integers(min_value=0, max_value=5000)
MEBIBYTES = st.integers(min_value=0, max_value=9000)
SIZES = st.tuples(CPUS, MEBIBYTES)
TARGETS = st.builds(
    target,
    st.sampled_from(VERSIONS),
    cpu_manager_policy=st.sampled_from(["none", "static"]),
    memory_manager_policy=st.sampled_from(["None", "Static"]),
)
AROUND = st.one_of(
    st.just(NOTHING_KNOWN),
    st.builds(
        lambda whole, others, swaps: Surroundings(
            allocatable={"cpu": f"{whole[0]}m", "memory": f"{whole[1]}Mi"},
            others={"cpu": f"{others[0]}m", "memory": f"{others[1]}Mi"},
            swaps=swaps,
        ),
        SIZES,
        SIZES,
        st.booleans(),
    ),
)


def sized(size: tuple[int, int]) -> dict[str, Any]:
    return pod(f"{size[0]}m", f"{size[1]}Mi")


@given(SIZES, SIZES, TARGETS, AROUND)
def test_it_is_total_and_leaves_its_inputs_alone(
    old: tuple[int, int], new: tuple[int, int], fingerprint: Fingerprint, around: Surroundings
) -> None:
    before, after = sized(old), sized(new)
    kept = copy.deepcopy((before, after))

    decision = decide(before, after, fingerprint, around)

    assert decision.outcome is not Outcome.REFUSED
    assert bool(decision.rule) == (decision.outcome is not Outcome.GRANTED)
    assert (before, after) == kept


@given(SIZES, SIZES, TARGETS, AROUND)
def test_what_increases_nothing_is_never_deferred(
    one: tuple[int, int], other: tuple[int, int], fingerprint: Fingerprint, around: Surroundings
) -> None:
    least = (min(one[0], other[0]), min(one[1], other[1]))

    decision = decide(sized(one), sized(least), fingerprint, around)

    assert decision.outcome is not Outcome.DEFERRED


@given(SIZES, SIZES, SIZES, st.sampled_from(VERSIONS), AROUND)
def test_if_more_fits_less_fits(
    old: tuple[int, int],
    more: tuple[int, int],
    less: tuple[int, int],
    version: str,
    around: Surroundings,
) -> None:
    smaller = (min(more[0], less[0]), min(more[1], less[1]))
    fingerprint = target(version)
    # A change that is none is granted, also to a pod that a smaller node could not hold.
    assume(more != old)

    if decide(sized(old), sized(more), fingerprint, around).outcome is Outcome.GRANTED:
        assert decide(sized(old), sized(smaller), fingerprint, around).outcome is Outcome.GRANTED
