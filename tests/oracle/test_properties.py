"""What holds of every expectation, whatever the pod, the change, the target and the room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracle.pods import changes, pods
from tests.oracle.test_expectation import fingerprints, on, pod, same

from podresize.oracle.change import Change
from podresize.oracle.expectation import Expectation, expectation
from podresize.oracle.surroundings import Surroundings
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Outcome
from podresize.requirements.target import Fingerprint

some = settings(max_examples=150, deadline=None)
surroundings = st.builds(
    Surroundings,
    allocatable=st.none()
    | st.fixed_dictionaries(
        {"cpu": st.sampled_from(["300m", "2", "64"]), "memory": st.sampled_from(["80Mi", "64Gi"])}
    ),
    others=st.fixed_dictionaries(
        {}, optional={"cpu": st.sampled_from(["1", "1900m"]), "memory": st.just("63Gi")}
    ),
    is_stale=st.booleans(),
    may_resize=st.sampled_from([True, True, True, False]),
)


@some
@given(st.data(), pods, fingerprints, surroundings)
def test_every_expectation_is_whole(
    data: st.DataObject, before: dict[str, Any], target: Fingerprint, around: Surroundings
) -> None:
    change = data.draw(changes(before))
    found = expectation(before, change, target, surroundings=around)

    assert Expectation.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert (found.outcome is Outcome.REFUSED) is not found.answer.accepted
    # Rights and conflicts are older than the feature: to 1.31 no line of its own speaks of them.
    assert found.rule or found.outcome is Outcome.GRANTED or found.answer.code in (403, 409)
    assert not found.rule or found.outcome is not Outcome.GRANTED
    assert found.cgroups_after.keys() == found.cgroups_before.keys()
    if found.outcome is not Outcome.GRANTED:
        assert found.cgroups_after == found.cgroups_before
        assert not any(item.is_changed or item.restarts for item in found.containers)
    if found.outcome is Outcome.REFUSED:
        assert not any(item.is_asked for item in found.containers)
    known = load_catalogue()
    for id_ in found.requirements:
        assert known.requirement(id_).outcome.includes(found.outcome)


@pytest.mark.parametrize(
    ("outcome", "around"),
    [
        (Outcome.GRANTED, Surroundings()),
        (
            Outcome.DEFERRED,
            Surroundings(allocatable=same("2", "1Gi")["limits"], others={"cpu": "2"}),
        ),
        (Outcome.INFEASIBLE, Surroundings(allocatable=same("200m", "1Gi")["limits"])),
        (Outcome.REFUSED, Surroundings(may_resize=False)),
    ],
)
@pytest.mark.parametrize("kubernetes", ["1.27.4", "1.32.0", "1.33.1", "1.35.0"])
def test_each_outcome_survives_json(
    kubernetes: str, outcome: Outcome, around: Surroundings
) -> None:
    before = pod(same("200m", "64Mi"))
    before["metadata"]["generation"] = 4
    found = expectation(before, Change(cpu="+100m"), on(kubernetes=kubernetes), surroundings=around)
    raw = json.loads(json.dumps(found.to_json()))

    assert found.outcome is outcome
    assert Expectation.from_json(raw) == found
    assert Expectation.from_json(raw).to_json() == raw
    with pytest.raises(TypeError):
        Expectation.from_json(raw | {"colour": "red"})


def test_what_an_earlier_release_stored_is_still_read() -> None:
    found = expectation(pod(same("200m", "64Mi")), Change(cpu="+100m"), on())
    raw = found.to_json()
    for key in ("outcome", "why", "rule", "generation"):
        del raw[key]
    for container in raw["containers"]:
        del container["asked"], container["asked_before"], container["is_init"]

    assert Expectation.from_json(raw) == found


amounts = st.integers(min_value=1, max_value=300_000)


def number(files: Mapping[str, Any], name: str) -> int:
    (allowed,) = files[name]
    return int(allowed.value)


@some
@given(amounts, amounts, st.integers(1, 1 << 20), st.integers(1, 1 << 20))
def test_more_is_never_less_in_a_cgroup(cpu: int, cpu_2: int, memory: int, memory_2: int) -> None:
    low, high = sorted((cpu, cpu_2))
    small, big = sorted((memory, memory_2))
    found = expectation(
        pod(same(f"{low}m", f"{small}Ki")), Change(cpu=f"{high}m", memory=f"{big}Ki"), on()
    )

    for subject in ("pod", "container/c1"):
        before, after = found.cgroups_before[subject], found.cgroups_after[subject]
        for name in ("cpu.shares", "cpu.cfs_quota_us"):
            assert number(before, name) <= number(after, name)
        unlimited = "9223372036854771712"
        sizes = [files["memory.limit_in_bytes"][0].value for files in (before, after)]
        assert int(sizes[0]) <= int(sizes[1]) or unlimited in sizes
        assert 2 <= number(after, "cpu.shares") <= 262_144
        assert number(after, "cpu.cfs_quota_us") >= 1000


@some
@given(st.lists(amounts, min_size=1, max_size=4), st.integers(0, 3), amounts)
def test_a_pod_has_at_least_the_quota_of_its_containers(
    sizes: list[int], index: int, new: int
) -> None:
    """KL-32's invariant, as far as the expected end goes."""
    before = pod(*(same(f"{size}m", "64Mi") for size in sizes))
    name = f"c{index % len(sizes) + 1}"
    found = expectation(before, Change(cpu=f"{new}m", container=name), on())

    containers = [
        number(files, "cpu.cfs_quota_us")
        for subject, files in found.cgroups_after.items()
        if subject != "pod"
    ]
    # The kernel takes no quota below 1 ms: several tiny containers may have more than their pod.
    tiny = sum(1000 - 100 * size for size in [*sizes, new] if size < 10)
    assert number(found.cgroups_after["pod"], "cpu.cfs_quota_us") + tiny >= sum(containers)
