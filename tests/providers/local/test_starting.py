"""What is looked at before anything is started, and in which order."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.providers.local.test_state import DEAD

from podresize.errors import HostError, UsageError
from podresize.providers import host as hosts
from podresize.providers import recording
from podresize.providers.local import network, state
from podresize.providers.local.starting import make_room

pytestmark = pytest.mark.usefixtures("state_dir")


@pytest.fixture(autouse=True)
def no_links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(network, "_LINKS", tmp_path / "net")


def poor_host() -> hosts.Host:
    raise HostError("no cluster can be started on this host")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(
        "podresize.providers.local.starting.clean", lambda *_: found.append("clean")
    )
    return found


def test_what_the_dead_left_goes_and_the_hosts_facts_come_back(seen: list[str]) -> None:
    old = state.claim("old", target={})
    recording.write(dataclasses.replace(old, supervisor=DEAD))

    host = make_room("one", "podresize cluster up", hosts.inspect)

    assert seen == ["clean"]
    assert host.cgroup_version in (1, 2)


@pytest.mark.parametrize("what", [state.CLUSTER, state.RUNTIME])
def test_a_name_that_something_living_has_is_refused_by_what_it_is(
    seen: list[str], what: str
) -> None:
    state.claim("one", target={}, what=what)

    with pytest.raises(UsageError, match=f"a {what} of that name is running") as error:
        make_room("one", "podresize cluster up", hosts.inspect)

    assert error.value.next_command == f"podresize {what} down one"
    assert seen == []


def test_a_poor_host_is_told_before_anything_is_removed(seen: list[str]) -> None:
    old = state.claim("old", target={})
    recording.write(dataclasses.replace(old, supervisor=DEAD))

    with pytest.raises(HostError):
        make_room("old", "podresize cluster up", poor_host)

    assert seen == []


def test_a_name_that_is_too_long_for_a_socket_is_told_before_the_host_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(tmp_path / ("d" * 90)))

    with pytest.raises(UsageError, match="the kernel takes 107"):
        make_room("one", "podresize cluster up", poor_host)
