"""RestartContainer starts a container anew, once, with its new values (KEP-1287).

The policy belongs to a container and a resource: what was not changed, and what says NotRequired,
gives no reason to restart. The new container is followed by its own id, cgroup and process.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify

pytestmark = [
    requirement("KL-30", "KL-32", "KL-34", "ST-21", "ST-27", "PR-01", "PR-20"),
    pytest.mark.quick_sync,
]

# core has one of each kind.
EXTENDED = pytest.mark.profile("extended")
CPU_RESTARTS = {"cpu": "RestartContainer", "memory": "NotRequired"}
MEMORY_RESTARTS = {"cpu": "NotRequired", "memory": "RestartContainer"}
BOTH_RESTART = {"cpu": "RestartContainer", "memory": "RestartContainer"}


@pytest.mark.parametrize("qos", ["Guaranteed", pytest.param("Burstable", marks=EXTENDED)])
@pytest.mark.parametrize(
    ("policy", "change"),
    [
        pytest.param(CPU_RESTARTS, Change(cpu="+50m"), id="cpu"),
        pytest.param(MEMORY_RESTARTS, Change(memory="+32Mi"), id="memory"),
        pytest.param(BOTH_RESTART, Change(cpu="+50m", memory="+32Mi"), id="both", marks=EXTENDED),
        pytest.param(MEMORY_RESTARTS, Change(cpu="+50m", memory="-32Mi"), id="mixed"),
    ],
)
def test_the_container_restarts_exactly_once(
    pods: Pods, qos: str, policy: dict[str, str], change: Change
) -> None:
    """Another container id, one more restart, and the new values from its start on."""
    pod = pods.running(qos=qos, resize_policy=policy)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@pytest.mark.parametrize(
    ("policy", "change"),
    [
        pytest.param(MEMORY_RESTARTS, Change(cpu="+50m"), id="cpu-only"),
        pytest.param(CPU_RESTARTS, Change(memory="+32Mi"), id="memory-only", marks=EXTENDED),
        pytest.param(
            {"memory": "RestartContainer"}, Change(cpu="-20m"), id="cpu-unnamed", marks=EXTENDED
        ),
    ],
)
def test_what_is_not_changed_restarts_nothing(
    pods: Pods, policy: dict[str, str], change: Change
) -> None:
    """The policy of the other resource has no say."""
    pod = pods.running(qos="Guaranteed", resize_policy=policy)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


def test_only_the_changed_container_restarts(pods: Pods) -> None:
    """Of three containers with the same policy one is resized; the others go on."""
    change = Change(memory="+32Mi", container="c2")
    pod = pods.running(qos="Burstable", containers=3, resize_policy=MEMORY_RESTARTS)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@EXTENDED
def test_one_restarts_while_another_is_resized_in_place(pods: Pods) -> None:
    """Memory of one container and cpu of the other, in one patch."""
    change = Change(memory="+32Mi", container="c1") & Change(cpu="+50m", container="c2")
    pod = pods.running(qos="Burstable", containers=2, resize_policy=MEMORY_RESTARTS)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


def test_a_memory_request_alone(pods: Pods) -> None:
    """No file depends on it: nothing restarts up to 1.32; from 1.33 the policy is kept."""
    change = Change(memory="+32Mi", scope="requests")
    pod = pods.running(qos="Burstable", resize_policy=MEMORY_RESTARTS)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
