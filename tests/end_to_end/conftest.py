"""The guard of the tests with real clusters.

A host that cannot run a cluster skips them, with its reason. In CI that is a failure: a promise
that was not tested there was not tested at all.
"""

from __future__ import annotations

import os

import pytest

from podresize.providers import host as hosts


@pytest.fixture(scope="session")
def real_host() -> hosts.Host:
    """This host, if real clusters can run on it."""
    host = hosts.inspect()
    if problems := host.problems():
        reason = "; ".join(problem.what for problem in problems)
        if os.environ.get("CI") == "true":
            pytest.fail(f"no real cluster can run on this CI host: {reason}")
        pytest.skip(f"no real cluster can run here: {reason}")
    return host
