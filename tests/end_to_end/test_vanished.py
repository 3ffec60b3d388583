"""A cluster that is gone: its network goes along, and nothing tells who waits for an answer."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.end_to_end.real_clusters import api_of, leftovers_after, own_name

from podresize.cluster.api import Api, ApiUnreachableError
from podresize.providers.child import reap
from podresize.providers.local import provider, state
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

# By the connection's keep-alive, with a margin for a busy host; a request's own time-out is 65 s.
_SECONDS = 30.0
_UNDER_WAY = 20


def end_of_the_wait(api: Api) -> float:
    """Wait for an answer that never comes to its end, and return when the wait ended."""
    with pytest.raises(ApiUnreachableError):
        api.request("GET", path="/api/v1/namespaces", params={"watch": "true"})
    return time.monotonic()


def test_requests_that_are_under_way_end_soon_after_the_cluster() -> None:
    handle = provider.up(Target(), name=own_name("gone"), owner=os.getpid())
    found = state.find(handle.name)
    assert found is not None
    with api_of(handle) as api, ThreadPoolExecutor(max_workers=_UNDER_WAY) as threads:
        waiting = [threads.submit(end_of_the_wait, api) for _ in range(_UNDER_WAY)]
        time.sleep(2)  # until all of them have been asked
        killed = time.monotonic()
        os.kill(found.supervisor[0], signal.SIGKILL)
        waited = [each.result() - killed for each in waiting]

    print("waited:", " ".join(f"{each:.1f}" for each in sorted(waited)))
    assert max(waited) < _SECONDS
    assert leftovers_after(handle.name) == []
    reap(found.supervisor[0])
