"""A kind node image: what lies where in it, and that the same parts give the same bytes."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.container_images import ContainerImage
from podresize.artifacts.images import write_image
from podresize.artifacts.node_image import NAME, NodeImage, node_image
from podresize.artifacts.store import Store
from podresize.cli.artifacts import artifacts
from podresize.errors import HostError, UsageError

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes

REGISTRY = "images.test"
KUBEADM = f"""#!/bin/sh
case $5 in v1.27.*) etcd=3.5.7-0 ;; *) etcd=3.7.0-0 ;; esac
for image in kube-apiserver:$5 kube-proxy:$5 pause:3.9 etcd:$etcd coredns/coredns:v1.10.1; do
    echo {REGISTRY}/$image
done
"""
PACKAGES = ("crun=1.8.1-1+deb12u1", "systemd=252.39-1~deb12u2")
PARTS = {
    Component.NODE_BASE: {"rootfs.tar": b""},
    Component.KUBERNETES: {
        each: each.encode()
        for each in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
    },
    Component.KUBEADM: {"kubeadm": KUBEADM.encode()},
    Component.KUBECTL: {"kubectl": b"kubectl"},
    Component.CONTAINERD: {"containerd": b"containerd", "ctr": b"ctr"},
    Component.RUNC: {"runc": b"runc"},
    Component.CNI: {"ptp": b"ptp"},
    Component.ETCD: {"etcd": b"etcd"},
}


@pytest.fixture
def parts(tmp_path: Path) -> dict[Component, dict[str, bytes]]:
    base = io.BytesIO()
    with tarfile.open(fileobj=base, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("etc"))
    (tmp_path / "program").write_bytes(b"pause")
    write_image(
        tmp_path / "pause.tar",
        name="podresize.local/pause:1",
        arch="amd64",
        programs={"pause": tmp_path / "program"},
        config={},
    )
    images = {"pause.tar": (tmp_path / "pause.tar").read_bytes(), "workload.tar": b"workload"}
    return PARTS | {
        Component.NODE_BASE: {
            "rootfs.tar": base.getvalue(),
            "packages.txt": "\n".join([*PACKAGES, ""]).encode(),
        },
        Component.IMAGES: images,
    }


@dataclasses.dataclass
class PlayedStore(Store):
    """Every component comes from one source, which delivers these bytes."""

    def __init__(
        self, cache: Cache, fake: type[FakeSource], parts: dict[Component, dict[str, bytes]]
    ) -> None:
        super().__init__(cache, [])
        built = (Component.IMAGES, Component.GUEST_AGENT)
        self._of = {
            component: fake(Source.ASSEMBLED if component in built else Source.MODULE, files=files)
            for component, files in parts.items()
        }

    def get(self, component: Component, *arguments: Any, **options: Any) -> Any:
        self.fetchers = [self._of[component]]
        return super().get(component, *arguments, **options)


@pytest.fixture
def store(
    cache: Cache, fake: type[FakeSource], parts: dict[Component, dict[str, bytes]]
) -> PlayedStore:
    return PlayedStore(cache, fake, parts)


def layers(image: NodeImage | ContainerImage) -> list[dict[str, tarfile.TarInfo | bytes]]:
    """Return of each layer, lowest first, the bytes of its files and its links."""
    found = []
    with tarfile.open(image.archive) as archive:
        for place in listed(archive)["Layers"]:
            layer = archive.extractfile(place)
            assert layer is not None
            with tarfile.open(fileobj=layer) as content:
                files: dict[str, tarfile.TarInfo | bytes] = {}
                for item in content:
                    file = content.extractfile(item) if item.isfile() else None
                    files[item.name] = item if file is None else file.read()
                found.append(files)
    return found


def listed(archive: tarfile.TarFile) -> dict[str, Any]:
    file = archive.extractfile("manifest.json")
    assert file is not None
    (entry,) = json.loads(file.read())
    return dict(entry)


def configuration(image: NodeImage | ContainerImage) -> dict[str, Any]:
    with tarfile.open(image.archive) as archive:
        file = archive.extractfile(listed(archive)["Config"])
        assert file is not None
        return dict(json.loads(file.read())["config"])


def test_three_layers_of_which_two_are_the_releases(store: PlayedStore, notes: Notes) -> None:
    one = node_image("1.27.4", "1.6.8", store=store, progress=notes)
    other = node_image("1.27.4", "1.6.36", store=store, progress=notes)

    assert one.name.startswith(f"{NAME}:v1.27.4-containerd-1.6.8.")
    assert one.name != other.name
    base, kubernetes, runtime = layers(one)
    assert set(base) == {"etc"}
    assert kubernetes["usr/bin/kubelet"] == b"kubelet"
    assert kubernetes["kind/version"] == b"v1.27.4"
    assert {"usr/local/bin/containerd", "usr/local/sbin/runc", "opt/cni/bin/ptp"} <= set(runtime)
    assert layers(other)[:2] == [base, kubernetes]


def test_it_brings_the_images_that_kubeadm_asks_for_and_can_be_made(
    store: PlayedStore, notes: Notes
) -> None:
    _, kubernetes, runtime = layers(node_image("1.27.4", "1.6.8", store=store, progress=notes))

    images = {place for place in kubernetes if place.startswith("kind/images/")}
    names = {"kube-apiserver", "pause", "etcd", "workload"}
    assert images == {f"kind/images/{name}.tar" for name in names}
    archive = kubernetes["kind/images/kube-apiserver.tar"]
    assert isinstance(archive, bytes)
    with tarfile.open(fileobj=io.BytesIO(archive)) as image:
        assert listed(image)["RepoTags"] == [f"{REGISTRY}/kube-apiserver:v1.27.4"]
    assert f'"{REGISTRY}/pause:3.9"'.encode() in text(runtime, "etc/containerd/config.toml")


def test_a_control_planes_program_is_on_the_node_and_mounted_into_its_pod(
    store: PlayedStore, notes: Notes
) -> None:
    _, kubernetes, _ = layers(node_image("1.27.4", "1.6.8", store=store, progress=notes))

    for pod in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        assert text(kubernetes, f"usr/local/lib/control-plane/{pod}") == pod.encode()
        steps = yaml.safe_load(text(kubernetes, f"kind/patches/{pod}+json.yaml"))
        added = {step["path"]: step["value"] for step in steps if step["op"] == "add"}
        volume = added["/spec/volumes/-"]
        assert volume["hostPath"]["path"] == f"/usr/local/lib/control-plane/{pod}"
        mount = added["/spec/containers/0/volumeMounts/-"]
        # The image's PATH is "/", and kubeadm names the program alone.
        assert (mount["name"], mount["mountPath"]) == (volume["name"], f"/{pod}")
    archive = text(kubernetes, "kind/images/kube-apiserver.tar")
    assert b"kube-apiserver" not in programs_in(archive).values()
    assert programs_in(archive)["kube-apiserver"] == b""


def programs_in(archive: bytes) -> dict[str, bytes]:
    """Return the files of an image's only layer."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as image:
        layer = image.extractfile(listed(image)["Layers"][0])
        assert layer is not None
        with tarfile.open(fileobj=layer) as files:
            return {each.name: read(files, each) for each in files if each.isfile()}


def read(files: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = files.extractfile(member)
    assert found is not None
    return found.read()


@pytest.mark.parametrize(
    ("kubernetes", "tag", "version"),
    [("1.27.4", "3.5.7-0", "3.5.21"), ("1.37.2", "3.7.0-0", "3.7.0")],
)
def test_its_etcd_knows_the_flags_of_its_kubeadm(
    store: PlayedStore, notes: Notes, kubernetes: str, tag: str, version: str
) -> None:
    image = node_image(kubernetes, "2.1.4", store=store, progress=notes)

    archive = layers(image)[1]["kind/images/etcd.tar"]
    assert isinstance(archive, bytes)
    with tarfile.open(fileobj=io.BytesIO(archive)) as etcd:
        assert listed(etcd)["RepoTags"] == [f"{REGISTRY}/etcd:{tag}"]
    assert image.labels["podresize.etcd"] == f"{version} (module)"


def text(layer: dict[str, tarfile.TarInfo | bytes], place: str) -> bytes:
    found = layer[place]
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize(("containerd", "version"), [("1.7.24", 2), ("2.1.4", 3)])
def test_containerds_configuration_is_of_its_own_version(
    store: PlayedStore, notes: Notes, containerd: str, version: int
) -> None:
    runtime = layers(node_image("1.27.4", containerd, store=store, progress=notes))[2]

    content = text(runtime, "etc/containerd/config.toml")
    assert content.startswith(f"version = {version}\n".encode())
    assert b"PAUSE_IMAGE" not in content


@pytest.mark.parametrize("containerd", ["1.7.24", "2.1.4"])
def test_each_handler_of_an_oci_runtime_leads_to_a_program_of_the_image(
    store: PlayedStore, notes: Notes, containerd: str
) -> None:
    runtime = layers(node_image("1.27.4", containerd, store=store, progress=notes))[2]

    config = tomllib.loads(text(runtime, "etc/containerd/config.toml").decode())
    plugins = config["plugins"].values()
    (handlers,) = [each["containerd"]["runtimes"] for each in plugins if "containerd" in each]
    for handler in handlers.values():
        assert handler["options"]["BinaryName"].lstrip("/") in runtime
    # crun alone needs a bus (docs/kind-node.md).
    assert b"systemctl start dbus.socket" in text(runtime, "usr/local/sbin/crun")


def test_its_units_are_started_and_its_first_process_is_the_entrypoint(
    store: PlayedStore, notes: Notes
) -> None:
    image = node_image("1.27.4", "1.6.8", store=store, progress=notes)
    runtime = layers(image)[2]

    for place, item in runtime.items():
        if isinstance(item, tarfile.TarInfo) and "multi-user.target.wants" in place:
            assert f"etc/systemd/system/{item.linkname.removeprefix('../')}" in runtime
    config = configuration(image)
    assert config["Entrypoint"][0].lstrip("/") in runtime
    assert config["Labels"] == image.labels
    assert config["Labels"]["podresize.containerd"] == "1.6.8 (module)"


def test_its_labels_name_every_part_and_every_package(store: PlayedStore, notes: Notes) -> None:
    labels = node_image("1.27.4", "1.6.8", store=store, progress=notes).labels

    assert labels.pop("podresize.inputs")
    assert labels.pop("podresize.packages") == " ".join(PACKAGES)
    assert labels.pop("podresize.crun") == "1.8.1 (package)"
    assert set(labels) == {f"podresize.{component}" for component in PARTS} | {"podresize.images"}


def test_the_same_parts_give_the_same_bytes_and_others_another_name(
    store: PlayedStore,
    notes: Notes,
    fake: type[FakeSource],
    parts: dict[Component, dict[str, bytes]],
    tmp_path: Path,
) -> None:
    first = node_image("1.27.4", "1.6.8", store=store, progress=notes)
    again = node_image("1.27.4", "1.6.8", store=store, progress=notes)
    elsewhere = PlayedStore(Cache(tmp_path / "elsewhere"), fake, parts)
    anew = node_image("1.27.4", "1.6.8", store=elsewhere, progress=notes)
    changed = parts | {Component.RUNC: {"runc": b"another"}}
    other = PlayedStore(Cache(tmp_path / "other"), fake, changed)

    assert again == first
    assert (anew.name, anew.archive.read_bytes()) == (first.name, first.archive.read_bytes())
    assert node_image("1.27.4", "1.6.8", store=other, progress=notes).name != first.name


def test_a_kubeadm_that_does_not_start_is_told(
    cache: Cache,
    fake: type[FakeSource],
    parts: dict[Component, dict[str, bytes]],
    notes: Notes,
) -> None:
    broken = parts | {Component.KUBEADM: {"kubeadm": b"#!/bin/sh\necho no such flag >&2; exit 1\n"}}

    with pytest.raises(HostError, match="which images it needs") as caught:
        node_image("1.27.4", "1.6.8", store=PlayedStore(cache, fake, broken), progress=notes)

    assert caught.value.value == "no such flag"


@pytest.mark.parametrize("option", ["--version=1", "--source=module", "--arch=amd64"])
def test_options_that_say_nothing_of_a_node_image_are_refused(option: str) -> None:
    result = CliRunner().invoke(artifacts, ["get", "node-image", option])

    assert isinstance(result.exception, UsageError)
    assert result.exception.origin == option.partition("=")[0]
