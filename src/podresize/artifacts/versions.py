"""What a user may write as a version, and which one is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.version import Version

from podresize.artifacts.artifact import Component
from podresize.artifacts.catalogue import (
    CONTAINERD_FROM_MODULES,
    DEFAULT_KUBERNETES,
    ETCD_FROM_MODULES,
    KUBERNETES_FROM_MODULES,
    RECIPES,
)
from podresize.errors import UsageError

FIRST_WITH_RESIZE = Version("1.27")
OLDEST_CONTAINERD = Version("1.6")  # the first whose CRI v1 every kubelet since 1.27 speaks

_SHAPE = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+)(-[0-9A-Za-z.-]+)?)?")
_WITHOUT_CHOICE = {
    Component.IMAGES: "The pod images have no version to choose: they follow the probe's source.",
    Component.JVM: "The JVM has no version to choose: it is the one that the OS offers.",
    Component.QEMU: "QEMU has no version to choose: it is the one that the OS offers.",
    Component.GUEST_TOOLS: "The tools have no version to choose: they are what the OS offers.",
    Component.GUEST_AGENT: "The agent has no version to choose: it follows its source.",
    Component.NODE_BASE: "The node's OS has no version to choose: it is the host's.",
}
_KUBERNETES = (Component.KUBERNETES, Component.KUBECTL, Component.KUBEADM, Component.E2E)


def known(component: Component) -> tuple[str, ...]:
    """Return the versions that are known to resolve without asking anyone, oldest first."""
    if component in _KUBERNETES:
        return KUBERNETES_FROM_MODULES
    if component is Component.CONTAINERD:
        return CONTAINERD_FROM_MODULES
    if component is Component.ETCD:
        return ETCD_FROM_MODULES
    module = RECIPES[component].module
    return (module.preferred,) if module is not None and module.preferred else ()


def nearest(version: str, candidates: tuple[str, ...], *, count: int = 3) -> tuple[str, ...]:
    """Return the candidates that lie closest to a version, oldest first.

    A minor weighs more than any patch, so the patch at the nearer end of a minor comes first.
    """

    def place(text: str) -> int:
        major, minor, patch = (*Version(text.split("-")[0]).release, 0, 0)[:3]
        return (major * 1000 + minor) * 1000 + patch

    wanted = place(version)
    closest = sorted(set(candidates), key=lambda each: abs(place(each) - wanted))[:count]
    return tuple(sorted(closest, key=Version))


def newest_of_minor(minor: str, candidates: tuple[str, ...]) -> str | None:
    """Return the newest candidate of ``1.27``, ``None`` where there is none."""
    same = [v for v in candidates if Version(v).release[:2] == Version(minor).release[:2]]
    return max(same, key=Version) if same else None


def option_for(component: Component) -> str:
    """Return the option with which a user names a component's version."""
    if component in _KUBERNETES:
        return "--kubernetes"
    return "--containerd" if component is Component.CONTAINERD else "--version"


def normalise(component: Component, asked: str | None, *, origin: str | None = None) -> str | None:
    """Return the exact version that a user means, without ``v``; ``None`` for the source's choice.

    ``1.27`` means the newest known patch of that minor. Raises ``UsageError`` for what is no
    version, for a Kubernetes before 1.27, for a containerd before 1.6 and for a minor of which
    no release is known.
    """
    origin = origin or option_for(component)
    if asked is None:
        return RECIPES[component].default
    if component in _WITHOUT_CHOICE:
        raise UsageError(
            _WITHOUT_CHOICE[component],
            value=asked,
            origin=origin,
            next_command=f"podresize artifacts get {component}",
        )
    shape = _SHAPE.fullmatch(asked.strip())
    if shape is None:
        raise UsageError(
            f"This is not a version of {component}.",
            value=asked,
            origin=origin,
            causes=(f"a version is written like {_example(component)}",),
            next_command="podresize artifacts list --available",
        )
    version = asked.strip().removeprefix("v")
    _refuse_too_old(component, version, origin=origin)
    if shape.group(3) is not None or component is Component.CRUN:  # crun 1.21 is a release
        return version
    found = newest_of_minor(version, known(component))
    if found is None:
        raise unknown(component, version, known(component), origin=origin)
    return found


def usable(component: Component, candidates: Iterable[str]) -> list[str]:
    """Return the candidates that are new enough to be tested, oldest first."""
    oldest = {Component.CONTAINERD: OLDEST_CONTAINERD} | dict.fromkeys(
        _KUBERNETES, FIRST_WITH_RESIZE
    )
    floor = oldest.get(component, Version("0"))

    def release(version: str) -> Version:
        return Version(version.split("-")[0])  # what follows may be a state of a branch, for Go

    return sorted((v for v in candidates if release(v) >= floor), key=release)


def unknown(
    component: Component,
    version: str,
    candidates: tuple[str, ...],
    *,
    origin: str | None = None,
    reasons: tuple[str, ...] = (),
) -> UsageError:
    """Return the error for a version that no source has, with the nearest that exist.

    ``reasons`` are what the sources said, one line each.
    """
    close = nearest(version, candidates)
    option = option_for(component)
    advice = (f"the nearest that exist: {', '.join(close)}",) if close else ()
    return UsageError(
        f"There is no {component} {version} that could be had.",
        value=version,
        origin=origin or option,
        causes=advice + reasons,
        next_command=(
            f"podresize artifacts get {component} {option} {close[-1]}"
            if close
            else "podresize artifacts list --available"
        ),
    )


def _example(component: Component) -> str:
    versions = known(component)
    return versions[-1] if versions else "1.2.3"


def _refuse_too_old(component: Component, version: str, *, origin: str) -> None:
    release = Version(version.split("-")[0])
    if component in _KUBERNETES and release < FIRST_WITH_RESIZE:
        raise UsageError(
            "Kubernetes has in-place Pod resize since 1.27 (alpha, behind the gate "
            f"InPlacePodVerticalScaling); {version} does not know it.",
            value=version,
            origin=origin,
            causes=(f"the oldest that can be tested: {KUBERNETES_FROM_MODULES[0]}",),
            next_command=f"podresize artifacts get kubernetes --kubernetes {DEFAULT_KUBERNETES}",
        )
    if component is Component.CONTAINERD and release < OLDEST_CONTAINERD:
        raise UsageError(
            f"containerd {version} does not serve CRI v1, which every kubelet since 1.26 requires.",
            value=version,
            origin=origin,
            causes=(f"the oldest that can be tested: {CONTAINERD_FROM_MODULES[0]}",),
            next_command=f"podresize artifacts get containerd --containerd {known(component)[0]}",
        )
