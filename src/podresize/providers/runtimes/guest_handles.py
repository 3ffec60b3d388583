"""What a guest's runtime is found to be, and how it is reached: by its agent, and by the relay."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from podresize.artifacts.images import WORKLOAD
from podresize.cri.client import CALL_TIMEOUT, RuntimeClient
from podresize.errors import HarnessError
from podresize.guest.client import PATIENCE_SECONDS, Agent
from podresize.guest.kernel import GuestKernel
from podresize.providers import host as hosts
from podresize.providers.child import Supervisor
from podresize.providers.local.layout import Layout
from podresize.providers.oci_program import handler_settings
from podresize.providers.runtimes import alone, fingerprint, oci
from podresize.providers.runtimes.limits import host_limits
from podresize.providers.runtimes.made import oci_runtime
from podresize.providers.runtimes.ready import status_when_ready
from podresize.providers.vm.configuration import guest_host
from podresize.providers.vm.guest_agent import Guest, connected
from podresize.providers.vm.layout import (
    GUEST_BUNDLES,
    GUEST_OCI_ROOT,
    GUEST_OCI_RUNTIMES,
    GUEST_PROC,
    GUEST_ROOTFS,
    RUNTIME_CGROUP,
)
from podresize.requirements.runtime_target import OciHandle, RuntimeHandle, RuntimeTarget

_OS_RELEASE = Path("/etc/os-release")
_FLAGS = {"systemd": ("--systemd-cgroup",)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuestPlace:
    """A guest as it was found. ``host`` are the facts of it that a runtime depends on."""

    agent: Path
    guest: Guest
    host: hosts.Host
    os: str
    limits: tuple[str, ...]
    slowness: float
    accelerator: str

    def ask(self, program: Path) -> str:
        """Return what a program of the guest prints for ``--version``. Raises ``HarnessError``."""
        return self.guest.run(str(program), "--version")


def look(agent: Path, host: hosts.Host, *, slowness: float, accelerator: str) -> GuestPlace:
    """Return what the guest behind an agent's socket is. Raises ``HarnessError``."""
    kernel = GuestKernel(Agent(agent, patience=PATIENCE_SECONDS * slowness), {}, proc=GUEST_PROC)
    version, mounts = hosts.cgroup_mounts(kernel.read(GUEST_PROC / "self/mountinfo"))
    found = dataclasses.replace(
        guest_host(host, cgroup_version=version),
        cgroup_mounts=mounts,
        kernel=kernel.read(GUEST_PROC / "sys/kernel/osrelease").strip(),
    )
    return GuestPlace(
        agent=agent,
        guest=connected(agent, patience=slowness),
        host=found,
        os=fingerprint.os_image_in(kernel.read(_OS_RELEASE)),
        limits=host_limits(found, kernel=kernel),
        slowness=slowness,
        accelerator=accelerator,
    )


def check_cgroup_version(place: GuestPlace, wanted: int) -> None:
    """Raise ``HarnessError`` for a guest with another version than its kernel was told."""
    if place.host.cgroup_version != wanted:
        raise HarnessError(
            "the guest has another cgroup version than its kernel was told",
            value=f"v{place.host.cgroup_version}, not v{wanted}",
            origin="its /proc/self/mountinfo",
            causes=("its systemd has no such version any more (v1: to 257)",),
            next_command="podresize runtime up --provider vm --cgroup v2",
        )


def containerd_handle(
    layout: Layout, target: RuntimeTarget, place: GuestPlace, supervisor: Supervisor
) -> RuntimeHandle:
    """Return how the guest's containerd is reached, once it takes calls and has the images."""
    endpoint = f"unix://{layout.cri_socket(tap=target.tap)}"
    with RuntimeClient(endpoint, timeout=CALL_TIMEOUT * place.slowness) as cri:
        info = status_when_ready(cri, supervisor, slowness=place.slowness)
        settings = handler_settings(info, target.handler)
        driver = fingerprint.cgroup_driver(settings)
        found = fingerprint.detect(
            cri,
            settings=settings,
            handler=target.handler,
            program=settings.program,
            ask=place.ask,
            cgroup_driver=driver,
            host=place.host,
            limits=place.limits,
            os=place.os,
            slowness=place.slowness,
            accelerator=place.accelerator,
        )
    _check_driver(driver, target)
    return RuntimeHandle(
        endpoint=endpoint,
        name=layout.name,
        image=WORKLOAD,
        cgroup_mounts=place.host.cgroup_mounts,
        proc=GUEST_PROC,
        cgroup_parent=cgroup_parent(driver),
        oci=OciHandle(
            kind=oci_runtime(target.oci_runtime)[0],
            program=settings.program,
            root=(settings.root or oci.DEFAULT_ROOT) / oci.NAMESPACE,
            flags=_FLAGS.get(driver, ()),
        ),
        fingerprint=found,
        logs=layout.logs,
        control=str(layout.control_socket),
        calls=layout.calls if target.tap else None,
        faults=target.faults,
        agent=str(place.agent),
    )


def alone_handle(layout: Layout, target: RuntimeTarget, place: GuestPlace) -> RuntimeHandle:
    """Return how the guest's OCI runtime is called, and what it is."""
    kind, _ = oci_runtime(target.oci_runtime)
    program, driver = GUEST_OCI_RUNTIMES / kind, target.driver
    return RuntimeHandle(
        endpoint="",
        name=layout.name,
        image=str(GUEST_ROOTFS),
        cgroup_mounts=place.host.cgroup_mounts,
        proc=GUEST_PROC,
        cgroup_parent=cgroup_parent(driver),
        oci=OciHandle(
            kind=kind,
            program=program,
            root=GUEST_OCI_ROOT,
            bundles=GUEST_BUNDLES,
            flags=_FLAGS.get(driver, ()),
        ),
        fingerprint=alone.detect(
            *(kind, program, place.host),
            limits=place.limits,
            ask=place.ask,
            cgroup_driver=driver,
            os=place.os,
            slowness=place.slowness,
            accelerator=place.accelerator,
        ),
        logs=layout.logs,
        control=str(layout.control_socket),
        agent=str(place.agent),
    )


def cgroup_parent(driver: str) -> str:
    """Return the cgroup below which sandboxes are made, as a runtime with this driver wants it."""
    return f"{RUNTIME_CGROUP}.slice" if driver == "systemd" else RUNTIME_CGROUP


def _check_driver(driver: str, target: RuntimeTarget) -> None:
    if driver != target.driver:
        raise HarnessError(
            "the guest's containerd has another cgroup driver than it was given",
            value=driver,
            origin="its own configuration, by CRI Status",
        )
