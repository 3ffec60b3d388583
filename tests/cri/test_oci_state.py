"""Resources as OCI runtimes and specifications keep them, by the names of CRI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podresize.cri.oci_state import from_runc, from_spec, kept
from podresize.evidence.kernel_view import HostKernel
from podresize.requirements.runtime_target import OciHandle

# As runc 1.1.5 wrote it, shortened.
CGROUPS = {
    "path": "/podresize/x",
    "memory": 134217728,
    "memory_swap": 209715200,
    "cpu_shares": 700,
    "cpu_quota": -1,
    "cpu_period": 50000,
    "cpuset_cpus": "0",
    "cpu_weight": 27,
    "hugetlb_limit": [{"page_size": "2MB", "limit": 4096}],
    "unified": {"memory.high": "max"},
}
FIELDS = {
    "memory_limit_in_bytes": 134217728,
    "memory_swap_limit_in_bytes": 209715200,
    "cpu_shares": 700,
    "cpu_quota": -1,
    "cpu_period": 50000,
    "cpuset_cpus": "0",
    "hugepage_limits": {"2MB": 4096},
    "unified": {"memory.high": "max"},
}
KERNEL = HostKernel({}, proc=Path("/proc"))
SPEC = {
    "devices": [{"allow": False, "access": "rwm"}],
    "memory": {"limit": 134217728, "swap": 209715200},
    "cpu": {"shares": 700, "quota": -1, "period": 50000, "cpus": "0"},
    "hugepageLimits": [{"pageSize": "2MB", "limit": 4096}],
    "unified": {"memory.high": "max"},
}


def test_of_runc() -> None:
    assert from_runc(CGROUPS) == FIELDS
    assert from_runc({"memory": 0, "cpuset_cpus": ""}) == {}


def test_of_a_specification() -> None:
    assert from_spec(SPEC) == FIELDS
    assert from_spec({}) == {}


@pytest.mark.parametrize("kind", ["crun", "runsc"])
def test_others_keep_none(tmp_path: Path, kind: str) -> None:
    assert kept(OciHandle(kind=kind, program=Path("/x"), root=tmp_path), "c", KERNEL) is None


def test_from_runcs_file(tmp_path: Path) -> None:
    handle = OciHandle(kind="runc", program=Path("/x"), root=tmp_path)
    assert kept(handle, "c", KERNEL) is None

    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "state.json").write_text(json.dumps({"config": {"cgroups": CGROUPS}}))

    assert kept(handle, "c", KERNEL) == FIELDS
