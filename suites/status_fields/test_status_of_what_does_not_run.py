"""What the status says of pods and containers that do not run, or run no more."""

from __future__ import annotations

from typing import Any

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, requirement

ENDS_SOON = ["allocate", "1", "--seconds", "12"]
ENDS_AT_ONCE = ["allocate", "1", "--seconds", "1"]
DECISIONS = ("InProgress", "Deferred", "Infeasible")


def phase(pod: dict[str, Any]) -> str:
    """Return the phase of a raw pod."""
    return str(pod["status"].get("phase"))


@requirement("ST-04")
def test_a_pod_that_is_not_running_is_not_resized(pods: Pods) -> None:
    """Its init container takes 12 s, and the resize is asked for meanwhile."""
    init = pods.body()["spec"]["containers"][0] | {"name": "i1", "args": ENDS_SOON}
    pod = pods.running(runs=False, initContainers=[init])
    pod.until(lambda raw: raw["status"].get("initContainerStatuses"), within=pods.patience(30))

    pod.ask(Change(cpu="+50m"))
    seen = pod.until(
        lambda raw: phase(raw) == "Running" or raw["status"].get("resize") in DECISIONS,
        within=pods.patience(60),
    )

    claim(
        "ST-04", "the phase when a decision is shown, or none was", got=phase(seen), want="Running"
    )


@requirement("ST-24")
def test_a_container_that_has_not_been_started(pods: Pods) -> None:
    """It waits for the init container."""
    init = pods.body()["spec"]["containers"][0] | {"name": "i1", "args": ENDS_SOON}
    pod = pods.running(runs=False, initContainers=[init])

    seen = pod.until(lambda raw: raw["status"].get("containerStatuses"), within=pods.patience(30))

    shown = seen["status"]["containerStatuses"][0]
    claim("ST-24", "its state", got=list(shown["state"]), want=["waiting"])
    claim("ST-24", "its resources", got=shown.get("resources"), want=None)
    claim("ST-24", "its allocatedResources", got=shown.get("allocatedResources"), want=None)


@requirement("ST-24")
def test_a_container_that_has_ended(pods: Pods) -> None:
    """Up to 1.31 nothing is shown of it, later what was allocated to it."""
    pod = pods.running(runs=False, restart_policy="Never", arguments=ENDS_AT_ONCE)

    seen = pod.until(lambda raw: phase(raw) == "Succeeded", within=pods.patience(60))

    shown = seen["status"]["containerStatuses"][0]
    claim("ST-24", "its state", got=list(shown["state"]), want=["terminated"])
    for field, wanted in pod.fields_when_ended("c1").items():
        claim("ST-24", f"its {field}", got=shown.get(field), want=wanted)


def _ends_after(seconds: float) -> list[str]:
    return ["allocate", "1", "--seconds", f"{seconds:.0f}"]


@requirement("ST-16")
@pytest.mark.lasts(16)
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_pod_that_has_ended_waits_for_nothing(pods: Pods) -> None:
    """Its resize is deferred, and then its only container ends for good."""
    whole = Change(cpu=pods.allocatable["cpu"], scope="requests")
    pods.filling(leave={"cpu": "500m"})
    pod = pods.running(
        resources=[{"requests": {"cpu": "100m", "memory": "64Mi"}}],
        restart_policy="Never",
        # Not before it was seen to run, however long that takes.
        arguments=_ends_after(pods.patience(12)),
    )

    pending = pod.becomes(whole, within=pods.patience(10))
    ended = pod.until(lambda raw: phase(raw) == "Succeeded", within=pods.patience(60))

    claim("ST-16", "the resize while the pod runs", got=pending, want="Deferred")
    claim("ST-16", "the phase of the pod", got=phase(ended), want="Succeeded")
    claim("ST-16", "its resize conditions", got=list(pod.resize_conditions), want=[])


@requirement("ST-12")
@pytest.mark.lasts(12)
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_failing_resize_and_a_pending_one(pods: Pods) -> None:
    """Memory goes below what is in use, which fails; then the whole node is asked for."""
    whole = Change(cpu=pods.allocatable["cpu"], scope="requests")
    pods.filling(leave={"cpu": "500m"})
    pod = pods.running(
        resources=[
            {"requests": {"cpu": "100m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
        ],
        arguments=["serve", "--hold-mib", "60"],
    )
    # Before it holds the memory the limit can be lowered, and then it is the pod that fails.
    pods.node.wait_for_usage(pod, 60 << 20)

    pod.ask(Change(memory="32Mi", scope="limits"))
    pod.until(
        lambda _: pod.resize_conditions.get("PodResizeInProgress", {}).get("reason"),
        within=pods.patience(60),
    )
    pod.becomes(whole, within=pods.patience(10))

    shown = {
        kind: (item.get("status"), item.get("reason"), item.get("observedGeneration"))
        for kind, item in pod.resize_conditions.items()
    }
    want = {
        "PodResizeInProgress": ("True", "Error", 2),
        "PodResizePending": ("True", "Deferred", 3),
    }
    claim("ST-12", "status, reason and generation by condition", got=shown, want=want)
