"""What may be written as a version, and what the answer to anything else says."""

from __future__ import annotations

import pytest

from podresize.artifacts import versions
from podresize.artifacts.artifact import Component
from podresize.artifacts.catalogue import KUBERNETES_FROM_MODULES
from podresize.errors import UsageError

K8S, CONTAINERD = Component.KUBERNETES, Component.CONTAINERD


@pytest.mark.parametrize(
    ("component", "asked", "meant"),
    [
        (K8S, None, "1.27.4"),
        (CONTAINERD, None, "1.6.36"),
        (Component.RUNC, None, None),
        (K8S, "v1.27.4", "1.27.4"),
        (K8S, " 1.27.1 ", "1.27.1"),
        (K8S, "1.27", "1.27.4"),
        (K8S, "v1.37", "1.37.2"),
        (K8S, "1.28.3", "1.28.3"),  # not known, but a release: the sources decide
        (K8S, "1.34.0-rc.1", "1.34.0-rc.1"),
        (CONTAINERD, "1.6", "1.6.36"),
        (CONTAINERD, "2.1.4", "2.1.4"),
        (Component.RUNC, "1.1.5", "1.1.5"),
        (Component.CRUN, "1.21", "1.21"),  # a release, no minor of which the newest is meant
        (Component.RUNSC, "0.0.0-20260905035102-160fafc42237", "0.0.0-20260905035102-160fafc42237"),
    ],
)
def test_what_is_meant(component: Component, asked: str | None, meant: str | None) -> None:
    assert versions.normalise(component, asked) == meant


@pytest.mark.parametrize(
    "asked", ["abc", "", "1", "1.27.4.5", "1.27.x", "latest", "-1.27.4", "vv1.27.4"]
)
def test_what_is_no_version_is_refused(asked: str) -> None:
    with pytest.raises(UsageError, match="not a version of kubernetes") as caught:
        versions.normalise(K8S, asked)

    assert caught.value.value == asked
    assert caught.value.origin == "--kubernetes"
    assert caught.value.next_command is not None


@pytest.mark.parametrize("asked", ["1.26", "1.26.15", "v1.26.0", "1.5.1", "0.27.4"])
def test_kubernetes_before_the_feature_is_refused(asked: str) -> None:
    with pytest.raises(UsageError, match=r"in-place Pod resize since 1\.27") as caught:
        versions.normalise(K8S, asked, origin="PODRESIZE_KUBERNETES")

    assert "from PODRESIZE_KUBERNETES" in str(caught.value)
    assert "--kubernetes 1.27.4" in str(caught.value)


def test_containerd_without_cri_v1_is_refused() -> None:
    with pytest.raises(UsageError, match="does not serve CRI v1"):
        versions.normalise(CONTAINERD, "1.5.8")


def test_a_minor_without_known_releases_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        versions.normalise(K8S, "1.28")

    assert "nearest that exist: 1.27.2, 1.27.3, 1.27.4" in str(caught.value)


def test_images_have_no_version_to_choose() -> None:
    with pytest.raises(UsageError, match="follow the probe's source"):
        versions.normalise(Component.IMAGES, "1.0.0")


def test_the_jvm_has_no_version_to_choose() -> None:
    with pytest.raises(UsageError, match="the one that the OS offers"):
        versions.normalise(Component.JVM, "17")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.27.9", ("1.27.2", "1.27.3", "1.27.4")),
        ("1.33.1", ("1.32.2", "1.33.13", "1.34.3")),
        ("1.29.6", ("1.27.4", "1.30.4", "1.31.0")),
        ("1.99.0", ("1.35.4", "1.36.1", "1.37.2")),
        ("2.0.0", ("1.35.4", "1.36.1", "1.37.2")),
    ],
)
def test_the_nearest(version: str, expected: tuple[str, ...]) -> None:
    assert versions.nearest(version, KUBERNETES_FROM_MODULES) == expected


@pytest.mark.parametrize("component", [Component.IMAGES, Component.JVM, Component.NODE_BASE])
def test_what_has_no_version_to_choose_says_so(component: Component) -> None:
    with pytest.raises(UsageError, match="no version to choose") as caught:
        versions.normalise(component, "1.2.3")

    assert caught.value.next_command == f"podresize artifacts get {component}"
    assert versions.normalise(component, None) is None


def test_states_of_a_branch_are_listed_with_releases() -> None:
    state = "0.0.0-20260905035102-160fafc42237"

    assert versions.usable(Component.RUNSC, {state, "0.1.0"}) == [state, "0.1.0"]
