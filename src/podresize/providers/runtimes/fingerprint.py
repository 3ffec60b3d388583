"""Detecting what a running runtime is, without Kubernetes.

Every value is asked of the part that knows it: the runtime's CRI answers, its OCI runtime's
program, the kernel. What the user asked for is not looked at.
"""

from __future__ import annotations

import platform
import shlex
from collections.abc import Callable
from pathlib import Path

from podresize.cri.client import RuntimeClient
from podresize.cri.oci_state import KEEPING
from podresize.errors import HarnessError
from podresize.providers.host import Host
from podresize.providers.oci_program import HandlerSettings, version_of
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize.requirements.target import UNKNOWN


def detect(
    cri: RuntimeClient,
    *,
    settings: HandlerSettings,
    handler: str,
    program: Path | None,
    ask: Callable[[Path], str],
    cgroup_driver: str,
    host: Host,
    limits: tuple[str, ...],
    os: str | None = None,
    slowness: float = 1.0,
    accelerator: str | None = None,
) -> RuntimeFingerprint:
    """Return the fingerprint of a runtime.

    ``program`` is the OCI runtime's, ``ask`` returns what it prints for ``--version``; one that
    is out of reach, None, or says nothing is ``unknown``. ``host`` are the facts of its machine,
    ``os`` its ``os_image``, None for this host's. Raises ``CriError``.
    """
    said = cri.version()
    name, release = UNKNOWN, UNKNOWN
    if program is not None:
        try:
            name, release = version_of(program, ask, handler=settings.handler)
        except HarnessError as error:
            limits += (f"no oci-version ({error.what})",)
    if name not in (UNKNOWN, *KEEPING):
        limits += (f"no oci-state ({name} keeps no resources of a container)",)
    return RuntimeFingerprint(
        runtime=said["runtime_name"],
        runtime_version=said["runtime_version"].removeprefix("v"),
        cri_version=said["runtime_api_version"].removeprefix("v"),
        oci_runtime=name,
        oci_runtime_version=release,
        handler=handler,
        cgroup_version=host.cgroup_version,
        cgroup_driver=cgroup_driver,
        kernel=host.kernel,
        os_image=os or os_image(),
        arch=host.arch,
        host_limits=limits,
        slowness=slowness,
        accelerator=accelerator,
    )


def os_image() -> str:
    """Return the operating system's name for people (os-release(5)), as a node's status has it."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return UNKNOWN


def os_image_in(release: str) -> str:
    """Return ``os_image`` of another machine, from the text of its os-release file."""
    for line in release.splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return "".join(shlex.split(value))  # quoted as for a shell
    return UNKNOWN


def cgroup_driver(settings: HandlerSettings) -> str:
    """Return the driver of a containerd's handler by its own settings."""
    return "systemd" if settings.options.get("SystemdCgroup") else "cgroupfs"
