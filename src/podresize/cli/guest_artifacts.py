"""``podresize artifacts get guest-...``: the parts of a guest that are made of other artifacts."""

from __future__ import annotations

from pathlib import Path

from podresize.artifacts import versions
from podresize.artifacts.artifact import Component
from podresize.artifacts.guest import reasons_told
from podresize.artifacts.guest_kernel import guest_kernel
from podresize.artifacts.guest_node import guest_node
from podresize.artifacts.guest_os import guest_os
from podresize.artifacts.progress import default_progress
from podresize.artifacts.store import Store
from podresize.errors import UsageError

# The options that mean something to each.
_OPTIONS: dict[Component, tuple[str, ...]] = {
    Component.GUEST_OS: (),
    Component.GUEST_KERNEL: ("--kernel",),
    Component.GUEST_NODE: ("--kubernetes", "--containerd", "--oci-runtime"),
}


def is_guest_part(component: str) -> bool:
    """Return whether it is made here, and not simply fetched or built."""
    return component in _OPTIONS


def refuse_options(component: str, options: dict[str, str | None]) -> None:
    """Raise ``UsageError`` for an option, with its value, that means nothing to a component.

    For what is no part of a guest, the options that only a guest's parts have are meant.
    """
    known = _OPTIONS.get(Component(component), ()) if is_guest_part(component) else ()
    for option, value in options.items():
        if value is None or option in known:
            continue
        of = [part for part, theirs in _OPTIONS.items() if option in theirs]
        causes = [f"it belongs to {of[0]}" if of else "a guest's parts are made for this host"]
        if is_guest_part(component):
            causes.append(f"{component} takes {', '.join(known) or 'no option'}")
        raise UsageError(
            f"{option} does not go together with {component}.",
            value=value,
            origin=option,
            causes=tuple(causes),
            next_command=f"podresize artifacts get {component}",
        )


def get_guest_part(
    component: Component,
    *,
    kubernetes: str | None,
    containerd: str | None,
    kernel: str | None,
    oci_runtime: str | None,
) -> list[Path]:
    """Return the files of a part. Raises as what makes it does."""
    store, progress = Store(), default_progress()
    if component is Component.GUEST_KERNEL:
        with reasons_told(component):
            made = guest_kernel(kernel, store=store, progress=progress)
        return [made.image, made.initrd, made.modules, made.config, made.packages]
    if component is Component.GUEST_OS:
        return list(guest_os(store=store, progress=progress).files.values())
    # A typing error is said before anything is fetched.
    versions.normalise(Component.KUBERNETES, kubernetes)
    versions.normalise(Component.CONTAINERD, containerd)
    node = guest_node(kubernetes, containerd, oci_runtime or "runc", store=store, progress=progress)
    return list(node.files.values())
