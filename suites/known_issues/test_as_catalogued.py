"""Known issues other than that of a silent runtime, each seen exactly as it is catalogued.

A line of ``ISSUES`` is a check: the deviation, the change that brings it about, and arguments of
``pods.running``. On a target that the deviation does not affect it is unsupported. A deviation that
is a race has no line; its entry in the catalogue says so (``no_check``).
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    KnownIssue,
    Pods,
    expectation,
    known_issue,
    requirement,
    verify_known_issue,
)

NO_LIMITS = {"requests": {"cpu": "100m", "memory": "64Mi"}}
MEMORY_LIMIT = NO_LIMITS | {"limits": {"memory": "128Mi"}}
ALL_LIMITS = NO_LIMITS | {"limits": {"cpu": "200m", "memory": "128Mi"}}
WEIGHT_OF_6 = {
    "requests": {"cpu": "150m", "memory": "64Mi"},
    "limits": {"cpu": "200m", "memory": "128Mi"},
}
LEAST_CPU = {
    "requests": {"cpu": "2m", "memory": "64Mi"},
    "limits": {"cpu": "10m", "memory": "64Mi"},
}
ISSUES = [
    # Three containers: each dips for milliseconds at a sync, and one dip is enough to be seen.
    known_issue("PD-01", Change(cpu="+50m", memory="+32Mi"), qos="Guaranteed", containers=3),
    known_issue("K-01", Change(cpu="+100m", scope="requests"), resources=[NO_LIMITS], grows="110m"),
    known_issue(
        "K-01",
        Change(cpu="+110m", scope="requests"),
        resources=[MEMORY_LIMIT],
        grows="110m",
    ),
    known_issue(
        "K-01",
        Change(cpu="+200m", scope="limits", container="c1"),
        resources=[ALL_LIMITS, NO_LIMITS],
    ),
    known_issue("PD-06", Change(cpu="+50m", scope="requests"), resources=[ALL_LIMITS]),
    known_issue("PD-08", Change(cpu="+100m"), resources=[NO_LIMITS], grows="110m"),
    known_issue("PD-70", Change(cpu="+50m"), resources=[ALL_LIMITS]),
    known_issue("PD-09", Change(cpu="1m", scope="requests"), resources=[LEAST_CPU]),
    known_issue("PD-09", Change(cpu="5m", scope="limits"), resources=[LEAST_CPU]),
]


# What PD-06 makes late would be too late for these.
WITH_A_QUICK_SYNC = [
    known_issue(
        "PD-71", Change(cpu="130m", scope="requests"), resources=[WEIGHT_OF_6], grows="150m"
    ),
]


@requirement("PR-02")
@pytest.mark.parametrize("issue", ISSUES)
def test_it_is_seen_exactly_as_catalogued(pods: Pods, issue: KnownIssue) -> None:
    """Not better, not worse, not otherwise."""
    _seen_as_catalogued(pods, issue)


@pytest.mark.quick_sync
@requirement("PR-02")
@pytest.mark.parametrize("issue", WITH_A_QUICK_SYNC)
def test_it_is_seen_with_a_quick_sync(pods: Pods, issue: KnownIssue) -> None:
    """Exactly as catalogued, where the kubelet syncs often."""
    _seen_as_catalogued(pods, issue)


def _seen_as_catalogued(pods: Pods, issue: KnownIssue) -> None:
    pod = pods.running(**issue.pod)

    timeline = pod.resize(issue.change)

    verify_known_issue(timeline, expectation(pod, issue.change), issue.deviation)
