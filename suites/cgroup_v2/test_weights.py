"""cpu.weight after a resize: two formulas, told apart (KEP-2254; runc#4772, crun#1721).

The kubelet writes the pod's by a straight line, the OCI runtime the container's by that line or by
a curve, whichever its release has. They agree at 2 shares and at 262144, which no node of a check
has (suites/cri asks for them); the one is seven times the other at 28 shares, as nowhere more.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify

pytestmark = [
    requirement("KL-39", "KL-30", "KL-32", "ST-20", "ST-21", "ST-26"),
    # Each request is more than enough for the probe, and none is what is waited for.
    pytest.mark.quick_sync,
]
EXTENDED = pytest.mark.profile("extended")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # 79 or 174 and more would take two CPUs; 20 and 59 are far enough from each other.
        pytest.param("100m", "500m", id="up"),
        pytest.param("500m", "28m", id="down"),
        pytest.param("50m", "2m", id="down-to-the-least", marks=EXTENDED),
        pytest.param("2m", "50m", id="up-from-the-least", marks=EXTENDED),
        pytest.param("28m", "100m", id="up-from-where-they-differ-most", marks=EXTENDED),
    ],
)
def test_each_weight_is_its_own_formulas(pods: Pods, old: str, new: str) -> None:
    """A request alone, under limits that stay: nothing but weights is written."""
    change = Change(cpu=new, scope="requests")
    pod = pods.running(resources=[_requesting(old)], grows=new)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


def test_of_two_containers_each_has_its_own_and_the_pod_that_of_the_sum(pods: Pods) -> None:
    """Weights do not add up: the pod's is that of the sum of the shares."""
    change = Change(cpu="200m", scope="requests", container="c1") & Change(
        cpu="28m", scope="requests", container="c2"
    )
    pod = pods.running(resources=[_requesting("50m"), _requesting("100m")], grows="200m")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@pytest.mark.parametrize(("old", "new"), [("10m", "11m"), ("11m", "10m")], ids=["up", "down"])
def test_what_has_one_weight_is_still_two_requests(pods: Pods, old: str, new: str) -> None:
    """10m and 11m have the same weight by either formula: the status tells them apart."""
    change = Change(cpu=new, scope="requests")
    pod = pods.running(resources=[_requesting(old)])

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


def _requesting(cpu: str) -> dict[str, dict[str, str]]:
    # With another limit of memory it is Burstable whatever it asks for: the class cannot change.
    return {
        "requests": {"cpu": cpu, "memory": "64Mi"},
        "limits": {"cpu": "500m", "memory": "96Mi"},
    }
