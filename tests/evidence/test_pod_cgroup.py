"""KL-32: the pod's cgroup against the sum of its containers'."""

from __future__ import annotations

import math
from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change


@pytest.mark.parametrize("cgroup_version", [1, 2])
def test_containers_without_a_memory_limit_add_up_to_no_limit(
    resized: Any, pod_of: Any, cgroup_version: int
) -> None:
    only_cpu = {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}
    pod = pod_of({"c1": only_cpu, "c2": only_cpu})
    pod["status"]["qosClass"] = "Burstable"
    resize = resized(
        Change(cpu="+50m"),
        pod=pod,
        kubernetes="1.37.2",
        kubelet="1.37.2",
        cgroup_version=cgroup_version,
    )

    (judgement,) = verify(resize.timeline, resize.expectation, ["KL-32"])

    assert judgement.kind is VerdictKind.PASSED, judgement.text


def test_no_limit_in_large_pages_is_none(resized: Any, pod_of: Any) -> None:
    """Else five containers without one would add up to more than their pod."""
    only_cpu = {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}
    pod = pod_of({"c1": only_cpu, "c2": only_cpu})
    pod["status"]["qosClass"] = "Burstable"
    resize = resized(Change(cpu="+50m"), pod=pod, arch="arm64")
    large = {"memory.limit_in_bytes": "9223372036854710272"}
    for subject in ("pod", "container/c1", "container/c2"):
        resize.edit(
            Witness.KERNEL, lambda files: files.update(large), subject=subject, since=-math.inf
        )

    (judgement,) = verify(resize.timeline, resize.expectation, ["KL-32"])

    assert judgement.kind is VerdictKind.PASSED, judgement.text


def test_what_the_runtime_never_did_came_neither_first_nor_last(resized: Any) -> None:
    """As a runtime does that drops an update: the kubelet has written the pod's own cgroup."""
    resize = resized(Change(cpu="+100m", memory="+32Mi"))
    resize.observations = [
        seen
        for seen in resize.observations
        if seen.witness is not Witness.KERNEL or seen.subject != "container/c1" or seen.t < 0
    ]

    found = {
        each.requirement: each
        for each in verify(resize.timeline, resize.expectation, ["KL-30", "KL-31", "KL-32"])
    }

    assert found["KL-30"].kind is VerdictKind.FAILED
    assert found["KL-31"].kind is VerdictKind.SKIPPED
    assert "never got its new value" in found["KL-31"].reading
    assert found["KL-32"].kind is VerdictKind.PASSED
    assert "never" not in found["KL-32"].reading
