"""A container runtime as the stack under test, without Kubernetes: asked for, and found."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from podresize.requirements.target import (
    ACCELERATORS,
    DEFAULT_PROVIDER,
    GUEST,
    is_emulation,
    own_cgroup_version,
    own_driver,
)

RUNTIME_MAKERS = (DEFAULT_PROVIDER, GUEST)
"""The providers that make a runtime alone."""
DEFAULT_HANDLER = ""
"""CRI's own name for it: whatever handler the runtime takes when none is asked for."""
NO_RUNTIME = ""
"""The name and the versions of the CRI runtime where an OCI runtime stands alone."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeTarget:
    """What a user asks for. Versions carry no leading ``v``.

    With ``endpoint`` (``unix:///path``) it is the runtime that listens there, and neither
    ``containerd`` nor ``oci_runtime`` mean anything; without, a containerd of that release is
    started with that OCI runtime (``runc``, ``crun``, ``runsc``; ``runc@1.3.3`` for a release other
    than the operating system's). ``handler`` is the runtime handler of the sandboxes
    (RunPodSandboxRequest.runtime_handler). ``image`` is one that the runtime at ``endpoint`` has or
    can pull, instead of our own. ``tap`` and ``faults`` are as in ``Target``. With ``alone`` the
    OCI runtime is driven directly: no ``containerd`` is started, and nothing speaks CRI.

    ``provider`` (of ``RUNTIME_MAKERS``) makes it: of processes of this host, or in a guest.
    ``cgroup``, ``cgroup_driver``, ``kernel`` and ``accelerator`` are as in ``Target``.
    """

    endpoint: str | None = None
    containerd: str = "1.6.36"
    oci_runtime: str = "runc"
    handler: str = DEFAULT_HANDLER
    image: str | None = None
    tap: bool = False
    faults: tuple[str, ...] = ()
    alone: bool = False
    provider: str = DEFAULT_PROVIDER
    cgroup: str | None = None
    cgroup_driver: str | None = None
    kernel: str | None = None
    accelerator: str = ACCELERATORS[0]

    @property
    def is_made(self) -> bool:
        """Whether it is started for the run."""
        return self.endpoint is None

    @property
    def is_in_guest(self) -> bool:
        """Whether it is made in a machine of its own."""
        return self.provider == GUEST

    @property
    def driver(self) -> str:
        """The cgroup driver: the provider's own where none was asked for."""
        return own_driver(self.provider, self.cgroup_driver) or "cgroupfs"

    @property
    def cgroup_version(self) -> int | None:
        """The cgroup version, 1 or 2; None for this host's."""
        return own_cgroup_version(self.provider, self.cgroup)

    def __str__(self) -> str:
        if self.alone:
            return f"{self.oci_runtime} alone{self._machine}"
        text = (
            f"containerd {self.containerd}, {self.oci_runtime}"
            if self.is_made
            else f"the runtime at {self.endpoint}"
        )
        if self.handler:
            text += f", handler {self.handler}"
        if self.tap:
            text += ", tap"
        return text + "".join(f", fault {each}" for each in self.faults) + self._machine

    @property
    def _machine(self) -> str:
        """What of the machine is not as it would be by itself, each after a comma."""
        asked = {
            "cgroup driver": self.cgroup_driver,
            "cgroup": self.cgroup,
            "kernel": self.kernel,
            "accelerator": None if self.accelerator == ACCELERATORS[0] else self.accelerator,
            "provider": None if self.provider == DEFAULT_PROVIDER else self.provider,
        }
        return "".join(f", {name} {value}" for name, value in asked.items() if value is not None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFingerprint:
    """What was detected of a runtime; never what was asked for.

    ``runtime``, ``runtime_version`` and ``cri_version`` come from the CRI ``Version`` call,
    ``oci_runtime`` and ``oci_runtime_version`` from the program that the runtime calls for
    ``handler``; ``unknown`` where nobody within reach can say. ``cgroup_driver`` is ``cgroupfs`` or
    ``systemd`` from the cgroup of a container. ``host_limits`` names what the host or the runtime
    withholds (``no CAP_SYS_RESOURCE``, ``no oci-state``), each a reason for ``unsupported``.
    Of an OCI runtime alone ``runtime``, ``runtime_version`` and ``cri_version`` are ``NO_RUNTIME``,
    so that no deviation of a CRI runtime is catalogued for it. ``slowness`` and ``accelerator`` are
    as in ``Fingerprint``.
    """

    runtime: str
    runtime_version: str
    cri_version: str
    oci_runtime: str
    oci_runtime_version: str
    handler: str
    cgroup_version: int
    cgroup_driver: str
    kernel: str
    os_image: str
    arch: str
    host_limits: tuple[str, ...] = ()
    slowness: float = 1.0
    accelerator: str | None = None

    @property
    def is_emulated(self) -> bool:
        """Whether the processor that it runs on is emulated."""
        return is_emulation(self.accelerator, self.slowness)

    def patience(self, seconds: float) -> float:
        """Return how long it may take for what another may take so many seconds for."""
        return seconds * self.slowness

    @property
    def is_alone(self) -> bool:
        """Whether it is an OCI runtime that no CRI runtime calls."""
        return self.runtime == NO_RUNTIME

    def __str__(self) -> str:
        cri = "" if self.is_alone else f"{self.runtime} {self.runtime_version}, "
        text = (
            f"{cri}{self.oci_runtime} {self.oci_runtime_version}"
            f"{' alone' if self.is_alone else ''}, "
            f"cgroup v{self.cgroup_version} {self.cgroup_driver}"
        )
        if self.handler:
            text += f", handler {self.handler}"
        return f"{text}, emulated" if self.is_emulated else text

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object with every field; ``host_limits`` becomes a list.

        But for a slowness of 1 and an accelerator where there is none: what was stored before there
        were these is what would be stored now.
        """
        raw = dataclasses.asdict(self) | {"host_limits": list(self.host_limits)}
        if self.slowness == 1.0:
            del raw["slowness"]
        if self.accelerator is None:
            del raw["accelerator"]
        return raw

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> RuntimeFingerprint:
        """Rebuild from ``to_json``; an unknown key is a ``TypeError``."""
        return cls(**(raw | {"host_limits": tuple(raw.get("host_limits", ()))}))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OciHandle:
    """How the program behind a runtime is asked of a container, from this host.

    ``kind`` is ``runc``, ``crun`` or ``runsc``, ``program`` its path here, ``root`` what it is
    given as ``--root`` for the containers of this CRI runtime. ``bundles`` is where bundles are
    made for one that stands alone, None where a CRI runtime makes them. ``flags`` come before the
    words of each call (``--systemd-cgroup``). Of a runtime in a guest all paths are the guest's.
    """

    kind: str
    program: Path
    root: Path
    bundles: Path | None = None
    flags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; paths become strings."""
        return {
            "kind": self.kind,
            "program": str(self.program),
            "root": str(self.root),
            "bundles": None if self.bundles is None else str(self.bundles),
            "flags": list(self.flags),
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> OciHandle:
        """Rebuild from ``to_json``."""
        return cls(
            kind=raw["kind"],
            program=Path(raw["program"]),
            root=Path(raw["root"]),
            bundles=Path(raw["bundles"]) if raw["bundles"] else None,
            flags=tuple(raw.get("flags", ())),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeHandle:
    """A running runtime as plain data, which another process can use.

    ``endpoint`` is where clients and witnesses ask: the tap's where there is one. ``name`` is that
    of a runtime that we started, None for another. ``image`` and its meaning are as in
    ``ClusterHandle.workload_image``. ``cgroup_mounts`` maps each controller (v2: ``unified``) to
    its mount point as this host sees it, ``proc`` is a procfs in which the pids that the runtime
    tells are right, None where they are not to be seen. ``cgroup_parent`` is the cgroup below which
    sandboxes are made, relative to each mount. ``oci`` is None where the program is out of reach.
    ``control``, ``logs``, ``calls`` and ``faults`` are as in ``NodeHandle``. Of an OCI runtime
    alone ``endpoint`` is empty, ``image`` the directory of its containers' root file system.

    ``agent`` is as in ``NodeHandle``: of a runtime in a guest ``cgroup_mounts``, ``proc``, ``oci``
    and such an ``image`` are in the guest, for ``runtimes.reaching`` alone to follow. Under systemd
    ``cgroup_parent`` is a slice.
    """

    endpoint: str
    name: str | None
    image: str
    cgroup_mounts: dict[str, Path]
    proc: Path | None
    cgroup_parent: str
    oci: OciHandle | None
    fingerprint: RuntimeFingerprint
    logs: Path | None = None
    control: str | None = None
    calls: Path | None = None
    faults: tuple[str, ...] = ()
    agent: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object for ``workerinput`` or a state file."""
        return {
            "endpoint": self.endpoint,
            "name": self.name,
            "image": self.image,
            "cgroup_mounts": {key: str(path) for key, path in self.cgroup_mounts.items()},
            "proc": None if self.proc is None else str(self.proc),
            "cgroup_parent": self.cgroup_parent,
            "oci": None if self.oci is None else self.oci.to_json(),
            "fingerprint": self.fingerprint.to_json(),
            "logs": None if self.logs is None else str(self.logs),
            "control": self.control,
            "calls": None if self.calls is None else str(self.calls),
            "faults": list(self.faults),
            "agent": self.agent,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> RuntimeHandle:
        """Rebuild from ``to_json``."""
        return cls(
            endpoint=raw["endpoint"],
            name=raw["name"],
            image=raw["image"],
            cgroup_mounts={key: Path(path) for key, path in raw["cgroup_mounts"].items()},
            proc=Path(raw["proc"]) if raw["proc"] else None,
            cgroup_parent=raw["cgroup_parent"],
            oci=OciHandle.from_json(raw["oci"]) if raw["oci"] else None,
            fingerprint=RuntimeFingerprint.from_json(raw["fingerprint"]),
            logs=Path(raw["logs"]) if raw["logs"] else None,
            control=raw["control"],
            calls=Path(raw["calls"]) if raw["calls"] else None,
            faults=tuple(raw["faults"]),
            agent=raw.get("agent"),
        )
