"""Which runtimes can be asked for, and what is said of those that cannot."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from podresize.errors import UsageError
from podresize.providers import host as hosts
from podresize.providers.runtimes import limits, made, oci
from podresize.requirements.runtime_target import RuntimeTarget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("runc", ("runc", None)),
        ("runc@1.3.3", ("runc", "1.3.3")),
        ("runc@v1.3.3", ("runc", "1.3.3")),
        ("crun@1.21", ("crun", "1.21")),
        ("runsc", ("runsc", None)),
    ],
)
def test_an_oci_runtime_may_have_a_release(text: str, expected: tuple[str, str | None]) -> None:
    assert made.oci_runtime(text) == expected


@pytest.mark.parametrize("text", ["", "youki", "runc@", "runc@latest", "@1.3.3"])
def test_what_is_no_oci_runtime(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        made.oci_runtime(text)
    assert caught.value.origin == "--oci-runtime"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"handler": "crun"}, "no such handler"),
        ({"image": "x:1"}, "images of podresize's own"),
        ({"faults": ("update-dropped",)}, "a fault is the tap's"),
        ({"faults": ("no-such",), "tap": True}, "no such fault"),
        ({"containerd": "1.5.18"}, "does not serve CRI v1"),
        ({"containerd": "newer"}, "not a version of containerd"),
    ],
)
def test_a_target_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made.check_target(RuntimeTarget(**options))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"containerd": "newest"},
        {"oci_runtime": "crun@1.21", "handler": "crun"},
        {"tap": True, "faults": ("update-dropped",)},
    ],
)
def test_a_target_that_can_be(options: dict[str, Any]) -> None:
    made.check_target(RuntimeTarget(**options))


def test_the_program_is_called_in_the_namespaces_of_the_init(tmp_path: Path) -> None:
    script = oci.write_program(tmp_path / "runc", Path("/c a/runc"), init=42)

    assert script.read_text().splitlines() == [
        "#!/bin/sh",
        "exec nsenter --target=42 --pid --mount -- env 'LD_LIBRARY_PATH=/c a' '/c a/runc' \"$@\"",
    ]


@pytest.fixture
def v1(tmp_path: Path) -> Path:
    (tmp_path / "memory").mkdir()
    return tmp_path


def facts(version: int, mounts: dict[str, Path], **more: Any) -> Any:
    return dataclasses.replace(
        hosts.inspect(), cgroup_version=version, cgroup_mounts=mounts, sys_resource=True, **more
    )


def test_what_a_v1_kernel_withholds(v1: Path, tmp_path: Path) -> None:
    pools = tmp_path / "pools"
    (pools / "hugepages-2048kB").mkdir(parents=True)
    poor = facts(1, {"memory": v1 / "memory"})

    assert [limit.partition(" (")[0] for limit in limits.host_limits(poor, pools=pools)] == [
        "no swap-accounting",
        "no hugetlb",
    ]
    (v1 / "memory" / "memory.memsw.limit_in_bytes").touch()
    rich = facts(1, {"memory": v1 / "memory", "hugetlb": v1})
    assert limits.host_limits(rich, pools=pools) == ()
    assert limits.host_limits(rich, pools=tmp_path / "none") == (
        "no hugetlb (the kernel has no huge pages)",
    )


def test_what_a_v2_kernel_withholds(tmp_path: Path) -> None:
    pools, root = tmp_path / "pools", tmp_path / "cgroup"
    (pools / "hugepages-2048kB").mkdir(parents=True)
    (root / "child").mkdir(parents=True)
    (root / "cgroup.controllers").write_text("cpu memory\n")

    found = limits.host_limits(facts(2, {"unified": root}), pools=pools)

    assert [limit.partition(" (")[0] for limit in found] == ["no swap-accounting", "no hugetlb"]
    (root / "cgroup.controllers").write_text("cpu hugetlb memory\n")
    (root / "child" / "memory.swap.max").touch()
    assert limits.host_limits(facts(2, {"unified": root}), pools=pools) == ()
