"""A runtime that is started for the run in a virtual machine: containerd, or an OCI runtime alone.

It is a node of the provider ``vm`` without Kubernetes: the same kept guest goes on, and the same
supervisor, guardian and init answer for it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.store import get as get_artifact
from podresize.artifacts.store import newest
from podresize.errors import UsageError
from podresize.providers import compatibility
from podresize.providers import host as hosts
from podresize.providers.beginning import Beginning, begin
from podresize.providers.child import Supervisor, Tell
from podresize.providers.local import state
from podresize.providers.local.layout import Layout
from podresize.providers.local.order import make_order
from podresize.providers.local.starting import make_room, start
from podresize.providers.runtimes import guest_handles, made
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import parts
from podresize.providers.vm.journal import keep_logs as keep_logs_of
from podresize.providers.vm.kept import KeptGuest, going_on, guest_for
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.machine_making import GUEST_READY_SECONDS
from podresize.providers.vm.runtime_making import RUNTIME
from podresize.providers.vm.steps import Steps
from podresize.requirements.runtime_target import RuntimeHandle, RuntimeTarget
from podresize.requirements.target import GUEST, Target

_UP = f"podresize runtime up --provider {GUEST}"
_OCI_RUNTIMES = ("runc", "crun")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a target is made of. ``kubernetes`` has the program by which a guest's speed is told."""

    kubernetes: Artifact
    parts: parts.Parts


def check_target(target: RuntimeTarget) -> None:
    """Raise ``UsageError`` for a target that no host can have in a virtual machine."""
    made.check_target(target)
    kind, _ = made.oci_runtime(target.oci_runtime)
    if kind not in _OCI_RUNTIMES:
        raise UsageError(
            "a guest has no such OCI runtime",
            value=target.oci_runtime,
            origin="--oci-runtime",
            causes=(
                f"{' and '.join(_OCI_RUNTIMES)} can be in one; of gVisor's it has neither the shim "
                "nor what that needs",
            ),
            next_command=f"podresize runtime up --oci-runtime {target.oci_runtime}",
        )


def check_host() -> hosts.Host:
    """Return the host's facts, or raise ``HostError`` with what keeps a guest from starting."""
    return guest_host.check()


def notes(*, accelerator: str | None = None) -> list[str]:
    """Return what is done differently on this host, one sentence each."""
    return [
        "the runtime is in a virtual machine with a kernel of its own",
        f"what runs it: {guest_host.what_runs(accelerator)}",
        "where its processor is emulated every limit is as many times longer as it is slower",
    ]


def node_target(target: RuntimeTarget) -> Target:
    """Return the cluster's target whose node's guest is this runtime's as well.

    What is of Kubernetes in it is never started, so it is the one that clusters get by default.
    """
    kind, _ = made.oci_runtime(target.oci_runtime)
    is_newest = target.containerd == made.NEWEST
    return Target(
        provider=GUEST,
        containerd=newest(Component.CONTAINERD) if is_newest else target.containerd,
        oci_runtime=kind,
        cgroup=target.cgroup,
        cgroup_driver=target.cgroup_driver,
        kernel=target.kernel,
        accelerator=target.accelerator,
    )


def gather(target: RuntimeTarget, *, progress: Progress | None = None) -> Gathered:
    """Return every artifact that the target needs, making what is not in the cache.

    Raises as ``vm.parts.gather_parts``, and ``UsageError`` for two that start no container
    together.
    """
    node = node_target(target)
    kind, version = made.oci_runtime(target.oci_runtime)
    # What is no kernel is told before minutes go into a build.
    guest_host.check_accelerator(node)
    parts.gather_kernel(node, progress=progress)
    if kind == "crun":
        crun = get_artifact(Component.CRUN, version, progress=progress, origin="--oci-runtime")
        compatibility.check_crun_limits(
            crun.version, cgroup_version=target.cgroup_version, driver=target.driver
        )
    if kind == "crun" and not target.alone:
        containerd = get_artifact(Component.CONTAINERD, node.containerd, progress=progress).version
        instead = f"{_UP} --oci-runtime crun@{compatibility.NEWER_CRUN}"
        compatibility.check_crun(
            *(crun.version, containerd), instead=f"{instead} --containerd {containerd}"
        )
    return Gathered(
        kubernetes=get_artifact(Component.KUBERNETES, node.kubernetes, progress=progress),
        parts=parts.gather_parts(node, oci_version=version, progress=progress),
    )


def up(
    target: RuntimeTarget,
    *,
    name: str | None = None,
    owner: int | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> RuntimeHandle:
    """Start a runtime and return when it takes calls and has the images. As ``made.up``.

    The first one of its kind boots the guest that later ones, and clusters, go on with.
    """
    beginning = begin(name, tell, state.RUNTIME)
    check_target(target)
    host = make_room(beginning.name, _UP, check_host)
    gathered = gather(target, progress=progress)
    order = dataclasses.asdict(make_order([gathered.kubernetes], None))
    beginning.tell("artifacts ready")
    guest = guest_for(
        *(node_target(target), gathered.parts, order, host),
        progress=progress or default_progress(),
        tell=beginning.tell,
    )
    with going_on(guest):
        return start(
            beginning,
            order
            | {
                "what": state.RUNTIME,
                "making": RUNTIME,
                "target": dataclasses.asdict(target),
                "joins": None,
                "guest": guest.to_json(),
            },
            owner=owner,
            patience=guest.kept.slowness,
            ready_seconds=GUEST_READY_SECONDS,
            wait_ready=lambda supervisor, layout, _: _wait_ready(
                *(supervisor, layout, target, host, guest, beginning)
            ),
        )


def keep_logs(handle: RuntimeHandle, directory: Path) -> None:
    """Copy one file per component into a directory that is made: see ``vm.journal``."""
    assert handle.logs is not None
    assert handle.agent is not None
    keep_logs_of(
        *(handle.logs, handle.agent, directory),
        units=("containerd",),
        slowness=handle.fingerprint.slowness,
    )


def _wait_ready(
    supervisor: Supervisor,
    layout: Layout,
    target: RuntimeTarget,
    host: hosts.Host,
    guest: KeptGuest,
    beginning: Beginning,
) -> RuntimeHandle:
    guest_layout, slowness = GuestLayout(layout), guest.kept.slowness
    for step in Steps(guest_layout.steps).read():
        beginning.tell_at(step.name, step.t)
    place = guest_handles.look(
        *(guest_layout.agent, host), slowness=slowness, accelerator=guest.machine.accelerator
    )
    guest_handles.check_cgroup_version(place, guest.machine.cgroup_version)
    if target.alone:
        handle = guest_handles.alone_handle(layout, target, place)
    else:
        handle = guest_handles.containerd_handle(layout, target, place, supervisor)
    beginning.tell("fingerprint taken")
    return handle
