"""KL-32: the pod's cgroup against the sum of its containers'."""

from __future__ import annotations

from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
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
