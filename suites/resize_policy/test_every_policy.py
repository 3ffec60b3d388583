"""Every combination of policies with every kind of change, in both classes (KEP-1287).

``core`` has one check of each kind (``test_not_required_keeps_running``,
``test_restart_container``); here is the whole table.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify

POLICIES = ["NotRequired", "RestartContainer", None]
CHANGES = [
    Change(cpu="+50m"),
    Change(cpu="-20m"),
    Change(memory="+32Mi"),
    Change(memory="-32Mi"),
    Change(cpu="+50m", memory="-32Mi"),
    Change(cpu="-20m", memory="+32Mi"),
]


@requirement("KL-30", "KL-31", "KL-32", "KL-34", "ST-21", "ST-27", "PR-01", "PR-20")
@pytest.mark.profile("extended")
@pytest.mark.quick_sync
@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("memory", POLICIES)
@pytest.mark.parametrize("cpu", POLICIES)
@pytest.mark.parametrize("qos", ["Guaranteed", "Burstable"])
def test_every_policy(
    pods: Pods, qos: str, cpu: str | None, memory: str | None, change: Change
) -> None:
    """A container restarts once when a changed resource says so, else not at all."""
    named = {"cpu": cpu, "memory": memory}
    pod = pods.running(
        qos=qos, resize_policy={name: value for name, value in named.items() if value is not None}
    )

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
