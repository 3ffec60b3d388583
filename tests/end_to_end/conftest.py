"""The guard of the tests with real clusters.

A host that cannot run a cluster skips them, with its reason. In CI that is a failure: a promise
that was not tested there was not tested at all.
"""

from __future__ import annotations

import os

import pytest

from podresize.errors import HostError, PodresizeError
from podresize.providers import host as hosts
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import provider as guest_provider
from podresize.requirements.target import Target


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


@pytest.fixture(scope="session")
def guests(real_host: hosts.Host) -> None:
    """This host, if a node in a virtual machine can run on it, with the parts of one."""
    if problems := guest_host.lacking(real_host):
        reason = f"no guest can run here: {'; '.join(each.what for each in problems)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        guest_provider.gather(Target(provider="vm"))
    except PodresizeError as error:
        if os.environ.get("CI") == "true" or not isinstance(error, HostError):
            raise
        pytest.skip(f"the parts of a guest cannot be had here: {error}")
