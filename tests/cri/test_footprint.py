"""What must not grow with the number of updates, of the process that it is asked of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from cri_api.v1 import api_pb2

from podresize.cri.client import RuntimeClient
from podresize.cri.footprint import footprint, peer
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
