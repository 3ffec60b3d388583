"""Kubelet and runtime are restarted while a resize is pending, under way or done (KEP-1287).

What is remembered is the allocation: no restart may end a pod, enact what was not granted or forget
what was.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, expectation, requirement, verify

pytestmark = pytest.mark.own_cluster(kubelet=QUICK_SYNC)

CHANGE = Change(cpu="+50m", memory="+32Mi")


@pytest.mark.lasts(20)
@requirement("KL-03", "KL-21", "KL-34", "KL-30", "PR-20")
@pytest.mark.parametrize(
    "kill",
    [
        pytest.param(False, id="term", marks=pytest.mark.profile("extended")),
        pytest.param(True, id="kill"),
    ],
)
def test_a_deferred_resize_survives_the_kubelet(pods: Pods, *, kill: bool) -> None:
    """The pod goes on with what it has, and the resize goes on waiting."""
    change = Change(cpu="+500m")
    pods.filling(leave={"cpu": "300m"})
    pod = pods.running(qos="Guaranteed")
    verify(pod.resize(change), expectation(pod, change))

    timeline = pod.observe(
        lambda: pods.node.restart("kubelet", kill=kill),
        what="restart the kubelet",
        surroundings=None,
        settle=10,
    )

    verify(timeline, expectation(pod))


@requirement("KL-22", "KL-30", "KL-32", "KL-34", "ST-20", "ST-21")
# Failed once on 1.37.2, kubelet, loaded host (PR-11, ST-21); not reduced, and so not core yet.
@pytest.mark.profile("extended")
@pytest.mark.parametrize("component", ["kubelet", "containerd"])
def test_a_resize_ends_although_a_component_is_restarted(pods: Pods, component: str) -> None:
    """Wherever it was between allocation and actuation, the resize is completed afterwards."""
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(
        CHANGE,
        then=(f"restart the {component}", lambda: pods.node.restart(component, kill=True)),
    )

    verify(timeline, expectation(pod, CHANGE))


@pytest.mark.lasts(20)
@requirement("KL-20", "KL-30", "KL-34", "ST-20", "ST-21", "PR-01")
def test_a_finished_resize_survives_the_kubelet(pods: Pods) -> None:
    """It is not enacted again, nor taken back; the release's state files are there."""
    pod = pods.running(qos="Guaranteed")
    verify(pod.resize(CHANGE), expectation(pod, CHANGE))

    timeline = pod.observe(
        lambda: pods.node.restart("kubelet"),
        what="restart the kubelet",
        surroundings=None,
        settle=10,
    )

    claim("KL-20", "state files missing", got=pods.node.state_files_missing, want=[])
    verify(timeline, expectation(pod))


@pytest.mark.lasts(25)
@requirement("PR-22")
def test_the_kubelet_starts_again_and_again(pods: Pods) -> None:
    """It reads what it has written, also of a pod that asks for one resource alone (PD-40)."""
    pod = pods.running(resources=[{"requests": {"cpu": "100m"}}])

    back = [pods.node.kubelet_comes_back() for _ in range(3)]

    claim("PR-22", "whether the kubelet comes back, each time", got=back, want=[True] * 3)
    claim("PR-22", "restarts of the pod's containers", got=pod.restarts, want=0)
