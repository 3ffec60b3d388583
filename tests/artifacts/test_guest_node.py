"""The layer that makes a guest a node: what lies where, and when it is the same bytes."""

from __future__ import annotations

import configparser
import io
import os
import tarfile
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.artifacts.guests import PARTS, squashed
from tests.artifacts.test_node_image import PlayedStore

from podresize.artifacts import guest_node as module
from podresize.artifacts.artifact import LOADER, Artifact, Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.guest_node import NODE, guest_node
from podresize.errors import UsageError

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes

UNITS = "etc/systemd/system"


@pytest.fixture
def store(cache: Cache, fake: type[FakeSource]) -> PlayedStore:
    return PlayedStore(cache, fake, PARTS)


def made(store: PlayedStore, notes: Notes, *versions: str) -> dict[str, bytes | str | None]:
    node = guest_node(*versions, store=store, progress=notes)
    return squashed(node.files[NODE])


def test_programs_and_images_are_where_the_units_look(store: PlayedStore, notes: Notes) -> None:
    node = made(store, notes, "1.27.4", "1.6.36")

    for name in ("kubelet", "containerd", "containerd-shim-runc-v2", "ctr"):
        assert node[f"usr/local/bin/{name}"] == name.encode()
    assert node["usr/local/bin/podresize-agent"] == b"agent"
    assert node["usr/local/sbin/runc"] == b"runc"
    assert node["opt/cni/bin/ptp"] == b"ptp"
    images = node["opt/podresize/images.tar"]
    assert isinstance(images, bytes)
    with tarfile.open(fileobj=io.BytesIO(images)) as archive:
        assert {"blobs/sha256/pause", "blobs/sha256/workload"} <= set(archive.getnames())
    assert "usr/local/bin/kube-apiserver" not in node
    assert node["etc/podresize"] is None
    for unit in ("containerd", "kubelet", "podresize-agent", "podresize-images"):
        text = node[f"{UNITS}/{unit}.service"]
        assert isinstance(text, bytes)
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text.decode())
        for key in ("ExecStartPre", "ExecStart"):
            if key in parser["Service"]:
                assert parser["Service"][key].split()[0].lstrip("/") in node


def test_all_but_the_kubelet_is_started_at_boot(store: PlayedStore, notes: Notes) -> None:
    node = made(store, notes, "1.27.4", "1.6.36")

    wanted = {place: link for place, link in node.items() if ".wants/" in place and link}
    assert {Path(place).name for place in wanted} == {
        *("podresize-agent.service", "containerd.service", "podresize-images.service"),
        "dbus.socket",
    }
    kubelet = node[f"{UNITS}/kubelet.service"]
    assert isinstance(kubelet, bytes)
    assert b"\n[Install]" not in kubelet
    assert b"EnvironmentFile=/etc/podresize/kubelet.env" in kubelet
    assert node[f"{UNITS}/getty.target"] == "/dev/null"


def test_nothing_in_it_hides_a_directory_of_the_os(store: PlayedStore, notes: Notes) -> None:
    # Where /usr is merged these are links in the OS's layer.
    top = {place.partition("/")[0] for place in made(store, notes, "1.27.4", "1.6.36")}

    assert top == {"etc", "opt", "usr", "var"}


def test_a_boot_is_never_the_first(store: PlayedStore, notes: Notes) -> None:
    node = made(store, notes, "1.27.4", "1.6.36")

    assert node["etc/machine-id"] == node["etc/.updated"] == node["var/.updated"] == b""


@pytest.mark.parametrize(("containerd", "number"), [("1.6.36", 2), ("1.7.24", 2), ("2.1.4", 3)])
@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_containerd_is_told_of_the_runtime_that_is_there(
    store: PlayedStore, notes: Notes, containerd: str, number: int, runtime: str
) -> None:
    node = made(store, notes, "1.27.4", containerd, runtime)

    text = node["etc/containerd/config.toml"]
    assert isinstance(text, bytes)
    config = tomllib.loads(text.decode())
    assert config["version"] == number
    assert "podresize.local/pause:1" in text.decode()
    (told,) = [each["containerd"] for each in config["plugins"].values() if "containerd" in each]
    assert told["default_runtime_name"] == runtime
    (handler,) = told["runtimes"].values()
    assert handler["options"]["BinaryName"].lstrip("/") in node
    assert {place for place in node if place.startswith("usr/local/sbin/")} == {
        f"usr/local/sbin/{runtime}"
    }


def test_a_runtime_with_a_loader_of_its_own_keeps_it(
    cache: Cache, fake: type[FakeSource], notes: Notes
) -> None:
    crun = {"crun": b"here=${0%/*}", "crun.elf": b"elf", LOADER: b"ld", "libc.so.6": b"libc"}
    store = PlayedStore(cache, fake, PARTS | {Component.CRUN: crun})

    node = made(store, notes, "1.27.4", "2.1.4", "crun")

    starter = node["usr/local/sbin/crun"]
    assert isinstance(starter, bytes)
    assert b"${0%/*}" not in starter
    for word in starter.decode().split():
        if word.startswith("/usr/local/lib"):
            assert word[1:] in node
    assert node["usr/local/lib/crun/libc.so.6"] == b"libc"


def test_the_same_parts_give_the_same_bytes_and_others_another_name(
    store: PlayedStore, notes: Notes, fake: type[FakeSource], tmp_path: Path
) -> None:
    def node(store: PlayedStore) -> tuple[str, bytes]:
        found = guest_node("1.27.4", "1.6.36", store=store, progress=notes)
        return found.version, found.files[NODE].read_bytes()

    first = node(store)
    anew = node(PlayedStore(Cache(tmp_path / "elsewhere"), fake, PARTS))
    changed = PARTS | {Component.GUEST_AGENT: {"podresize-agent": b"another"}}
    other = node(PlayedStore(Cache(tmp_path / "other"), fake, changed))

    assert first[0].startswith("1.27.4+1.6.36+runc-1.0.0.")
    assert first == anew == node(store)
    assert other[0] != first[0]


def test_where_a_program_goes_and_how_it_starts_is_part_of_its_name(
    cache: Cache, fake: type[FakeSource], notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    crun = {"crun": b"here=${0%/*}", "crun.elf": b"elf", LOADER: b"ld"}
    store = PlayedStore(cache, fake, PARTS | {Component.CRUN: crun})

    def version() -> str:
        return guest_node("1.27.4", "2.1.4", "crun", store=store, progress=notes).version

    first = version()
    monkeypatch.setattr(module, "_OWN_LOADER", f"{module._OWN_LOADER}# another\n")
    second = version()
    monkeypatch.setattr(module, "_CRUN", "usr/local/lib/elsewhere")

    assert len({first, second, version()}) == 3


def test_a_newer_one_takes_the_place_of_those_that_nobody_uses(
    store: PlayedStore, notes: Notes, cache: Cache
) -> None:
    def node(agent: str, runtime: str = "runc", containerd: str = "1.6.36") -> Artifact:
        # Of another agent there is another node.
        store._of[Component.GUEST_AGENT].preferred = agent
        store._of[Component.GUEST_AGENT].files = {"podresize-agent": agent.encode()}
        return guest_node("1.27.4", containerd, runtime, store=store, progress=notes)

    others = [node("1", "crun"), node("1", containerd="2.1.4")]
    running, old, today = node("1"), node("2"), node("3")
    for made in (*others, running, old):
        index = cache._index(made.component, made.version, made.arch, made.source)
        os.utime(index, (0, time.time() - 2 * 86_400))

    with running.files[NODE].open("rb"):
        newest = node("4")

    left = {each.version for each in cache.entries() if each.component is Component.GUEST_NODE}
    assert left == {each.version for each in (*others, running, today, newest)}
    assert any(f"{old.version}: removed" in line for line in notes.lines)


def test_another_runtime_is_refused(store: PlayedStore, notes: Notes) -> None:
    with pytest.raises(UsageError, match="no such OCI runtime") as caught:
        guest_node("1.27.4", "1.6.36", "runsc", store=store, progress=notes)
    assert caught.value.value == "runsc"
