"""What is said without the extra and without Docker, and what a node is told of a registry."""

from __future__ import annotations

import importlib
import json
import sys
import tomllib

import pytest
from tests.providers.kind.conftest import bin_directory, fake_program

from podresize.artifacts.container_images import ContainerImage
from podresize.errors import HostError, UsageError

__all__ = ["bin_directory"]

_ROOM = "podresize.providers.containers"


@pytest.mark.parametrize("module", ["adapter", "registry", "containerd"])
def test_without_the_extra_it_is_told_which_one(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in ("adapter", "registry", "containerd"):
        monkeypatch.delitem(sys.modules, f"{_ROOM}.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "testcontainers.core.container", None)

    with pytest.raises(UsageError) as error:
        importlib.import_module(f"{_ROOM}.{module}")

    assert error.value.next_command == "pip install 'podresize[containers]'"


@pytest.mark.usefixtures("bin_directory")
def test_podman_is_refused(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    from podresize.providers.containers.adapter import prepare

    about = {"host": {"security": {"rootless": False}, "cgroupVersion": "v2"}, "version": {}}
    directory = request.getfixturevalue("bin_directory")
    fake_program(directory, "podman").says("info", output=json.dumps(about))
    monkeypatch.setattr("os.geteuid", lambda: 0)

    with pytest.raises(HostError, match="speaks to Docker alone"):
        prepare(ContainerImage(name="none", archive=directory / "none.tar"))


def test_a_node_is_told_where_to_pull_from_and_nowhere_else() -> None:
    from podresize.providers.containers.registry import hosts_toml

    told = tomllib.loads(hosts_toml("http://172.18.0.3:5000"))

    assert told["server"] == "http://172.18.0.3:5000"
    assert told["host"] == {"http://172.18.0.3:5000": {"capabilities": ["pull", "resolve"]}}
