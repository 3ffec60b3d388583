"""Another runtime on a node image: what changes, what stays, and which bases are refused."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.artifacts.saved import Layer, directory, save
from tests.artifacts.test_node_image import PlayedStore, configuration, listed, parts

from podresize.artifacts.artifact import Component
from podresize.artifacts.base_image import shared_libraries
from podresize.artifacts.cache import Cache
from podresize.artifacts.host import host_arch
from podresize.artifacts.layered_image import layered_image
from podresize.artifacts.node_image import NodeImage
from podresize.cli.artifacts import artifacts
from podresize.errors import UsageError

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes

__all__ = ["parts"]

NAME = "kindest/node:v1.27.3"
RUNTIME = {
    "usr/local/bin/containerd",
    "usr/local/bin/ctr",
    "usr/local/sbin/runc",
    "usr/sbin/runc",
}
_Parts = dict[Component, dict[str, bytes]]


def node(**changed: bytes | None) -> list[Layer]:
    """The layers of a kind node image as kind builds them; ``changed`` by the files' last names."""
    files: Layer = {
        "kind/version": b"v1.27.3",
        "usr": directory(),
        "usr/local": directory(),
        # Debian's: the group staff may write there.
        "usr/local/bin": directory(mode=0o2775, gid=50, mtime=1_690_000_000.5),
        "usr/local/bin/entrypoint": b"#!/bin/bash",
        "usr/local/bin/containerd": b"1.7.1",
        "usr/local/bin/ctr": b"1.7.1",
        "usr/local/sbin/runc": b"1.1.7",
        "usr/sbin/runc": b"the OS's",
        "usr/bin/kubelet": b"kubelet",
        "usr/bin/kubeadm": b"kubeadm",
        "usr/bin/kubectl": b"kubectl",
        "etc/containerd/config.toml": b"version = 2\n",
    }
    for place in list(files):
        name = Path(place).name
        if name in changed:
            data = changed[name]
            del files[place]
            if data is not None:
                files[place] = data
    return [files, {"kind/images": b"above"}]


class Asking:
    """Asks for a base with another runtime."""

    def __init__(self, store: PlayedStore, notes: Notes, directory: Path) -> None:
        self.store, self.notes, self.directory = store, notes, directory

    def __call__(
        self, layers: list[Layer] | None = None, *, arch: str | None = None, **asked: Any
    ) -> NodeImage:
        config = {"Labels": {"org.opencontainers.image.title": "node"}, "StopSignal": "SIGRTMIN+3"}
        archive = save(
            self.directory / "base.tar",
            node() if layers is None else layers,
            arch=arch or host_arch(),
            config=config,
        )
        asked = {"containerd": "1.6.8"} | asked
        return layered_image(archive, name=NAME, store=self.store, progress=self.notes, **asked)

    def refused(self, layers: list[Layer] | None = None, **asked: Any) -> UsageError:
        with pytest.raises(UsageError) as caught:
            self(layers, **asked)
        return caught.value


@pytest.fixture
def store(cache: Cache, fake: type[FakeSource], parts: _Parts) -> PlayedStore:
    return PlayedStore(cache, fake, parts | {Component.CRUN: {"crun": b"crun"}})


@pytest.fixture
def asking(store: PlayedStore, notes: Notes, tmp_path: Path) -> Asking:
    return Asking(store, notes, tmp_path)


def own_layer(image: NodeImage) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(image.archive) as archive:
        file = archive.extractfile(listed(archive)["Layers"][-1])
        assert file is not None
        with tarfile.open(fileobj=io.BytesIO(file.read())) as layer:
            return {member.name: member for member in layer}


def test_the_runtime_is_replaced_wherever_the_base_has_it(asking: Asking, notes: Notes) -> None:
    image = asking()

    assert {place for place, info in own_layer(image).items() if info.isfile()} == RUNTIME
    assert notes.lines[-1].startswith(f"on {NAME}: /usr/local/bin/containerd ")


def test_directories_stay_as_the_base_has_them(asking: Asking) -> None:
    found = own_layer(asking())["usr/local/bin"]

    assert found.isdir()
    assert (found.mode, found.gid, found.mtime) == (0o2775, 50, 1_690_000_000.5)


def test_all_else_of_the_image_stays(asking: Asking) -> None:
    image = asking()

    with tarfile.open(image.archive) as archive:
        file = archive.extractfile(listed(archive)["Config"])
        assert file is not None
        whole = json.loads(file.read())
    assert len(whole["rootfs"]["diff_ids"]) == len(whole["history"]) == 3
    assert whole["history"][0] == {"created_by": "somebody"}
    config = configuration(image)
    assert config["StopSignal"] == "SIGRTMIN+3"
    labels = config["Labels"]
    assert labels == image.labels
    assert labels.pop("podresize.base").startswith(f"{NAME} sha256:")
    assert labels.pop("podresize.inputs")
    assert labels == {
        "org.opencontainers.image.title": "node",
        "podresize.kubernetes": "1.27.3 (base)",
        "podresize.containerd": "1.6.8 (module)",
        "podresize.runc": "1.0.0 (module)",
    }


def test_the_same_base_gives_the_same_image_and_another_runtime_another(
    asking: Asking, fake: type[FakeSource], parts: _Parts, tmp_path: Path
) -> None:
    first, again, other = asking(), asking(), asking(containerd="1.6.36")
    elsewhere = Asking(
        PlayedStore(Cache(tmp_path / "elsewhere"), fake, parts), asking.notes, tmp_path
    )
    anew = elsewhere()

    assert again == first
    assert (anew.name, anew.archive.read_bytes()) == (first.name, first.archive.read_bytes())
    assert first.name.startswith("podresize.local/node:v1.27.3-containerd-1.6.8.")
    assert other.name != first.name


def test_crun_comes_where_it_is_asked_for(asking: Asking) -> None:
    without, with_it = own_layer(asking()), own_layer(asking(crun=True))

    assert set(with_it) - set(without) == {"usr/bin", "usr/bin/crun"}


@pytest.mark.parametrize("asked", [None, "1.27.3", "v1.27.3", "1.27"])
def test_the_release_is_the_bases(asking: Asking, asked: str | None) -> None:
    assert ":v1.27.3-" in asking(kubernetes=asked).name


@pytest.mark.parametrize("asked", ["1.27.4", "1.28", "1.2"])
def test_another_release_than_the_bases_is_refused(asking: Asking, asked: str) -> None:
    error = asking.refused(kubernetes=asked)

    assert (error.value, error.origin) == (asked, "--kubernetes")
    assert "v1.27.3" in error.causes[0]


@pytest.mark.parametrize(
    ("configured", "containerd", "taken"),
    [
        *((b"version = 2\n", "1.6.8", True), (b"version = 2\n", "2.1.4", True)),
        *((b"version = 3\n", "2.1.4", True), (b"version = 3\n", "1.7.24", False)),
        *((b"", "1.6.8", False), (b"version = 4\n", "2.1.4", False)),
    ],
)
def test_a_configuration_that_the_runtime_cannot_read_is_refused(
    asking: Asking, configured: bytes, containerd: str, taken: bool
) -> None:
    layers = node(**{"config.toml": configured})
    if taken:
        assert f"containerd-{containerd}." in asking(layers, containerd=containerd).name
        return

    error = asking.refused(layers, containerd=containerd)

    assert (error.value, error.origin) == (containerd, "--containerd")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"version": None}, "it has no /kind/version"),
        ({"kubelet": None}, "it has no /usr/bin/kubelet"),
        ({"version": b"latest"}, "its /kind/version says 'latest'"),
        ({"version": b"v1.26.3"}, "the oldest that can be tested"),
        ({"config.toml": b"version ="}, "Invalid value"),
        ({"ctr": None}, "no ctr where a node looks for programs"),
    ],
)
def test_a_base_that_is_no_kind_node_is_refused(
    asking: Asking, changed: dict[str, bytes | None], told: str
) -> None:
    error = asking.refused(node(**changed))

    assert told in str(error)
    assert "--base" in str(error)


def test_an_image_of_something_else_is_refused(asking: Asking) -> None:
    error = asking.refused([{"registry": b"registry"}])

    assert "is no kind node image" in error.what
    assert (error.value, error.origin) == (NAME, "--base")


def test_a_base_for_another_architecture_is_refused(asking: Asking) -> None:
    assert "another architecture" in asking.refused(arch="s390x").what


def test_a_runtime_whose_libraries_the_base_lacks_is_refused(
    cache: Cache, fake: type[FakeSource], parts: _Parts, notes: Notes, tmp_path: Path
) -> None:
    linked = parts | {Component.RUNC: {"runc": Path(str(shutil.which("ls"))).read_bytes()}}
    asking = Asking(PlayedStore(cache, fake, linked), notes, tmp_path)

    error = asking.refused()

    assert "lacks shared libraries that runc 1.0.0 needs" in error.what
    assert "libc.so.6" in error.causes


def test_libraries_that_only_the_base_lacks_come_along(
    cache: Cache, fake: type[FakeSource], parts: _Parts, notes: Notes, tmp_path: Path
) -> None:
    # A program of this host plays crun: it is linked against libc and at least one more.
    program = Path(str(shutil.which("ls")))
    own, *others = sorted(shared_libraries(program), key=lambda name: name.startswith("libc."))[
        ::-1
    ]
    brought = others[0]
    crun = {"crun": program.read_bytes(), brought: b"the library"}
    asking = Asking(PlayedStore(cache, fake, parts | {Component.CRUN: crun}), notes, tmp_path)
    there: Layer = {f"lib/here/{name}": b"" for name in (own, *others) if name != brought}

    found = own_layer(asking([*node(), there], crun=True))

    assert own == "libc.so.6"
    assert set(found) - set(own_layer(asking())) == {
        *("usr/bin", "usr/bin/crun", "lib", "lib/here", f"lib/here/{brought}")
    }


@pytest.mark.parametrize(
    ("words", "origin"),
    [
        (("node-image", "--crun"), "the command line"),
        (("etcd", "--base", NAME), "--base"),
        (("node-image", "--base", NAME, "--containerd", "one"), "--containerd"),
    ],
)
def test_options_that_cannot_be_are_refused_before_an_engine_is_asked(
    words: tuple[str, ...], origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    result = CliRunner().invoke(artifacts, ["get", *words])

    assert isinstance(result.exception, UsageError)
    assert result.exception.origin == origin
