"""Which targets can be: refusals that need no host, no network and no cluster."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from podresize.errors import UsageError
from podresize.providers.kubelet import gate_is_locked
from podresize.requirements.target import CGROUP_DRIVERS, DEFAULT_PROVIDER, EXISTING, Target

_OCI_RUNTIMES = ("runc", "crun")
_CPU_MANAGER_POLICIES = ("none", "static")
_MEMORY_MANAGER_POLICIES = ("None", "Static")


def _release(version: str) -> Version | None:
    """Return a version that can be compared; None for what the artifacts will refuse, who know
    which exist."""
    try:
        return Version(version)
    except InvalidVersion:
        return None


def refuse_of_no_use(target: Target) -> None:
    """Raise ``UsageError`` for what means nothing to the target's provider.

    Passed over, it would look as if the target had it.
    """
    for field, value in target.of_no_use.items():
        is_there = target.provider == EXISTING
        raise UsageError(
            f"the provider {target.provider} can do nothing with this",
            value=str(value),
            origin=f"--{field.replace('_', '-')}",
            causes=(
                "an existing cluster is what it is: its versions and settings are detected"
                if is_there
                else f"it is for --provider {EXISTING}, a cluster that is there already",
            ),
            next_command=f"podresize run --provider {DEFAULT_PROVIDER if is_there else EXISTING}",
        )


def check_target(target: Target) -> None:
    """Raise ``UsageError`` for a combination that no host can run. Unknown versions are found
    later, by the artifacts, which know what can be had."""
    refuse_of_no_use(target)
    kubernetes, containerd = _release(target.kubernetes), _release(target.containerd)
    if kubernetes is not None and Version("1.0") <= kubernetes < Version("1.27"):
        raise UsageError(
            "this release of Kubernetes has no in-place Pod resize",
            value=target.kubernetes,
            origin="--kubernetes",
            causes=("the feature came with 1.27, as alpha (KEP-1287)",),
            next_command="podresize cluster up --kubernetes 1.27.4",
        )
    # The kubelet speaks CRI v1 only since 1.26; containerd serves it since 1.6.0
    # (kubernetes/kubernetes#110618, containerd release notes of 1.6.0).
    if containerd is not None and containerd < Version("1.6"):
        raise UsageError(
            "this containerd is too old for the kubelet",
            value=f"containerd {target.containerd} with Kubernetes {target.kubernetes}",
            origin="--containerd, --kubernetes",
            causes=(
                "the kubelet speaks CRI v1 only since 1.26; containerd serves CRI v1 since 1.6.0, "
                f"{target.containerd} serves v1alpha2",
            ),
            next_command="podresize cluster up --containerd 1.6.8",
        )
    if not target.gate and gate_is_locked(target.kubernetes):
        raise UsageError(
            "the gate cannot be turned off in this release",
            value=f"--gate off with Kubernetes {target.kubernetes}",
            origin="--gate",
            causes=("InPlacePodVerticalScaling is locked on since 1.35 (KEP-1287, GA)",),
            next_command="podresize cluster up --gate off --kubernetes 1.34.3",
        )
    if target.oci_runtime not in _OCI_RUNTIMES:
        raise UsageError(
            "unknown OCI runtime",
            value=target.oci_runtime,
            origin="--oci-runtime",
            causes=(f"known: {', '.join(_OCI_RUNTIMES)}",),
            next_command="podresize cluster up --oci-runtime crun",
        )
    if target.cpu_manager_policy not in _CPU_MANAGER_POLICIES:
        raise UsageError(
            "unknown CPU manager policy",
            value=target.cpu_manager_policy,
            origin="--cpu-manager-policy",
            causes=(f"known: {', '.join(_CPU_MANAGER_POLICIES)}",),
            next_command="podresize cluster up --cpu-manager-policy static",
        )
    if target.memory_manager_policy not in _MEMORY_MANAGER_POLICIES:
        raise UsageError(
            "unknown memory manager policy",
            value=target.memory_manager_policy,
            origin="--memory-manager-policy",
            causes=(f"known: {', '.join(_MEMORY_MANAGER_POLICIES)} (the kubelet minds capitals)",),
            next_command="podresize cluster up --memory-manager-policy Static",
        )
    if target.worker_nodes < 0:
        raise UsageError(
            "a cluster cannot have less than no worker nodes",
            value=str(target.worker_nodes),
            origin="--worker-nodes",
            next_command="podresize cluster up --provider kind --worker-nodes 1",
        )
    if target.cgroup_driver not in (None, *CGROUP_DRIVERS):
        raise UsageError(
            "unknown cgroup driver",
            value=target.cgroup_driver,
            origin="--cgroup-driver",
            causes=(f"known: {', '.join(CGROUP_DRIVERS)}",),
            next_command="podresize cluster up --provider kind --cgroup-driver systemd",
        )
