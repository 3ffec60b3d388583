"""An OCI runtime alone: its program, within namespaces that are made for it.

There is nothing that runs: a supervisor, a guardian and an init as for a runtime that is made
(``made``), no component in it, and the program is called there. What it starts are the init's
orphans and end with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from podresize.errors import HarnessError, UsageError
from podresize.providers.host import Host
from podresize.providers.local.layout import Layout
from podresize.providers.oci_program import ask_program, version_of
from podresize.providers.runtimes import fingerprint, oci
from podresize.providers.runtimes.limits import host_limits, oci_limits
from podresize.requirements.runtime_target import (
    NO_RUNTIME,
    OciHandle,
    RuntimeFingerprint,
    RuntimeHandle,
    RuntimeTarget,
)
from podresize.requirements.target import UNKNOWN

_ALONE = "an OCI runtime alone"
# Of gVisor: the platform that needs nothing of the host, and no network whose addresses it would
# take for its own.
_FLAGS = {"runsc": ("--platform=systrap", "--network=none")}


def check_target(target: RuntimeTarget) -> None:
    """Raise ``UsageError`` for what only a CRI runtime has."""
    usual = RuntimeTarget()
    given = {
        "--cri-endpoint": target.endpoint,
        "--containerd": target.containerd if target.containerd != usual.containerd else None,
        "--handler": target.handler,
        "--image": target.image,
        "--tap": "a tap" if target.tap else None,
        "--fault": ", ".join(target.faults),
    }
    wrong = {option: value for option, value in given.items() if value}
    if wrong:
        raise UsageError(
            f"{_ALONE} has none",
            value=", ".join(wrong.values()),
            origin=", ".join(wrong),
            causes=("with --oci-alone no containerd is started and nothing speaks CRI",),
            next_command=f"podresize certify-runtime --oci-alone "
            f"--oci-runtime {target.oci_runtime}",
        )


def make_handle(layout: Layout, kind: str, host: Host, init: int, program: Path) -> RuntimeHandle:
    """Return how the program is called in the namespaces of an init, and what it is."""
    return RuntimeHandle(
        endpoint="",
        name=layout.name,
        image=str(layout.rootfs),
        cgroup_mounts=host.cgroup_mounts,
        proc=Path(f"/proc/{init}/root/proc"),
        cgroup_parent=layout.cgroup,
        oci=OciHandle(
            kind=kind,
            program=oci.write_program(
                *(layout.run / program.name, program),
                init=init,
                flags=_FLAGS.get(kind, ()),
                network=True,
            ),
            root=layout.oci_root,
            bundles=layout.bundles,
        ),
        fingerprint=detect(kind, program, host, limits=host_limits(host)),
        logs=layout.logs,
        control=str(layout.control_socket),
    )


def detect(
    kind: str,
    program: Path,
    host: Host,
    *,
    limits: tuple[str, ...],
    ask: Callable[[Path], str] = ask_program,
    cgroup_driver: str = "cgroupfs",
    os: str | None = None,
    slowness: float = 1.0,
    accelerator: str | None = None,
) -> RuntimeFingerprint:
    """Return the fingerprint of an OCI runtime alone: as ``fingerprint.detect``, without CRI.

    ``cgroup_driver`` is what the program is called for.
    """
    found = (*limits, f"no cri ({_ALONE})", *oci_limits(kind))
    name, release = UNKNOWN, UNKNOWN
    try:
        name, release = version_of(program, ask, handler=kind)
    except HarnessError as error:
        found += (f"no oci-version ({error.what})",)
    return RuntimeFingerprint(
        runtime=NO_RUNTIME,
        runtime_version=NO_RUNTIME,
        cri_version=NO_RUNTIME,
        oci_runtime=name,
        oci_runtime_version=release,
        handler="",
        cgroup_version=host.cgroup_version,
        cgroup_driver=cgroup_driver,
        kernel=host.kernel,
        os_image=os or fingerprint.os_image(),
        arch=host.arch,
        host_limits=found,
        slowness=slowness,
        accelerator=accelerator,
    )
