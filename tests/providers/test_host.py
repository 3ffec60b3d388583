"""What a host has and withholds: read from the kernel's text, and told in sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podresize.providers import host as hosts
from podresize.providers.host import Host

SYSTEMD_V1 = """\
24 1 0:22 / /sys rw,nosuid - sysfs sysfs rw
31 24 0:28 / /sys/fs/cgroup ro,nosuid,nodev shared:9 - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/systemd rw shared:10 - cgroup cgroup rw,xattr,name=systemd
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/memory rw shared:12 - cgroup cgroup rw,memory
35 31 0:32 / /sys/fs/cgroup/cpuset rw shared:13 - cgroup cgroup rw,cpuset,clone_children
36 31 0:33 / /sys/fs/cgroup/pids rw shared:14 - cgroup cgroup rw,pids,release_agent=/x
"""
UNIFIED = "29 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
UNIFIED_BESIDE = "37 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"


def test_v1_hierarchies_are_found_by_controller_and_options_are_no_controllers() -> None:
    version, mounts = hosts.cgroup_mounts(SYSTEMD_V1)

    assert version == 1
    assert mounts == {
        "name=systemd": Path("/sys/fs/cgroup/systemd"),
        "cpu": Path("/sys/fs/cgroup/cpu,cpuacct"),
        "cpuacct": Path("/sys/fs/cgroup/cpu,cpuacct"),
        "memory": Path("/sys/fs/cgroup/memory"),
        "cpuset": Path("/sys/fs/cgroup/cpuset"),
        "pids": Path("/sys/fs/cgroup/pids"),
    }


def test_a_unified_hierarchy_alone_is_v2() -> None:
    assert hosts.cgroup_mounts(UNIFIED) == (2, {"unified": Path("/sys/fs/cgroup")})


def test_a_hybrid_host_is_v1_because_memory_is_there() -> None:
    assert hosts.cgroup_mounts(SYSTEMD_V1 + UNIFIED_BESIDE) == hosts.cgroup_mounts(SYSTEMD_V1)


def test_what_is_mounted_beside_v1_is_named_and_nothing_of_a_host_with_v2_alone() -> None:
    assert hosts.unified_beside(SYSTEMD_V1 + UNIFIED_BESIDE) == [Path("/sys/fs/cgroup/unified")]
    assert hosts.unified_beside(SYSTEMD_V1) == []
    assert hosts.unified_beside(UNIFIED) == []


def test_a_host_with_only_systemds_named_v1_hierarchy_is_v2() -> None:
    named = "32 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"

    assert hosts.cgroup_mounts(named + UNIFIED) == (2, {"unified": Path("/sys/fs/cgroup")})


def test_the_first_of_two_mounts_of_a_hierarchy_counts() -> None:
    again = "99 31 0:31 / /mnt/again rw - cgroup cgroup rw,memory\n"

    _, mounts = hosts.cgroup_mounts(SYSTEMD_V1 + again)

    assert mounts["memory"] == Path("/sys/fs/cgroup/memory")


def test_blanks_of_a_mount_point_are_unescaped() -> None:
    line = r"29 24 0:26 / /mnt/a\040b\134c rw - cgroup2 cgroup2 rw"

    assert hosts.cgroup_mounts(line) == (2, {"unified": Path("/mnt/a b\\c")})


def test_no_hierarchy_at_all_is_nothing() -> None:
    assert hosts.cgroup_mounts("24 1 0:22 / /sys rw - sysfs sysfs rw\n") == (1, {})


def test_a_host_where_all_is_well_has_no_problem_and_withholds_nothing(
    host: Callable[..., Host],
) -> None:
    assert host().problems() == []
    assert host().limits == ()


@pytest.mark.parametrize(
    ("facts", "what", "remedy"),
    [
        ({"is_root": False, "sys_admin": False}, "not root", "sudo"),
        ({"sys_admin": False}, "root without CAP_SYS_ADMIN", "--privileged"),
        ({"net_admin": False}, "root without CAP_NET_ADMIN", "--privileged"),
        ({"missing_tools": ("nsenter",)}, "no nsenter program", "apt-get install util-linux"),
        ({"missing_tools": ("ip",)}, "no ip program", "apt-get install iproute2"),
        ({"cgroup_mounts": {}}, "no cgroup hierarchy is mounted", "mount"),
        (
            {"cgroup_version": 1, "cgroup_mounts": {"cpu": Path("/c"), "memory": Path("/m")}},
            "cgroup v1 without cpuset, pids",
            "cat /proc/cgroups",
        ),
        ({"overlayfs": False}, "the kernel has no overlayfs", "modprobe overlay"),
        ({"disk_free": 5 << 20}, "5 MiB free below", "PODRESIZE_STATE_DIR="),
        ({"memory": 1 << 30}, "1024 MiB of memory, 2048 MiB needed", "free -m"),
    ],
)
def test_each_thing_that_keeps_a_cluster_from_starting_is_one_problem_with_its_remedy(
    host: Callable[..., Host], facts: dict[str, Any], what: str, remedy: str
) -> None:
    (problem,) = host(**facts).problems()

    assert what in problem.what
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    "facts",
    [{"overlayfs": False}, {"cgroup_version": 1, "cgroup_mounts": {"memory": Path("/m")}}],
)
def test_what_a_container_runtime_needs_is_not_asked_for_where_there_is_none(
    host: Callable[..., Host], facts: dict[str, Any]
) -> None:
    assert len(host(**facts).problems()) == 1
    assert host(**facts).problems(node=False) == []


def test_every_problem_is_told_not_only_the_first(host: Callable[..., Host]) -> None:
    poor = host(is_root=False, overlayfs=False, disk_free=0, memory=0)

    assert len(poor.problems()) == 4


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "cgroup v2: unified hierarchy"),
        ({"cgroup_version": 1}, "cgroup v1: one hierarchy per controller"),
        ({"sys_resource": False}, "no CAP_SYS_RESOURCE: containerd restricts oom_score_adj"),
        ({"swap": 512 << 20}, "swap is on (512 MiB)"),
        ({"apparmor": False}, "no AppArmor"),
        ({"systemd": False}, "no systemd: the cgroupfs driver is used"),
        ({}, "durability is not tested"),
    ],
)
def test_what_is_done_differently_is_said(
    host: Callable[..., Host], facts: dict[str, Any], said: str
) -> None:
    assert any(said in note for note in host(**facts).adaptations())


def test_a_host_like_most_is_told_of_no_restriction(host: Callable[..., Host]) -> None:
    assert len(host().adaptations()) == 2


def test_a_runtime_alone_is_told_nothing_of_kubernetes(host: Callable[..., Host]) -> None:
    poor = host(sys_resource=False, swap=512 << 20)

    told = " ".join(poor.adaptations(kubernetes=False))
    assert "oom_score_adj cannot be a witness" in told
    assert not any(word in told for word in ("etcd", "kubelet", "Kubelet"))


def test_what_the_host_withholds_is_a_reason_for_unsupported(host: Callable[..., Host]) -> None:
    assert host(sys_resource=False).limits == ("no CAP_SYS_RESOURCE",)


def test_this_host_can_be_inspected_before_the_state_root_exists(state_dir: Path) -> None:
    found = hosts.inspect()

    assert not state_dir.exists()
    assert found.disk_free > 0
    assert found.cpus > 0
    assert found.cgroup_mounts


def test_a_state_root_below_a_file_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(tmp_path / "file" / "state"))

    assert hosts.inspect().disk_free > 0
