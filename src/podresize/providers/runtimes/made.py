"""A runtime that is started for the run: containerd and an OCI runtime, as plain processes.

It is a local cluster without Kubernetes: the same supervisor, guardian and init answer for it, in
namespaces of its own (``providers.local``), so nothing of it is left however it ends.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.images import WORKLOAD
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import get as get_artifact
from podresize.artifacts.store import newest
from podresize.artifacts.versions import normalise
from podresize.cri.client import RuntimeClient
from podresize.cri.faults.catalogue import make as make_fault
from podresize.errors import HostError, UsageError
from podresize.providers import compatibility, inotify
from podresize.providers import host as hosts
from podresize.providers.beginning import begin
from podresize.providers.child import Supervisor, Tell
from podresize.providers.local import state
from podresize.providers.local.layout import Layout
from podresize.providers.local.order import make_order
from podresize.providers.local.starting import make_room, remove, start
from podresize.providers.oci_program import HandlerSettings, ask_program, handler_settings
from podresize.providers.runtimes import alone, fingerprint, limits, oci
from podresize.providers.runtimes.ready import status_when_ready
from podresize.requirements.runtime_target import OciHandle, RuntimeHandle, RuntimeTarget
from podresize.requirements.target import GUEST

NEWEST = "newest"
"""In place of a containerd's version: the newest that can be had."""
OCI_RUNTIMES = {
    "runc": Component.RUNC,
    "crun": Component.CRUN,
    "runsc": Component.RUNSC,
}
_ALONE = "podresize.providers.local.oci_making:OciMaking"
_BEHIND_CRI = "podresize.providers.local.runtime_making:RuntimeMaking"
_UP = "podresize runtime up"


def oci_runtime(text: str) -> tuple[str, str | None]:
    """Return kind and version, None for the host's own, of ``runc``, ``runc@1.3.3``, ``crun``.

    Raises ``UsageError`` for another kind and for what is no version.
    """
    kind, at, version = text.partition("@")
    if kind not in OCI_RUNTIMES or (at and not version):
        raise UsageError(
            "unknown OCI runtime",
            value=text,
            origin="--oci-runtime",
            causes=(f"known: {', '.join(OCI_RUNTIMES)}; a release is written like runc@1.3.3",),
            next_command=f"{_UP} --oci-runtime runc@1.3.3",
        )
    component = OCI_RUNTIMES[kind]
    return kind, normalise(component, version, origin="--oci-runtime") if at else None


def check_target(target: RuntimeTarget) -> None:
    """Raise ``UsageError`` for a target that no host can run."""
    kind, _ = oci_runtime(target.oci_runtime)
    compatibility.refuse_guests(target, up=_UP)
    if not target.is_in_guest:
        _check_machine(target)
    if target.alone:
        alone.check_target(target)
        return
    if target.handler not in ("", kind):
        raise UsageError(
            "this runtime would have no such handler",
            value=target.handler,
            origin="--handler",
            causes=(f"a containerd that is started here has one handler, {kind}",),
            next_command=f"{_up(target)} --oci-runtime {kind}",
        )
    if target.image is not None:
        raise UsageError(
            "a runtime that is started here has images of podresize's own",
            value=target.image,
            origin="--image",
            causes=("--image goes together with --cri-endpoint",),
            next_command=_up(target),
        )
    for fault in target.faults:
        make_fault(fault)
    if target.faults and not target.tap:
        raise UsageError(
            "a fault is the tap's, and there is none",
            value=", ".join(target.faults),
            origin="--fault",
            causes=("--tap was not given",),
            next_command=f"{_up(target)} --tap --fault {target.faults[0]}",
        )
    if target.containerd != NEWEST:
        normalise(Component.CONTAINERD, target.containerd)


def _up(target: RuntimeTarget) -> str:
    """Return the command that starts such a runtime, with the provider that was asked for."""
    return f"{_UP} --provider {GUEST}" if target.is_in_guest else _UP


def _check_machine(target: RuntimeTarget) -> None:
    compatibility.check_cgroup(target, hosts.cgroup_version(), up=_UP)
    if target.driver != "cgroupfs":
        raise UsageError(
            "a runtime of this host's processes has no such cgroup driver",
            value=target.driver,
            origin="--cgroup-driver",
            causes=("they run without systemd",),
            next_command=f"{_UP} --provider {GUEST} --cgroup-driver {target.driver}",
        )


def check_host() -> hosts.Host:
    """Return the host's facts, or raise ``HostError`` with what keeps a runtime from starting."""
    host = hosts.inspect()
    problems = host.problems(instances=inotify.INSTANCES_PER_RUNTIME)
    if problems:
        raise HostError(
            "no container runtime can be started on this host",
            value="; ".join(problem.what for problem in problems),
            origin="the host",
            causes=tuple(f"{problem.what}: {problem.remedy}" for problem in problems),
            next_command="podresize doctor",
        )
    return host


def notes(*, accelerator: str | None = None) -> list[str]:  # noqa: ARG001 (the interface's)
    """Return what is done differently on this host, one sentence each."""
    return hosts.inspect().adaptations(kubernetes=False)


def gather(target: RuntimeTarget, *, progress: Progress | None = None) -> list[Artifact]:
    """Return every artifact that the target needs, building what is not in the cache.

    Raises as ``artifacts.store.get``, and ``UsageError`` for two that start no container together.
    """
    kind, version = oci_runtime(target.oci_runtime)
    if target.alone:
        return [
            get_artifact(OCI_RUNTIMES[kind], version, progress=progress, origin="--oci-runtime"),
            get_artifact(Component.IMAGES, None, progress=progress),
        ]
    containerd = newest(Component.CONTAINERD) if target.containerd == NEWEST else target.containerd
    wanted: list[tuple[Component, str | None, str | None]] = [
        (Component.CONTAINERD, containerd, None),
        (OCI_RUNTIMES[kind], version, "--oci-runtime"),
        (Component.CNI, None, None),
        (Component.IMAGES, None, None),
    ]
    found = [
        get_artifact(what, which, progress=progress, origin=origin)
        for what, which, origin in wanted
    ]
    if kind == "crun":
        instead = f"{_UP} --oci-runtime crun@{compatibility.NEWER_CRUN}"
        compatibility.check_crun(
            *(found[1].version, found[0].version),
            instead=f"{instead} --containerd {found[0].version}",
        )
    return found


def up(
    target: RuntimeTarget,
    *,
    name: str | None = None,
    owner: int | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> RuntimeHandle:
    """Start a runtime and return when it takes calls and has the images.

    ``owner`` is the process with which it ends, None to keep it until ``down``. ``tell`` is called
    with each step and its time in seconds since the call. Raises as ``local.provider.up``.
    """
    beginning = begin(name, tell, state.RUNTIME)
    check_target(target)
    host = make_room(beginning.name, _UP, check_host)
    kind, _ = oci_runtime(target.oci_runtime)
    order = make_order(gather(target, progress=progress), kind)
    program = Path(order.runtimes[kind])
    beginning.tell("artifacts ready")
    return start(
        beginning,
        dataclasses.asdict(order)
        | {
            "what": state.RUNTIME,
            "making": _ALONE if target.alone else _BEHIND_CRI,
            "target": dataclasses.asdict(target),
            "joins": None,
        },
        owner=owner,
        wait_ready=lambda supervisor, layout, init: (
            alone.make_handle(layout, kind, host, init, program)
            if target.alone
            else _wait_ready(*(supervisor, layout, target, host, init, beginning.tell))
        ),
    )


def down(name: str) -> None:
    """Remove a runtime. Raises as ``local.provider.down``."""
    remove(name, state.RUNTIME)


def _wait_ready(
    supervisor: Supervisor,
    layout: Layout,
    target: RuntimeTarget,
    host: hosts.Host,
    init: int,
    tell: Any,
) -> RuntimeHandle:
    with RuntimeClient(f"unix://{layout.cri_socket(tap=target.tap)}") as cri:
        info = status_when_ready(cri, supervisor)
        tell("runtime answers")
        settings = handler_settings(info, target.handler)
        program = _program(settings)
        found = fingerprint.detect(
            cri,
            settings=settings,
            handler=target.handler,
            program=program,
            ask=ask_program,
            cgroup_driver=fingerprint.cgroup_driver(settings),
            host=host,
            limits=limits.host_limits(host),
        )
        tell("fingerprint taken")
    return RuntimeHandle(
        endpoint=cri.endpoint,
        name=layout.name,
        image=WORKLOAD,
        cgroup_mounts=host.cgroup_mounts,
        # The runtime tells pids of its own namespace.
        proc=Path(f"/proc/{init}/root/proc"),
        cgroup_parent=layout.cgroup,
        oci=OciHandle(
            kind=oci_runtime(target.oci_runtime)[0],
            program=oci.write_program(layout.run / program.name, program, init=init),
            root=layout.oci_root / oci.NAMESPACE,
        ),
        fingerprint=found,
        logs=layout.logs,
        control=str(layout.control_socket),
        calls=layout.calls if target.tap else None,
        faults=target.faults,
    )


def _program(settings: HandlerSettings) -> Path:
    """Return the OCI runtime's program: gVisor's shim has it in a file of its own."""
    path = settings.config_path
    if path is None:
        return settings.program
    return oci.configured_program(path)


def keep_logs(handle: RuntimeHandle, directory: Path) -> None:
    """Copy one file per component into a directory that is made. Raises ``OSError``."""
    assert handle.logs is not None
    shutil.copytree(handle.logs, directory, dirs_exist_ok=True)
