"""The stack under test: what was asked for (target) and what was found (fingerprint)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.version import Version

MAKERS = ("local", "kind", "vm")
"""The providers that make clusters."""
EXISTING = "kubeconfig"
"""The provider that makes no cluster: what it reaches is whatever is there."""
PROVIDERS = (*MAKERS, EXISTING)
DEFAULT_PROVIDER = MAKERS[0]
GATED = ("apiserver", "scheduler", "controller-manager", "kubelet")
"""The components that are given the feature gate."""
CGROUP_DRIVERS = ("systemd", "cgroupfs")
CGROUP_VERSIONS = ("v1", "v2")
ACCELERATORS = ("auto", "kvm", "tcg")
EMULATION = ACCELERATORS[-1]
_OWN_CGROUPS = {"vm": "v2"}
_OWN_DRIVERS = {"local": "cgroupfs", "kind": "systemd", "vm": "systemd"}
GUEST = "vm"
"""The provider whose nodes bring a kernel of their own."""
UNKNOWN = "unknown"
"""What no witness within reach could say of a target."""
# The kubelet's default (KubeletConfiguration v1beta1, syncFrequency).
SYNC_SECONDS = 60.0


LIMITED_SWAP = "LimitedSwap"


RESIZE_WORK_SECONDS = 0.6
"""What one resize takes of a node's processor, at full speed: a node that was 17.6 times slower had
done one after 2.1 to 4.4 s, after 10.4 s where it did two at once, another node after 0.6 s."""


def own_driver(provider: str, asked: str | None) -> str | None:
    """Return the cgroup driver of a provider's nodes: the one that was asked for, or its own."""
    return asked or _OWN_DRIVERS.get(provider)


def own_cgroup_version(provider: str, asked: str | None) -> int | None:
    """Return the cgroup version, 1 or 2, of a provider's nodes; None for that of this host."""
    version = asked or _OWN_CGROUPS.get(provider)
    return None if version is None else CGROUP_VERSIONS.index(version) + 1


def is_emulation(accelerator: str | None, slowness: float) -> bool:
    """Return whether a machine's processor is emulated.

    Of a record of before there was ``Fingerprint.accelerator`` its slowness tells.
    """
    return slowness > 1.0 if accelerator is None else accelerator == EMULATION


def kubelet_settings(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return settings of the kubelet's configuration as ``Target.kubelet`` holds them."""
    return tuple((key, json.dumps(settings[key], sort_keys=True)) for key in sorted(settings))


_OF_WHAT_IS_THERE = frozenset(
    {"kubeconfig", "context", "namespace", "image", "node_selector", "runtime_class"}
)
_OF_WHAT_IS_MADE = frozenset(
    {"kubernetes", "containerd", "oci_runtime", "gate", "cpu_manager_policy", "kubelet_config"}
    | {"memory_manager_policy", "cgroup_driver", "kubelet", "worker_nodes", "tap", "faults"}
    | {"gate_off_in", "manifests", "cgroup", "kernel", "accelerator"}
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a user asks a provider for. Versions carry no leading ``v``.

    ``oci_runtime`` is ``runc`` or ``crun``, the host's own, or a release of it (``crun@1.21``).
    ``kubelet`` are further settings of the kubelet's configuration, made by ``kubelet_settings``:
    pairs of a key and its value as JSON, so that targets can be compared and be keys. They win over
    ``kubelet_config``, a file with such settings, as that does over the rest. ``cgroup_driver`` is
    ``systemd`` or ``cgroupfs``, None for the provider's own. ``worker_nodes`` are nodes beside that
    of the control plane, on the first of which the checks' pods run then. With ``tap`` a proxy
    between kubelet and runtime tells every call (``cri.tap``), and changes none but by ``faults``
    (``cri.faults``): what a good runtime is made to do wrong. ``gate_off_in`` are components (of
    ``GATED``) that have the gate off where the others have it on, ``manifests`` files of objects
    that the cluster gets when its apiserver answers: these too make a bad stack of a good one.

    ``cgroup`` is ``v1`` or ``v2``, None for what the node has by itself. ``kernel`` is that of a
    node in a virtual machine, a package of the OS or a file, None for a default; ``accelerator`` is
    what runs that machine: ``kvm``, ``tcg`` (emulation), or ``auto``, the first where it works.

    ``kubeconfig``, ``context``, ``namespace``, ``image``, ``node_selector`` (``key=value``) and
    ``runtime_class`` are for the provider ``kubeconfig``, to which all the others mean nothing.
    """

    provider: str = DEFAULT_PROVIDER
    kubernetes: str = "1.27.4"
    containerd: str = "1.6.36"
    oci_runtime: str = "runc"
    gate: bool = True
    cpu_manager_policy: str = "none"
    memory_manager_policy: str = "None"
    kubelet_config: Path | None = None
    kubelet: tuple[tuple[str, str], ...] = ()
    cgroup_driver: str | None = None
    worker_nodes: int = 0
    tap: bool = False
    faults: tuple[str, ...] = ()
    gate_off_in: tuple[str, ...] = ()
    manifests: tuple[Path, ...] = ()
    cgroup: str | None = None
    kernel: str | None = None
    accelerator: str = ACCELERATORS[0]
    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None
    image: str | None = None
    node_selector: tuple[str, ...] = ()
    runtime_class: str | None = None

    @property
    def oci_name(self) -> str:
        """The OCI runtime without its release: ``crun`` of ``crun@1.21``."""
        return self.oci_runtime.partition("@")[0]

    @property
    def oci_release(self) -> str | None:
        """The OCI runtime's release, None for the one that the host's distribution has."""
        return self.oci_runtime.partition("@")[2] or None

    @property
    def driver(self) -> str | None:
        """The cgroup driver of kubelet and runtime: the provider's own where none was asked for.

        None of a provider that makes no cluster.
        """
        return own_driver(self.provider, self.cgroup_driver)

    @property
    def cgroup_version(self) -> int | None:
        """The node's cgroup version, 1 or 2; None for that of whatever kernel it has."""
        return own_cgroup_version(self.provider, self.cgroup)

    @property
    def wants_swap(self) -> bool:
        """Whether its kubelet lets containers swap (KubeletConfiguration memorySwap)."""
        swap = self.kubelet_overrides.get("memorySwap")
        return isinstance(swap, dict) and swap.get("swapBehavior") == LIMITED_SWAP

    @property
    def of_no_use(self) -> dict[str, Any]:
        """What was asked for, by field, and means nothing to the provider.

        A value that is the default cannot be told from one that nobody named.
        """
        other = _OF_WHAT_IS_MADE if self.provider == EXISTING else _OF_WHAT_IS_THERE
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name in other and getattr(self, field.name) != field.default
        }

    @property
    def wrongs(self) -> tuple[str, ...]:
        """Whatever makes it a stack that nobody has, one phrase each."""
        return (
            *(f"fault {each}" for each in self.faults),
            *(f"gate off in the {each}" for each in self.gate_off_in),
            *(f"manifest {each.name}" for each in self.manifests),
        )

    @property
    def kubelet_overrides(self) -> dict[str, Any]:
        """The settings of ``kubelet`` as the configuration has them."""
        return {key: json.loads(value) for key, value in self.kubelet}

    def __str__(self) -> str:
        if self.provider == EXISTING:
            context = f", context {self.context}" if self.context else ""
            return f"the cluster of {self.kubeconfig}{context}"
        gate = "on" if self.gate else "off"
        text = (
            f"kubernetes {self.kubernetes}, containerd {self.containerd}, "
            f"{self.oci_runtime}, gate {gate}"
        )
        if self.cpu_manager_policy != "none":
            text += f", cpu manager {self.cpu_manager_policy}"
        if self.memory_manager_policy != "None":
            text += f", memory manager {self.memory_manager_policy}"
        if self.cgroup_driver is not None:
            text += f", cgroup driver {self.cgroup_driver}"
        if self.cgroup is not None:
            text += f", cgroup {self.cgroup}"
        if self.kernel is not None:
            text += f", kernel {self.kernel}"
        if self.accelerator != ACCELERATORS[0]:
            text += f", accelerator {self.accelerator}"
        if self.worker_nodes:
            text += f", worker nodes {self.worker_nodes}"
        if self.tap:
            text += ", tap"
        text += "".join(f", {each}" for each in self.wrongs)
        if self.provider != DEFAULT_PROVIDER:
            text += f", provider {self.provider}"
        return text + "".join(f", {key} {value}" for key, value in self.kubelet)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What was detected on a running target; never what was asked for.

    ``kubernetes`` is the apiserver's version, ``kubelet`` the node's; both without the ``v``.
    ``runtime`` and ``runtime_version`` come from the CRI ``Version`` call, ``oci_runtime_version``
    from the binary the runtime calls. ``cgroup_version`` is 1 or 2, ``cgroup_driver`` is
    ``cgroupfs`` or ``systemd`` from the kubelet's configz. ``gate`` is what the apiserver's
    ``kubernetes_feature_enabled`` metric says of InPlacePodVerticalScaling. ``host_limits`` names
    what the host withholds (for example ``no CAP_SYS_RESOURCE``), each a reason for
    ``unsupported``. ``memory_manager_policy`` (``None`` or ``Static``) and ``sync_seconds``, the
    kubelet's syncFrequency, come from its configz.

    ``view`` is ``node`` where the witnesses reach the node itself, ``container`` where the kernel
    is read from inside the pods' containers and the runtime is out of reach. There ``runtime`` and
    ``runtime_version`` are what the node's status says, and what nobody could say is ``unknown``;
    ``sync_seconds`` is the kubelet's default.

    ``slowness`` is how many times as long as on this host's own processor a computation takes on
    the node: whatever it may take to do something is that many times as long. ``accelerator`` is
    what runs the machine of a node that is a guest, ``kvm`` or ``tcg`` (emulation); None of another
    node, and in what was stored before it was noted.
    """

    provider: str
    kubernetes: str
    kubelet: str
    runtime: str
    runtime_version: str
    oci_runtime: str
    oci_runtime_version: str
    cgroup_version: int
    cgroup_driver: str
    gate: bool
    cpu_manager_policy: str
    kernel: str
    os_image: str
    arch: str
    host_limits: tuple[str, ...] = ()
    memory_manager_policy: str = "None"
    sync_seconds: float = SYNC_SECONDS
    view: str = "node"
    slowness: float = 1.0
    accelerator: str | None = None

    @property
    def sees_node(self) -> bool:
        """Whether the witnesses reach the node: its runtime, and the cgroups above containers."""
        return self.view == "node"

    @property
    def is_emulated(self) -> bool:
        """Whether the node's processor is emulated."""
        return is_emulation(self.accelerator, self.slowness)

    def patience(self, seconds: float) -> float:
        """Return how long this node may take for what another may take so many seconds for."""
        return seconds * self.slowness

    def lull(self, seconds: float) -> float:
        """Return how long to watch the node for what it must not do, where another is watched so
        long: periods are as long as ever, and only what the node does in them takes longer."""
        return seconds + RESIZE_WORK_SECONDS * (self.slowness - 1.0)

    @property
    def minor(self) -> Version:
        """The apiserver's version as a comparable value, for example ``Version("1.27.4")``."""
        return Version(self.kubernetes)

    def __str__(self) -> str:
        gate = "on" if self.gate else "off"
        text = (
            f"kubernetes {self.kubernetes}, {self.runtime} {self.runtime_version}, "
            f"{self.oci_runtime} {self.oci_runtime_version}, "
            f"cgroup v{self.cgroup_version} {self.cgroup_driver}, gate {gate}"
        )
        if self.cpu_manager_policy != "none":
            text += f", cpu manager {self.cpu_manager_policy}"
        if self.memory_manager_policy != "None":
            text += f", memory manager {self.memory_manager_policy}"
        if self.sync_seconds != SYNC_SECONDS:
            text += f", sync {self.sync_seconds:g} s"
        if self.provider != DEFAULT_PROVIDER:
            text += f", provider {self.provider}"
        if not self.sees_node:
            text += ", cgroups read from inside the container"
        if self.is_emulated:
            text += ", emulated"
        return text

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object with every field; ``host_limits`` becomes a list.

        But for an accelerator where there is none: what was stored before it was noted is what
        would be stored now.
        """
        raw = dataclasses.asdict(self) | {"host_limits": list(self.host_limits)}
        if self.accelerator is None:
            del raw["accelerator"]
        return raw

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Fingerprint:
        """Rebuild from ``to_json``; an unknown key is a ``TypeError``."""
        return cls(**(raw | {"host_limits": tuple(raw.get("host_limits", ()))}))
