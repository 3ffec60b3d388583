"""Is a cluster that is there the target that was asked for?"""

from __future__ import annotations

from podresize.requirements.target import Fingerprint, Target


def mismatches(
    target: Target,
    fingerprint: Fingerprint,
    *,
    worker_nodes: int = 0,
    tap: bool = False,
    wrongs: tuple[str, ...] = (),
) -> list[str]:
    """Return what a running cluster is otherwise than the target, one phrase each.

    ``worker_nodes`` is how many it has, ``tap`` whether one is there, and ``wrongs`` what it is
    made to do wrong (``Target.wrongs``). Settings of the kubelet that a fingerprint does not hold
    are not compared.
    """
    wanted = {
        "kubernetes": target.kubernetes,
        "runtime_version": target.containerd,
        "oci_runtime": target.oci_runtime,
        "gate": target.gate,
        "cpu_manager_policy": target.cpu_manager_policy,
        "memory_manager_policy": target.memory_manager_policy,
    }
    if target.driver is not None:
        wanted["cgroup_driver"] = target.driver
    have = {name: getattr(fingerprint, name) for name in wanted}
    wanted["worker_nodes"], have["worker_nodes"] = target.worker_nodes, worker_nodes
    wanted["tap"], have["tap"] = target.tap, tap
    wanted["wrongs"], have["wrongs"] = target.wrongs, wrongs
    return [
        f"{name} is {have[name]}, not {value}"
        for name, value in wanted.items()
        if have[name] != value
    ]
