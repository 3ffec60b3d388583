"""What must not grow with the number of updates, of the process that it is asked of."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cri_api.v1 import api_pb2

from podresize.cri.client import RuntimeClient
from podresize.cri.footprint import footprint, hugepage_entries, peer
from podresize.evidence.kernel_view import HostKernel

KERNEL = HostKernel({}, proc=Path("/proc"))


@pytest.fixture
def asked(runtime: Any, client: RuntimeClient) -> RuntimeClient:
    runtime.statuses["c"] = api_pb2.ContainerStatus(id="c")
    return client


def test_it_is_that_of_the_process(asked: RuntimeClient) -> None:
    found = footprint(asked, "c", kernel=KERNEL, process=os.getpid())

    # Resident memory by another file of the same process.
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    assert found["memory"] == pytest.approx(pages * os.sysconf("SC_PAGE_SIZE"), rel=0.2)
    assert found["files"] == pytest.approx(len(os.listdir("/proc/self/fd")), abs=3)  # noqa: PTH208
    assert found["status"] > 10


def test_of_a_process_that_is_not_to_be_seen_it_is_nothing(asked: RuntimeClient) -> None:
    found = footprint(asked, "c", kernel=KERNEL, process=0)

    assert (found["memory"], found["files"]) == (0, 0)


def test_who_listens_is_the_runtimes_process(client: RuntimeClient) -> None:
    assert peer(client.endpoint) == os.getpid()


def status_with(*limits: int) -> Any:
    entries = [api_pb2.HugepageLimit(page_size="2MB", limit=limit) for limit in limits]
    linux = api_pb2.LinuxContainerResources(hugepage_limits=entries)
    return api_pb2.ContainerStatus(id="c", resources=api_pb2.ContainerResources(linux=linux))


def test_limits_of_huge_pages_are_counted_and_not_their_sizes(
    runtime: Any, client: RuntimeClient
) -> None:
    pages = [{"pageSize": "2MB", "limit": limit} for limit in (4, 6, 8)]
    said = {"runtimeSpec": {"linux": {"resources": {"hugepageLimits": pages}}}}
    runtime.infos["info"] = json.dumps(said)
    runtime.statuses["c"] = status_with(4, 6)

    assert hugepage_entries(client, "c") == {
        "the runtime's ContainerStatus": 2,
        "the OCI specification": 3,
    }


def test_who_says_nothing_of_resources_lists_nothing(asked: RuntimeClient, runtime: Any) -> None:
    assert hugepage_entries(asked, "c") == {}
    runtime.statuses["c"] = status_with()
    assert hugepage_entries(asked, "c") == {"the runtime's ContainerStatus": 0}
