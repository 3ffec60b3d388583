"""What is said of an existing cluster before it is asked anything, and what its pods get."""

from __future__ import annotations

from pathlib import Path

import pytest

from podresize.errors import UsageError
from podresize.providers.kubeconfig import provider
from podresize.providers.kubeconfig.looking import driver
from podresize.providers.registry import provider_of
from podresize.requirements.target import Target


def target(**more: object) -> Target:
    return Target(provider="kubeconfig", **more)  # type: ignore[arg-type]  # fields of a target


def test_without_a_kubeconfig_it_says_so() -> None:
    with pytest.raises(UsageError, match="needs a kubeconfig"):
        provider_of("kubeconfig").check_target(target())


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        provider.check_target(target(kubeconfig=tmp_path / "none"))


@pytest.mark.parametrize("text", ["disk", "=ssd"])
def test_a_selector_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a label and its value"):
        provider.selector(target(node_selector=(text,)))


def test_the_options_are_in_every_pod() -> None:
    fields = provider.pod_fields(target(node_selector=("disk=ssd", "a=b"), runtime_class="crun"))

    assert fields["nodeSelector"] == {"disk": "ssd", "a": "b"}
    assert fields["runtimeClassName"] == "crun"
    assert fields["securityContext"]["runAsNonRoot"] is True


def test_an_image_that_was_named_may_be_pulled() -> None:
    assert "imagePullPolicy" not in provider.container_fields(target())
    assert provider.container_fields(target(image="r.example/p:1"))["imagePullPolicy"] == (
        "IfNotPresent"
    )


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("4:cpu:/kubepods/burstable/pod1234/abc", "cgroupfs"),
        ("0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-a.scope", "systemd"),
        ("0::/", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_driver_is_what_the_path_shows(path: str, found: str) -> None:
    assert driver(path) == found


def test_a_target_is_called_by_its_kubeconfig() -> None:
    assert str(target(kubeconfig=Path("/k"), context="c")) == "the cluster of /k, context c"
