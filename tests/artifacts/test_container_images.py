"""Images of what runs beside a cluster: what lies in them, and when they are the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner
from tests.artifacts.test_node_image import PlayedStore, configuration, layers, parts

from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.container_images import REGISTRY_PORT, containerd_image, registry_image
from podresize.cli.artifacts import artifacts
from podresize.errors import UsageError

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes

__all__ = ["parts"]

_Parts = dict[Component, dict[str, bytes]]


@pytest.fixture
def store(cache: Cache, fake: type[FakeSource], parts: _Parts) -> PlayedStore:
    return PlayedStore(cache, fake, parts | {Component.REGISTRY: {"registry": b"registry"}})


@pytest.mark.parametrize(("version", "number"), [("1.6.8", 2), ("1.7.24", 2), ("2.1.4", 3)])
def test_a_containerd_has_a_configuration_of_its_own_version(
    store: PlayedStore, notes: Notes, version: str, number: int
) -> None:
    image = containerd_image(version, store=store, progress=notes)

    base, own = layers(image)
    assert set(base) == {"etc"}
    assert own["usr/local/bin/containerd"] == b"containerd"
    assert own["usr/local/sbin/runc"] == b"runc"
    assert own["images/workload.tar"] == b"workload"
    written = own["etc/containerd/config.toml"]
    assert isinstance(written, bytes)
    assert tomllib.loads(written.decode())["version"] == number
    assert configuration(image)["Volumes"] == {"/var/lib/containerd": {}}


def test_a_name_stands_for_the_content(
    store: PlayedStore, notes: Notes, fake: type[FakeSource], parts: _Parts, tmp_path: Path
) -> None:
    one = containerd_image("1.6.8", store=store, progress=notes)
    again = containerd_image("1.6.8", store=store, progress=notes)
    elsewhere = PlayedStore(Cache(tmp_path / "other"), fake, parts)
    same = containerd_image("1.6.8", store=elsewhere, progress=notes)
    changed = PlayedStore(
        Cache(tmp_path / "changed"), fake, parts | {Component.RUNC: {"runc": b"another"}}
    )
    other = containerd_image("1.6.8", store=changed, progress=notes)

    assert one == again
    assert one.name == same.name
    assert one.archive.read_bytes() == same.archive.read_bytes()
    assert one.name.startswith("podresize.local/containerd:v1.6.8.")
    assert other.name != one.name


def test_the_registry_serves_where_its_image_says(store: PlayedStore, notes: Notes) -> None:
    image = registry_image(store=store, progress=notes)

    (own,) = layers(image)
    assert own["registry"] == b"registry"
    written = own["config.yaml"]
    assert isinstance(written, bytes)
    settings = yaml.safe_load(written)
    assert settings["http"]["addr"] == f":{REGISTRY_PORT}"
    said = configuration(image)
    assert said["Cmd"][-1] == "/config.yaml"
    assert said["ExposedPorts"] == {f"{REGISTRY_PORT}/tcp": {}}


@pytest.mark.parametrize(
    "words",
    [
        ["registry-image", "--version", "3.1.2"],
        ["registry-image", "--containerd", "1.6.8"],
        ["containerd-image", "--kubernetes", "1.27.4"],
        ["reaper-image", "--arch", "arm64"],
    ],
)
def test_what_cannot_be_chosen_of_an_image_is_refused(words: list[str]) -> None:
    done = CliRunner().invoke(artifacts, ["get", *words])

    assert isinstance(done.exception, UsageError)
    assert done.exception.origin == words[1]
    assert done.exception.value == words[2]
    assert done.exception.next_command == f"podresize artifacts get {words[0]}"
