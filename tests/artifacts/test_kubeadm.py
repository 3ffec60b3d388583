"""What is taken from a kubeadm: the images that it names, and which etcd they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.artifacts.kubeadm import etcd_for, program_of, wanted_images
from podresize.artifacts.versions import known
from podresize.errors import HostError


def kubeadm(tmp_path: Path, script: str) -> Artifact:
    file = tmp_path / "kubeadm"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return Artifact(
        component=Component.KUBEADM,
        version="1.37.2",
        arch="amd64",
        source=Source.MODULE,
        files={"kubeadm": file},
        cached=True,
    )


def test_its_images_are_those_of_its_own_release(tmp_path: Path) -> None:
    script = 'echo "images.test/etcd:3.7.0-0 images.test/kube-apiserver:$5"'

    found = wanted_images(kubeadm(tmp_path, script))

    assert found == ["images.test/etcd:3.7.0-0", "images.test/kube-apiserver:v1.37.2"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no such flag >&2; exit 1", "no such flag"),
        ("echo images.test/pause:3.10", "images: images.test/pause:3.10"),
        ("true", "images: none"),
    ],
)
def test_one_that_names_no_etcd_is_told(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(HostError, match="which images it needs") as caught:
        wanted_images(kubeadm(tmp_path, script))

    assert caught.value.value == said
    assert caught.value.next_command == "podresize artifacts get kubeadm --kubernetes 1.37.2"


@pytest.mark.parametrize(
    ("image", "program"),
    [("images.test:5000/a/coredns/coredns:v1.10.1", "coredns"), ("etcd:3.5.7-0", "etcd")],
)
def test_an_image_is_named_after_its_program(image: str, program: str) -> None:
    assert program_of(image) == program


@pytest.mark.parametrize(
    ("tag", "etcd"),
    [
        ("3.5.7-0", "3.5.21"),  # 1.27.4
        ("3.6.5-0", "3.6.8"),  # 1.34.3
        ("3.6.8-0", "3.6.8"),  # 1.36.1
        ("3.7.0-0", "3.7.0"),  # 1.37.2
        ("v3.9.1", "3.9.1"),  # a minor that podresize does not know: what kubeadm names
    ],
)
def test_the_etcd_is_of_the_minor_that_kubeadm_names(tag: str, etcd: str) -> None:
    assert etcd_for(["images.test/pause:3.10", f"images.test/etcd:{tag}"]) == etcd


def test_of_each_minor_of_etcd_one_version_is_known() -> None:
    minors = [version.rpartition(".")[0] for version in known(Component.ETCD)]

    assert sorted(set(minors)) == minors
