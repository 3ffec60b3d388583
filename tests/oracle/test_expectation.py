"""What must be seen, by version and target; total over everything a user can hand in."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.targets import TARGET as BASE

from podresize.oracle.change import Change
from podresize.oracle.expectation import Expectation, expectation
from podresize.requirements.target import Fingerprint


def on(**changes: Any) -> Fingerprint:
    return dataclasses.replace(BASE, **changes)


def pod(*containers: dict[str, dict[str, str]], policy: str = "NotRequired") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ns", "name": "p"},
        "spec": {
            "containers": [
                {
                    "name": f"c{number}",
                    "resources": resources,
                    "resizePolicy": [
                        {"resourceName": name, "restartPolicy": policy}
                        for name in ("cpu", "memory")
                    ],
                }
                for number, resources in enumerate(containers, start=1)
            ]
        },
    }


def same(cpu: str, memory: str) -> dict[str, dict[str, str]]:
    values = {"cpu": cpu, "memory": memory}
    return {"requests": dict(values), "limits": dict(values)}


def contents(wanted: Expectation, subject: str) -> dict[str, set[str]]:
    files = wanted.cgroups_after[subject]
    return {name: {item.value for item in allowed} for name, allowed in files.items()}


def test_v1_files_of_container_and_pod() -> None:
    two = pod(same("200m", "64Mi"), same("100m", "32Mi"))
    wanted = expectation(two, Change(cpu="+100m", container="c1"), BASE)

    assert contents(wanted, "container/c1") == {
        "cpu.shares": {"307"},
        "cpu.cfs_quota_us": {"30000"},
        "cpu.cfs_period_us": {"100000"},
        "memory.limit_in_bytes": {str(64 << 20)},
    }
    assert contents(wanted, "pod") == {
        "cpu.shares": {"409"},
        "cpu.cfs_quota_us": {"40000"},
        "cpu.cfs_period_us": {"100000"},
        "memory.limit_in_bytes": {str(96 << 20)},
    }
    assert wanted.cgroups_after["container/c2"] == wanted.cgroups_before["container/c2"]


def test_one_container_without_a_limit_leaves_the_pod_without_one() -> None:
    two = pod(same("200m", "64Mi"), {"requests": {"cpu": "100m"}})
    wanted = expectation(two, Change(cpu="+100m", container="c1"), BASE)

    assert contents(wanted, "pod")["cpu.cfs_quota_us"] == {"-1"}
    assert contents(wanted, "pod")["cpu.shares"] == {"409"}
    assert contents(wanted, "pod")["memory.limit_in_bytes"] == {"9223372036854771712"}


def test_no_memory_limit_is_whole_pages_of_either_size() -> None:
    """The largest signed integer, rounded down: a kernel for arm64 may have 64 KiB pages."""
    two = pod(same("200m", "64Mi"), {"requests": {"cpu": "100m"}})
    wanted = expectation(two, Change(cpu="+100m", container="c1"), on(arch="arm64"))

    assert contents(wanted, "pod")["memory.limit_in_bytes"] == {
        *("9223372036854771712", "9223372036854710272"),
    }


@pytest.mark.parametrize(
    ("runtime", "version", "weights"),
    [
        ("runc", "1.1.5+ds1", {"20"}),
        ("runc", "1.3.2", {"59"}),
        ("runc", "1.4.0-rc.1", {"59"}),
        ("crun", "1.22", {"20"}),
        ("crun", "1.23", {"59"}),
        ("youki", "0.5.0", {"20", "59"}),
    ],
)
def test_v2_weight_follows_the_oci_runtime(runtime: str, version: str, weights: set[str]) -> None:
    target = on(cgroup_version=2, oci_runtime=runtime, oci_runtime_version=version)
    wanted = expectation(pod(same("250m", "64Mi")), Change(cpu="+250m"), target)

    assert contents(wanted, "container/c1")["cpu.weight"] == weights
    assert contents(wanted, "pod")["cpu.weight"] == {"20"}
    assert contents(wanted, "container/c1")["cpu.max"] == {"50000 100000"}


def test_systemd_may_round_the_quota_up() -> None:
    target = on(cgroup_version=2, cgroup_driver="systemd")
    wanted = expectation(pod(same("200m", "64Mi")), Change(cpu="235m"), target)

    assert contents(wanted, "container/c1")["cpu.max"] == {"23500 100000", "24000 100000"}
    assert all(item.reason for item in wanted.cgroups_after["container/c1"]["cpu.max"])


@pytest.mark.parametrize(
    ("kubernetes", "endpoint", "style", "chain", "required", "deadline"),
    [
        ("1.27.4", "pods", "status.resize", "/Proposed/InProgress/", "Proposed/InProgress", 100),
        ("1.31.9", "pods", "status.resize", "/Proposed/InProgress/", "Proposed/InProgress", 100),
        ("1.32.0", "pods/resize", "status.resize", "/Proposed/InProgress/", "Proposed", 100),
        ("1.33.0-rc.1", "pods/resize", "conditions", "/InProgress/", "", 30),
        ("1.37.2", "pods/resize", "conditions", "/InProgress/", "", 30),
    ],
)
def test_the_course_by_version(
    kubernetes: str, endpoint: str, style: str, chain: str, required: str, deadline: float
) -> None:
    wanted = expectation(pod(same("200m", "64Mi")), Change(cpu="+1"), on(kubernetes=kubernetes))

    assert (wanted.endpoint, wanted.progress.style, wanted.deadline) == (endpoint, style, deadline)
    assert "/".join(wanted.progress.chain) == chain
    assert "/".join(wanted.progress.required) == required


def test_limits_alone_show_no_progress_before_1_32() -> None:
    burstable = pod({"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}})
    change = Change(cpu="+100m", scope="limits")

    assert expectation(burstable, change, BASE).progress.chain == ("",)
    later = expectation(burstable, change, on(kubernetes="1.32.0"))
    assert later.progress.required == ("Proposed",)


@pytest.mark.parametrize(
    ("kubernetes", "gate", "change", "code", "fragment"),
    [
        ("1.27.4", False, Change(cpu="+1"), 422, "pod updates may not change fields"),
        ("1.32.0", False, Change(cpu="+1"), 404, ""),
        ("1.34.9", False, Change(cpu="+1"), 404, ""),
        ("1.27.4", True, Change(cpu="+1", scope="limits"), 422, "Pod QoS is immutable"),
        ("1.34.0", True, Change(cpu="+1", scope="limits"), 422, "Pod QOS Class may not change"),
        ("1.27.4", True, Change(cpu="+1", scope="requests"), 422, "less than or equal to cpu"),
        ("1.27.4", True, Change(cpu="-1"), 422, "greater than or equal to 0"),
        ("1.33.0", True, Change(memory="-1Mi"), 422, "cannot be decreased unless"),
    ],
)
def test_refusals(kubernetes: str, gate: bool, change: Change, code: int, fragment: str) -> None:
    target = on(kubernetes=kubernetes, gate=gate)
    wanted = expectation(pod(same("200m", "64Mi")), change, target)

    assert not wanted.answer.accepted
    assert wanted.answer.code == code
    assert fragment in wanted.answer.fragment
    assert wanted.cgroups_after == wanted.cgroups_before
    assert not any(item.is_changed for item in wanted.containers)
    assert wanted.progress.chain == ("",)


@pytest.mark.parametrize(
    ("kubernetes", "change", "restarts"),
    [
        ("1.27.4", Change(cpu="+100m", scope="requests"), 1),
        ("1.27.4", Change(memory="+1Mi", scope="requests"), 0),
        ("1.33.0", Change(memory="+1Mi", scope="requests"), 1),
        ("1.27.4", Change(memory="+1Mi", scope="limits"), 1),
        ("1.27.4", Change(), 0),
    ],
)
def test_restarts(kubernetes: str, change: Change, restarts: int) -> None:
    burstable = {
        "requests": {"cpu": "100m", "memory": "32Mi"},
        "limits": {"cpu": "300m", "memory": "64Mi"},
    }
    target = on(kubernetes=kubernetes)
    wanted = expectation(pod(burstable, policy="RestartContainer"), change, target)

    assert wanted.containers[0].restarts == restarts


cpu_amounts = st.none() | st.sampled_from(["+100m", "-50m", "-10", "1", "0", "33m", "1e3", "0.1"])
memory_amounts = st.none() | st.sampled_from(["+32Mi", "-32Mi", "-1Ti", "100M", "0", "64Mi", "1"])
quantities = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.sampled_from(["0", "1m", "100m", "2", "300000m", "1.5"]),
        "memory": st.sampled_from(["0", "64Mi", "100M", "1Ti", "1", "1500m"]),
        "ephemeral-storage": st.just("1Gi"),
    },
)
resources = st.none() | st.fixed_dictionaries(
    {}, optional={"requests": quantities, "limits": quantities}
)
pods = st.builds(
    lambda containers, init, policy, overhead: {
        "metadata": {"name": "p"},
        "spec": {
            "containers": [
                {"name": f"c{index}", "resources": item, "resizePolicy": policy}
                for index, item in enumerate(containers)
            ],
            "initContainers": [
                {"name": f"i{index}", "resources": item, "restartPolicy": "Always" * (index % 2)}
                for index, item in enumerate(init)
            ],
            "overhead": overhead,
        },
    },
    st.lists(resources, min_size=1, max_size=3),
    st.lists(resources, max_size=2),
    st.sampled_from([None, [], [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]]),
    st.sampled_from([None, {}, {"cpu": "10m"}]),
)
fingerprints = st.builds(
    on,
    kubernetes=st.sampled_from(
        [f"1.{minor}.{patch}" for minor in range(27, 39) for patch in (0, 4)]
    ),
    runtime=st.sampled_from(["containerd", "cri-o"]),
    runtime_version=st.sampled_from(["1.6.8", "1.6.20~ds1", "2.0.0-rc.1", "v1.7.0"]),
    oci_runtime=st.sampled_from(["runc", "crun", "kata"]),
    cgroup_version=st.sampled_from([1, 2]),
    cgroup_driver=st.sampled_from(["cgroupfs", "systemd"]),
    gate=st.booleans(),
    arch=st.sampled_from(["amd64", "arm64"]),
    host_limits=st.sampled_from([(), ("no cgroup",)]),
)
changes = st.builds(
    Change,
    cpu=cpu_amounts,
    memory=memory_amounts,
    scope=st.sampled_from(["both", "requests", "limits"]),
    container=st.sampled_from([None, "c0"]),
)


@settings(max_examples=150, deadline=None)
@given(pods, changes, fingerprints)
def test_it_is_total_and_survives_json(
    before: dict[str, Any], change: Change, target: Fingerprint
) -> None:
    wanted = expectation(before, change, target)

    assert Expectation.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted
    assert wanted.deadline > 0
    assert wanted.cgroups_after.keys() == wanted.cgroups_before.keys()
    assert all(
        allowed and all(item.value and item.reason for item in allowed)
        for files in wanted.cgroups_after.values()
        for allowed in files.values()
    )
    if not any(item.is_changed for item in wanted.containers):
        assert wanted.cgroups_after == wanted.cgroups_before
        assert wanted.progress.chain == ("",)
        assert not any(item.restarts for item in wanted.containers)


WHOLE = {
    "requests": {"cpu": "300m", "memory": "96Mi"},
    "limits": {"cpu": "500m", "memory": "256Mi"},
}


def test_what_a_pod_asks_for_itself_is_what_its_cgroup_holds() -> None:
    target = on(kubernetes="1.37.2", cgroup_version=2)
    two = pod(same("100m", "32Mi"), {"requests": {"cpu": "50m"}})
    two["spec"]["resources"] = WHOLE

    wanted = expectation(two, Change(cpu="+50m", memory="+16Mi", container="c1"), target)

    own = {"cpu.weight": {"12"}, "cpu.max": {"50000 100000"}, "memory.max": {str(256 << 20)}}
    assert contents(wanted, "pod") == own
    assert wanted.cgroups_before["pod"] == wanted.cgroups_after["pod"]
    assert contents(wanted, "container/c1")["memory.max"] == {str(48 << 20)}
    # Whoever has no limit has the pod's, and the status does not show it.
    assert contents(wanted, "container/c2")["cpu.max"] == {"50000 100000"}
    assert contents(wanted, "container/c2")["memory.max"] == {str(256 << 20)}
    assert wanted.container("c2").runtime_after["cpu_quota"] == (50_000,)
    assert wanted.container("c2").after["limits"] == {}


def test_what_a_pod_does_not_ask_for_itself_is_a_sum() -> None:
    target = on(kubernetes="1.37.2", cgroup_version=2)
    two = pod(same("100m", "32Mi"), same("50m", "32Mi"))
    two["spec"]["resources"] = {"limits": {"memory": "256Mi"}}
    two["spec"]["overhead"] = {"cpu": "10m", "memory": "16Mi"}

    wanted = expectation(two, Change(cpu="+50m", container="c1"), target)

    assert contents(wanted, "pod") == {
        "cpu.weight": {"9"},
        "cpu.max": {"21000 100000"},
        "memory.max": {str((256 + 16) << 20)},
    }
