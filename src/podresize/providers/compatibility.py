"""Which targets can be: refusals that need no host, no network and no cluster."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from podresize.cluster.objects import read_objects
from podresize.cri.faults.catalogue import make as make_fault
from podresize.errors import UsageError
from podresize.providers.kubelet import gate_is_locked
from podresize.requirements.runtime_target import RuntimeTarget
from podresize.requirements.target import (
    ACCELERATORS,
    CGROUP_DRIVERS,
    CGROUP_VERSIONS,
    DEFAULT_PROVIDER,
    EXISTING,
    GUEST,
    Target,
)

_OCI_RUNTIMES = ("runc", "crun")
# The first crun that takes every 1.x of the runtime specification, and the first containerd that
# writes 1.2 (containers/crun#1485, #1620). Seen: crun 1.8.1 starts containers of containerd 1.6.36,
# and of 2.1.4 none ("unknown version specified").
_CRUN_OF_1_2 = Version("1.14.3")
_CONTAINERD_OF_1_2 = Version("2.0")
_CRUN_OF_SCOPES = Version("1.11")
NEWER_CRUN = "1.21"
"""The release of crun that the distribution after the oldest one that is served has."""
_CLUSTER_UP = "podresize cluster up"
_CPU_MANAGER_POLICIES = ("none", "static")
_MEMORY_MANAGER_POLICIES = ("None", "Static")
# The providers that start each component of a control plane by itself.
_STARTS_EACH = (DEFAULT_PROVIDER, GUEST)
# What the tap does beside its calls it does where it runs.
_FAULTS_OF_THIS_HOST = ("cgroup-written", "runtime-killed")
_FAULTS_OF_UNITS = ("unit-overridden",)
# The providers whose nodes a systemd runs.
_WITH_SYSTEMD = ("kind", GUEST)


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
            next_command=_up(target.provider, "--kubernetes 1.27.4"),
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
            next_command=_up(target.provider, "--containerd 1.6.8"),
        )
    if not target.gate and gate_is_locked(target.kubernetes):
        raise UsageError(
            "the gate cannot be turned off in this release",
            value=f"--gate off with Kubernetes {target.kubernetes}",
            origin="--gate",
            causes=("InPlacePodVerticalScaling is locked on since 1.35 (KEP-1287, GA)",),
            next_command=_up(target.provider, "--gate off --kubernetes 1.34.3"),
        )
    for fault in target.faults:
        make_fault(fault)
    if target.faults and not target.tap:
        raise UsageError(
            "a fault is the tap's, and there is none",
            value=", ".join(target.faults),
            origin="--fault",
            causes=("--tap was not given",),
            next_command=_up(target.provider, f"--tap --fault {target.faults[0]}"),
        )
    refuse_wrongs(target)
    refuse_guests(target)
    _check_oci_runtime(target)
    if target.cpu_manager_policy not in _CPU_MANAGER_POLICIES:
        raise UsageError(
            "unknown CPU manager policy",
            value=target.cpu_manager_policy,
            origin="--cpu-manager-policy",
            causes=(f"known: {', '.join(_CPU_MANAGER_POLICIES)}",),
            next_command=_up(target.provider, "--cpu-manager-policy static"),
        )
    if target.memory_manager_policy not in _MEMORY_MANAGER_POLICIES:
        raise UsageError(
            "unknown memory manager policy",
            value=target.memory_manager_policy,
            origin="--memory-manager-policy",
            causes=(f"known: {', '.join(_MEMORY_MANAGER_POLICIES)} (the kubelet minds capitals)",),
            next_command=_up(target.provider, "--memory-manager-policy Static"),
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


def refuse_guests(target: Target | RuntimeTarget, *, up: str = _CLUSTER_UP) -> None:
    """Raise ``UsageError`` for what only a node has that brings its own kernel, or a systemd.

    ``up`` is the command that makes such a target.
    """
    _refuse_faults_of_units(target, up=up)
    for field, known in (("cgroup", CGROUP_VERSIONS), ("accelerator", ACCELERATORS)):
        value = getattr(target, field)
        if value is not None and value not in known:
            raise UsageError(
                f"unknown {'cgroup version' if field == 'cgroup' else field}",
                value=value,
                origin=f"--{field}",
                causes=(f"known: {', '.join(known)}",),
                next_command=f"{up} --provider {GUEST} --{field} {known[-1]}",
            )
    if target.provider == GUEST:
        for fault in target.faults:
            if fault.partition(":")[0] in _FAULTS_OF_THIS_HOST:
                raise UsageError(
                    "this fault does not reach into a guest",
                    value=fault,
                    origin="--fault",
                    causes=("it is done to processes and cgroups of this host, where the tap is",),
                    next_command=f"{up} --tap --fault {fault}",
                )
        return
    for field, default in (("kernel", None), ("accelerator", ACCELERATORS[0])):
        if (value := getattr(target, field)) != default:
            raise UsageError(
                f"the {target.provider} provider has no such choice",
                value=str(value),
                origin=f"--{field}",
                causes=("its node runs on this host's own kernel and processor",),
                next_command=f"{up} --provider {GUEST} --{field} {value}",
            )


def _refuse_faults_of_units(target: Target | RuntimeTarget, *, up: str) -> None:
    """Raise ``UsageError`` for a fault of units where containers are none.

    It would fail with the update done, or do nothing, and the verdicts would name the runtime.
    """
    if target.driver == "systemd" and target.provider in _WITH_SYSTEMD:
        return
    for fault in target.faults:
        if fault.partition(":")[0] in _FAULTS_OF_UNITS:
            raise UsageError(
                "this fault is told to systemd, whose units the containers are not here",
                value=fault,
                origin="--fault",
                causes=(
                    f"the cgroup driver is {target.driver}"
                    if target.provider in _WITH_SYSTEMD
                    else f"no systemd runs a node of the provider {target.provider}",
                ),
                next_command=f"{up} --provider {GUEST} --cgroup-driver systemd --tap "
                f"--fault {fault}",
            )


def check_cgroup(target: Target | RuntimeTarget, version: int, *, up: str = _CLUSTER_UP) -> None:
    """Raise ``UsageError`` for another cgroup version than this host's, of whose kernel the node
    is; ``version`` is what ``host.cgroup_mounts`` says. ``up`` is as above."""
    if target.cgroup not in (None, f"v{version}"):
        raise UsageError(
            f"the {target.provider} provider has no such cgroup version on this host",
            value=str(target.cgroup),
            origin="--cgroup",
            causes=(f"its node runs on this host's own kernel, which has v{version}",),
            next_command=f"{up} --provider {GUEST} --cgroup {target.cgroup}",
        )


def refuse_wrongs(target: Target) -> None:
    """Raise ``UsageError`` for what cannot be made wrong, beside the tap's faults."""
    if target.provider not in _STARTS_EACH and (target.gate_off_in or target.manifests):
        raise UsageError(
            f"the provider {target.provider} cannot make a stack wrong like this",
            value="; ".join(target.wrongs),
            origin="--gate-off-in, --manifest",
            causes=("it starts all of its components alike",),
            next_command="podresize run --provider local",
        )
    if target.gate_off_in and (not target.gate or gate_is_locked(target.kubernetes)):
        raise UsageError(
            "the gate is not on in the others, or cannot be turned off",
            value=f"{', '.join(target.gate_off_in)} of {target.kubernetes}",
            origin="--gate-off-in",
            causes=("--gate off", "InPlacePodVerticalScaling is locked on since 1.35"),
            next_command=_up(target.provider, "--gate-off-in kubelet --kubernetes 1.27.4"),
        )
    for file in target.manifests:
        read_objects(file)


def _check_oci_runtime(target: Target) -> None:
    if target.oci_name not in _OCI_RUNTIMES or target.oci_runtime.endswith("@"):
        raise UsageError(
            "unknown OCI runtime",
            value=target.oci_runtime,
            origin="--oci-runtime",
            causes=(f"known: {', '.join(_OCI_RUNTIMES)}; a release is written like runc@1.3.3",),
            next_command=_up(target.provider, "--oci-runtime crun"),
        )
    if target.oci_release is not None and target.provider not in _STARTS_EACH:
        raise UsageError(
            f"{target.provider} takes no release of an OCI runtime",
            value=target.oci_runtime,
            origin="--oci-runtime",
            causes=("its node image has the package of this host's distribution",),
            next_command=f"podresize cluster up --provider vm --oci-runtime {target.oci_runtime}",
        )


def check_crun_limits(crun: str, *, cgroup_version: int | None, driver: str | None) -> None:
    """Raise ``UsageError`` for a crun whose limits are not where a runtime's are looked for.

    With systemd on cgroup v2 crun has told systemd the memory limit since 1.8.5 and the quota since
    1.11 (its NEWS; containers/crun#954, #1217). Before, they are in a cgroup of its own below the
    scope, and the weight is the scope's alone.
    """
    if cgroup_version == 2 and driver == "systemd" and Version(crun) < _CRUN_OF_SCOPES:
        raise UsageError(
            "this crun keeps limits below the cgroup that systemd made",
            value=f"crun {crun}, cgroup v2, cgroup driver {driver}",
            origin="--oci-runtime, --cgroup, --cgroup-driver",
            causes=(f"crun before {_CRUN_OF_SCOPES} tells systemd the cpu weight alone",),
            next_command="the same command with --cgroup-driver cgroupfs, or --oci-runtime "
            f"crun@{NEWER_CRUN}",
        )


def check_crun(
    crun: str, containerd: str, *, provider: str = DEFAULT_PROVIDER, instead: str | None = None
) -> None:
    """Raise ``UsageError`` for a crun that starts no container of this containerd.

    Both are versions of artifacts: which crun a host has is known no sooner. ``instead`` is the
    command to try, by default one that starts a cluster with a containerd that this crun is for.
    """
    if Version(containerd) >= _CONTAINERD_OF_1_2 and Version(crun) < _CRUN_OF_1_2:
        raise UsageError(
            "this crun starts no container of this containerd",
            value=f"crun {crun} with containerd {containerd}",
            origin="--oci-runtime, --containerd; crun is the package of this host's distribution",
            causes=(
                "containerd writes version 1.2 of the OCI runtime specification since 2.0; crun "
                f"before {_CRUN_OF_1_2} takes none above 1.1 (containers/crun#1620)",
            ),
            next_command=instead or _up(provider, "--oci-runtime crun --containerd 1.6.36"),
        )


def _up(provider: str, options: str) -> str:
    """Return the command that starts such a cluster, with the provider that was asked for."""
    named = "" if provider == DEFAULT_PROVIDER else f"--provider {provider} "
    return f"podresize cluster up {named}{options}"
