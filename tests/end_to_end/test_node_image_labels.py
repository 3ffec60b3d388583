"""What a node image says of itself, against what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.node_images import Loaded, loaded

from podresize.artifacts.node_image import node_image

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

# What prints each part's version in a container of the image.
ASKED = {
    "kubernetes": "kubelet --version",
    "kubeadm": "kubeadm version --output=short",
    "kubectl": "kubectl version --client --output=yaml | grep gitVersion",
    "containerd": "containerd --version",
    "runc": "runc --version | head -n 1",
    # Before it on the PATH is what starts the bus for it, with systemd.
    "crun": "/usr/bin/crun --version | head -n 1",
    "cni": "CNI_COMMAND= /opt/cni/bin/ptp 2>&1 </dev/null | head -n 1 || true",
    "node-base": "systemctl --version | head -n 1; dpkg-query --show systemd",
    "etcd": "/usr/local/lib/control-plane/etcd --version | head -n 1",
}


@pytest.fixture(scope="module")
def image(engine: RealEngine) -> Iterator[Loaded]:
    made = node_image("1.27.4", "1.6.8")
    with loaded(engine, str(made.archive), made.name) as there:
        assert there.labels == made.labels
        yield there


@pytest.mark.parametrize("part", ASKED)
def test_a_part_is_of_the_version_that_the_label_says(image: Loaded, part: str) -> None:
    label = image.labels[f"podresize.{part}"]
    version = re.match(r"[\d.]*\d", label)
    assert version is not None

    said = image.run(ASKED[part])

    # A base's version ends with a mark of how it was made, which nothing in it knows.
    wanted = version[0] if part != "node-base" else ".".join(version[0].split(".")[:2])
    assert re.search(rf"(?<![\d.]){re.escape(wanted)}(?![\d.]*\d)", said), (label, said)


def test_the_packages_are_those_that_the_label_lists(image: Loaded) -> None:
    said = image.run(
        "dpkg-query --show --showformat='${db:Status-Status} ${Package}=${Version}\\n'"
    )

    installed = [line.split()[1] for line in said.splitlines() if line.startswith("installed ")]
    assert " ".join(sorted(installed)) == image.labels["podresize.packages"]


def test_no_label_is_left_unlooked_at(image: Loaded) -> None:
    hashes = {"podresize.inputs", "podresize.packages", "podresize.images"}

    assert set(image.labels) == {f"podresize.{part}" for part in ASKED} | hashes


def test_the_release_that_kind_reads_is_the_labels(image: Loaded) -> None:
    assert image.run("cat /kind/version") == "v" + image.labels["podresize.kubernetes"].split()[0]
