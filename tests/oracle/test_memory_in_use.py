"""What keeps a memory limit where it is: by version, by who refuses, and when nothing does."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.targets import TARGET as BASE

from podresize.oracle.memory_in_use import Kept, Killed, kept, killed
from podresize.requirements.target import Fingerprint

MIB = 2**20
ALL = [f"1.{minor}.0" for minor in range(27, 38)]


def target(version: str, **fields: Any) -> Fingerprint:
    return dataclasses.replace(BASE, kubernetes=version, kubelet=version, **fields)


def pod(*limits: str | None) -> dict[str, Any]:
    containers = [
        {"name": f"c{number}", "resources": {} if each is None else {"limits": {"memory": each}}}
        for number, each in enumerate(limits, start=1)
    ]
    return {"metadata": {}, "spec": {"containers": containers}}


@pytest.mark.parametrize(
    ("version", "by", "progress"),
    [
        ("1.27.4", "the kubelet", "InProgress"),
        ("1.32.0", "the kubelet", "InProgress"),
        ("1.33.0", "the apiserver", ""),
        ("1.34.0", "the kubelet", "Error"),
        ("1.37.2", "the kubelet", "Error"),
    ],
)
def test_below_what_the_pod_uses(version: str, by: str, progress: str) -> None:
    found = kept(pod("128Mi"), pod("32Mi"), {"c1": 60 * MIB}, target(version))

    assert found is not None
    assert (found.by, found.progress) == (by, progress)
    assert bool(found.fragments) == (progress == "Error")


@pytest.mark.parametrize(
    ("version", "cgroups", "by"),
    [
        ("1.27.4", 1, "the kernel"),
        ("1.27.4", 2, None),
        ("1.33.0", 2, "the apiserver"),
        ("1.34.0", 1, "the kubelet"),
        ("1.37.2", 2, "the kubelet"),
    ],
)
def test_below_what_one_container_uses(version: str, cgroups: int, by: str | None) -> None:
    old, new = pod("128Mi", "128Mi"), pod("32Mi", "224Mi")

    found = kept(old, new, {"c1": 60 * MIB}, target(version, cgroup_version=cgroups))

    assert (found and found.by) == by
    assert (found is not None and found.by_kernel) == (by == "the kernel")


@pytest.mark.parametrize("version", ALL)
def test_what_is_free_can_be_taken(version: str) -> None:
    fits = target(version)

    assert kept(pod("128Mi"), pod("64Mi"), {"c1": 60 * MIB}, fits) is None
    assert kept(pod("128Mi"), pod("128Mi"), {"c1": 60 * MIB}, fits) is None
    assert kept(pod("128Mi"), pod("256Mi"), {"c1": 60 * MIB}, fits) is None
    assert kept(pod("128Mi", None), pod("64Mi", None), {"c2": 600 * MIB}, fits) is None


def test_a_limit_that_is_added_counts_as_lowered() -> None:
    found = kept(pod(None), pod("32Mi"), {"c1": 60 * MIB}, target("1.34.0"))

    assert found is not None
    assert found.fragments == (
        "cannot decrease memory limits: ",
        f"attempting to set pod memory limit ({32 * MIB}) below current usage (",
        f'attempting to set container "c1" memory limit ({32 * MIB}) below current usage (',
    )


def test_what_a_message_lacks() -> None:
    wanted = Kept(by="the kubelet", progress="Error", fragments=("pod limit (5)",), least=7)

    assert wanted.unsaid("pod limit (5) below current usage (7)") == []
    assert wanted.unsaid("pod limit (6) below current usage (7)") == ["pod limit (5)"]
    assert wanted.unsaid("pod limit (5) below current usage (6)") == ["a usage of 7 or more, not 6"]
    assert wanted.unsaid("") == ["pod limit (5)"]


@pytest.mark.parametrize(
    ("version", "cgroups", "restarts"),
    [
        ("1.27.4", 2, False),
        ("1.28.0", 2, True),
        ("1.32.0", 2, True),
        ("1.27.4", 1, None),
        ("1.33.0", 2, None),
        ("1.37.2", 2, None),
    ],
)
def test_where_nobody_refuses_the_kernel_kills(
    version: str, cgroups: int, restarts: bool | None
) -> None:
    old, new = pod("128Mi", "128Mi"), pod("32Mi", "128Mi")

    found = killed(old, new, {"c1": 60 * MIB}, target(version, cgroup_version=cgroups))

    if restarts is None:
        assert found is None
        return
    assert found == Killed(containers=("c1",), restarts=restarts)
    assert (found.restarts_of("c1"), found.restarts_of("c2")) == (int(restarts), 0)
    assert found.ended_by == ("OOMKilled" if restarts else None)


def test_nothing_is_killed_for_what_fits_or_what_the_kubelet_refuses() -> None:
    v2 = target("1.30.0", cgroup_version=2)

    assert killed(pod("128Mi", "128Mi"), pod("64Mi", "128Mi"), {"c1": 60 * MIB}, v2) is None
    assert killed(pod("128Mi"), pod("32Mi"), {"c1": 60 * MIB}, v2) is None
