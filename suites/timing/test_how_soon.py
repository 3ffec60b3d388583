"""How long a resize takes, from the patch to each witness (blog 2023-05-12, "Known Issues").

The times stand with every verdict as facts: answered, allocated, in the kernel, reported by the
runtime, in the status, done. The limits come from the catalogue and are wide.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Pods,
    expectation,
    measure,
    measure_crowd,
    requirement,
    verify,
)

EXTENDED = pytest.mark.profile("extended")
CHANGES = [
    pytest.param(Change(cpu="+50m"), marks=EXTENDED),
    pytest.param(Change(memory="+32Mi"), marks=EXTENDED),
    Change(cpu="+50m", memory="+32Mi"),
]


@requirement("PR-04", "KL-41")
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_each_step_comes_in_time(pods: Pods, change: Change) -> None:
    """In the kernel within seconds; in the status at the next sync (to 1.31) or within seconds."""
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("PR-05")
@pytest.mark.lasts(80)
@pytest.mark.quick_sync
def test_repeated_resizes_take_as_long_as_one(pods: Pods) -> None:
    """Ten resizes of one pod, up and down; percentiles and load are kept."""
    pod = pods.running(qos="Guaranteed")

    measure("PR-05", pods, pod, there=Change(cpu="+50m"), back=Change(cpu="-50m"), times=10)


@requirement("PR-06")
@EXTENDED
@pytest.mark.own_cluster
def test_fifty_pods_at_once(pods: Pods) -> None:
    """As small as pods can be, on a node that holds all of them."""
    crowd = pods.crowd(50, cpu="10m", memory="16Mi")

    measure_crowd("PR-06", pods, crowd, Change(cpu="+5m", memory="+4Mi"))
