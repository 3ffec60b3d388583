"""What the judges of kubelet must catch."""

from __future__ import annotations

from typing import Any

from tests.evidence.mutants.spoiling import (
    C1,
    V134,
    Mutant,
    Mutate,
    api,
    beats,
    cri,
    kernel,
    kernel_spike,
    process,
    status_of,
)

from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change
from podresize.oracle.surroundings import Surroundings

FULL = {
    "surroundings": Surroundings(
        allocatable={"cpu": "1", "memory": "1Gi"}, others={"cpu": "750m", "memory": "0"}
    )
}
SMALL = {"surroundings": Surroundings(allocatable={"cpu": "250m", "memory": "1Gi"})}
MORE = {
    "requests": {"cpu": "300m", "memory": "96Mi"},
    "limits": {"cpu": "300m", "memory": "96Mi"},
}
BACK = {"change": Change(cpu="200m", memory="64Mi"), "pending": MORE}
LATER = {"change": Change(cpu="300m", memory="96Mi"), "pending": MORE}
STATIC_CPU = V134 | {"cpu_manager_policy": "static"}
STATIC_MEMORY = V134 | {"memory_manager_policy": "Static"}
LESS = {"change": Change(cpu="-100m", memory="-32Mi")}


def early(subject: str, **files: str) -> Mutate:
    """Files of a cgroup as they will be, before anything else moves; ``__`` stands for a dot."""

    def mutate(resize: Any) -> None:
        data = resize.again(0.1, Witness.KERNEL, subject, 0)
        data.update({name.replace("__", "."): content for name, content in files.items()})

    return mutate


def setting(subject: str, name: str, content: str | None) -> Mutate:
    def mutate(resize: Any) -> None:
        data = resize.of(Witness.KERNEL, f"settings/{subject}")[-1].data
        if content is None:
            del data[name]
        else:
            data[name] = content

    return mutate


def delayed(t: float) -> Mutate:
    """The last state of the pod comes at another time."""

    def mutate(resize: Any) -> None:
        last = max(resize.of(Witness.API), key=lambda item: item.t)
        resize.observations.remove(last)
        resize.add(t, Witness.API, "pod", last.data)

    return mutate


def says(value: str, since: float = 0.4) -> Mutate:
    return api(lambda pod: pod["status"].update(resize=value), since)


def ended_afterwards(resize: Any) -> None:
    """The container is the same as ever, and runs no more."""
    last = resize.of(Witness.CRI, "container/c1")[-1]
    resize.add(resize.ended, Witness.CRI, "container/c1", last.data | {"state": "CONTAINER_EXITED"})


V2 = {"cgroup_version": 2}
NEW_RUNC = V2 | {"oci_runtime_version": "1.3.2"}


def pod_shows(cpu: str) -> Mutate:
    """The pod's own status has another cpu request."""
    return api(lambda pod: pod["status"]["resources"]["requests"].update(cpu=cpu), 0.4)


MUTANTS: list[Mutant] = [
    ("KL-39", NEW_RUNC, "a-container-by-the-line", kernel(C1, "cpu.weight", "12")),
    ("KL-39", V2, "a-container-by-the-curve", kernel(C1, "cpu.weight", "40")),
    ("KL-39", NEW_RUNC, "the-pod-by-the-curve", kernel("pod", "cpu.weight", "40")),
    ("KL-39", V2, "no-formula", kernel(C1, "cpu.weight", "13")),
    (
        "KL-39",
        V2,
        "turned-back",
        api(lambda pod: status_of(pod)["resources"]["requests"].update(cpu="284m"), 0.4),
    ),
    ("KL-01", FULL, "kernel", early(C1, cpu__shares="307")),
    ("KL-01", FULL, "pod", early("pod", memory__limit_in_bytes="100663296")),
    (
        "KL-01",
        FULL,
        "allocated",
        api(lambda pod: status_of(pod)["allocatedResources"].update(cpu="300m"), 0.4),
    ),
    ("KL-02", SMALL, "deferred", says("Deferred")),
    ("KL-02", SMALL, "granted", says("")),
    ("KL-02", SMALL, "late", delayed(150.0)),
    ("KL-03", FULL, "infeasible", says("Infeasible")),
    ("KL-03", FULL | V134, "granted", api(lambda pod: pod["status"].update(conditions=[]), 0.4)),
    ("KL-04", LESS, "deferred", says("Deferred", 0.05)),
    ("KL-10", LATER, "never", says("Deferred", 0.05)),
    ("KL-10", LATER | V134, "late", delayed(170.0)),
    ("KL-11", LATER | V134, "late", delayed(170.0)),
    ("KL-21", FULL, "kernel", early(C1, cpu__shares="307")),
    ("KL-21", FULL, "granted", says("")),
    (
        "KL-21",
        FULL | V134,
        "gone",
        api(lambda pod: pod["status"].update(conditions=[]), 0.4),
    ),
    ("KL-22", {}, "kernel", kernel(C1, "cpu.shares", "204")),
    ("KL-22", {}, "restarted", process("pid")),
    (
        "KL-22",
        V134,
        "lost",
        api(lambda pod: status_of(pod)["allocatedResources"].update(cpu="200m")),
    ),
    ("KL-50", STATIC_CPU, "silent", api(lambda pod: pod["status"].update(conditions=[]), 0.4)),
    ("KL-51", STATIC_MEMORY, "silent", api(lambda pod: pod["status"].update(conditions=[]), 0.4)),
    ("KL-13", BACK, "kernel", early(C1, cpu__shares="307")),
    ("KL-13", BACK, "pending", says("Deferred", 0.05)),
    ("KL-31", {}, "cpu-first", early(C1, cpu__shares="307")),
    ("KL-32", {}, "container-first", early(C1, cpu__cfs_quota_us="30000")),
    ("KL-32", LESS, "pod-first", early("pod", memory__limit_in_bytes="33554432")),
    ("PR-20", {}, "cpuset", setting(C1, "cpuset.cpus", "0")),
    ("PR-20", {}, "pod", setting("pod", "memory.swappiness", "0")),
    ("PR-20", {}, "above", setting("qos", "cpu.idle", "1")),
    ("PR-20", {}, "gone", setting(C1, "cpu.idle", None)),
    ("KL-30", {}, "shares", kernel(C1, "cpu.shares", "204")),
    ("KL-30", {}, "quota", kernel(C1, "cpu.cfs_quota_us", "20000")),
    ("KL-30", {}, "memory", kernel(C1, "memory.limit_in_bytes", "67108864")),
    ("KL-30", {}, "spike", kernel_spike(C1, "cpu.cfs_quota_us", "-1")),
    ("KL-30", V134 | {"cgroup_version": 2}, "weight", kernel(C1, "cpu.weight", "8")),
    ("KL-32", {}, "shares", kernel("pod", "cpu.shares", "204")),
    ("KL-32", {}, "quota", kernel("pod", "cpu.cfs_quota_us", "20000")),
    ("KL-32", {}, "memory", kernel("pod", "memory.limit_in_bytes", "67108864")),
    ("KL-32", V134 | {"cgroup_version": 2}, "max", kernel("pod", "cpu.max", "max 100000")),
    ("KL-34", {}, "id", cri(lambda data: data.update(id="cccc"))),
    ("KL-34", {}, "started", cri(lambda data: data.update(started_at=5))),
    ("KL-34", {}, "ended", ended_afterwards),
    ("KL-34", {}, "pid", process("pid")),
    ("KL-34", {}, "start-ticks", process("start_ticks")),
    ("KL-34", {}, "count", api(lambda pod: status_of(pod).update(restartCount=1), 60)),
    ("KL-34", {}, "gap", beats(max_gap_seconds=1.4)),
    ("KL-34", {}, "stall", beats(max_gap_seconds=2.4, max_stall_seconds=1.4)),
    ("KL-34", {}, "lost", beats(beats=590)),
    ("KL-34", {}, "instance", beats(instance="i-9")),
]
