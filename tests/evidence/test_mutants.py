"""Every requirement has a fault that its judge catches, and passes without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from podresize.evidence.judges import JUDGES
from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness
from podresize.requirements.loader import load_catalogue

Mutate = Callable[[Any], None]
GATE_OFF = {"gate": False}
V134 = {"kubernetes": "1.34.1", "kubelet": "1.34.1"}
C01 = {"runtime_version": "1.6.8", "silent": True}
C1 = "container/c1"


def _status(pod: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = pod["status"]["containerStatuses"][0]
    return status


def answer_code(code: int) -> Mutate:
    def mutate(resize: Any) -> None:
        def change(data: dict[str, Any]) -> None:
            if "answer" in data:
                data["answer"] = {"code": code, "message": "no", "reason": ""}

        resize.edit(Witness.CLIENT, change)

    return mutate


def spec_cpu(value: str) -> Mutate:
    def change(pod: dict[str, Any]) -> None:
        pod["spec"]["containers"][0]["resources"]["limits"]["cpu"] = value

    return lambda resize: resize.edit(Witness.API, change)


def api(change: Callable[[dict[str, Any]], Any], since: float = 0.0) -> Mutate:
    def apply(pod: dict[str, Any]) -> None:
        change(pod)

    return lambda resize: resize.edit(Witness.API, apply, since=since)


def condition(kind: str, since: float, reason: str = "") -> Mutate:
    entry = {"type": kind, "status": "True", "reason": reason}
    return api(lambda pod: pod["status"]["conditions"].append(entry), since)


def cri(change: Callable[[dict[str, Any]], Any], since: float = 0.0) -> Mutate:
    return lambda resize: resize.edit(Witness.CRI, lambda data: change(data), since=since)


def kernel(subject: str, name: str, content: str) -> Mutate:
    def change(files: dict[str, Any]) -> None:
        files[name] = content

    return lambda resize: resize.edit(Witness.KERNEL, change, subject=subject)


def kernel_spike(subject: str, name: str, content: str) -> Mutate:
    def mutate(resize: Any) -> None:
        resize.again(0.15, Witness.KERNEL, subject, 0)[name] = content

    return mutate


def old_again(witness: Witness, subject: str) -> Mutate:
    """The old state for a moment between two moments of the new one."""

    def mutate(resize: Any) -> None:
        resize.again(70.0, witness, subject, 0)
        resize.again(71.0, witness, subject, 1)

    return mutate


def process(field: str) -> Mutate:
    return lambda resize: resize.edit(Witness.PROCESS, lambda data: data.update({field: 1}))


def beats(**fields: Any) -> Mutate:
    return lambda resize: resize.edit(Witness.WORKLOAD, lambda data: data.update(fields))


def count_falls(resize: Any) -> None:
    resize.edit(Witness.API, lambda pod: _status(pod).update(restartCount=2), since=-1)
    _status(resize.again(70.0, Witness.API, "pod", -1)).update(restartCount=1)


def late_proposed(resize: Any) -> None:
    """Proposed comes with a second write, as if the kubelet had set it."""
    late = resize.again(0.03, Witness.API, "pod", 1)
    resize.of(Witness.API)[1].data["status"].pop("resize")
    assert late["status"]["resize"] == "Proposed"


def late_kernel(resize: Any) -> None:
    late = resize.again(70.0, Witness.KERNEL, C1, 1)
    resize.observations = [
        item
        for item in resize.observations
        if item.data is late or item.t < 0 or (item.witness, item.subject) != (Witness.KERNEL, C1)
    ]


MUTANTS: list[tuple[str, dict[str, Any], str, Mutate]] = [
    ("API-01", {}, "refused", answer_code(422)),
    ("API-01", {}, "spec-unchanged", spec_cpu("200m")),
    ("API-02", V134, "refused", answer_code(404)),
    ("API-02", V134, "spec-unchanged", spec_cpu("200m")),
    ("API-04", V134 | GATE_OFF, "accepted", answer_code(200)),
    ("API-04", V134 | GATE_OFF, "spec-changed", spec_cpu("300m")),
    ("API-05", GATE_OFF, "accepted", answer_code(200)),
    ("API-05", GATE_OFF, "other-words", answer_code(422)),
    ("API-05", GATE_OFF, "spec-changed", spec_cpu("300m")),
    ("API-54", GATE_OFF, "resize", api(lambda pod: pod["status"].update(resize="Proposed"))),
    ("API-54", GATE_OFF, "resources", api(lambda pod: _status(pod).update(resources={}))),
    ("API-54", GATE_OFF, "allocated", api(lambda pod: _status(pod).update(allocatedResources={}))),
    (
        "API-54",
        GATE_OFF,
        "policy",
        api(lambda pod: pod["spec"]["containers"][0].update(resizePolicy=[])),
    ),
    ("ST-01", {}, "never", api(lambda pod: pod["status"].pop("resize", None))),
    ("ST-01", {}, "late", late_proposed),
    ("ST-02", {}, "stuck", api(lambda pod: pod["status"].update(resize="InProgress"), 60)),
    ("ST-02", {}, "deferred", api(lambda pod: pod["status"].update(resize="Deferred"), 0.05)),
    (
        "ST-02",
        {},
        "unseen",
        lambda resize: resize.edit(
            Witness.API,
            lambda pod: pod["status"].update(resize="Proposed") if "resize" in pod["status"] else 0,
        ),
    ),
    ("ST-02", {}, "backwards", old_again(Witness.API, "pod")),
    ("ST-11", V134, "stuck", condition("PodResizeInProgress", 20)),
    ("ST-11", V134, "pending", condition("PodResizePending", 0.05, "Deferred")),
    ("ST-11", V134, "error", condition("PodResizeInProgress", 20, "Error")),
    ("ST-20", {}, "old", api(lambda pod: _status(pod)["allocatedResources"].update(cpu="200m"))),
    ("ST-20", {}, "absent", api(lambda pod: _status(pod).pop("allocatedResources"))),
    ("ST-21", {}, "old", api(lambda pod: _status(pod)["resources"]["limits"].update(cpu="200m"))),
    ("ST-21", V134, "absent", api(lambda pod: _status(pod).pop("resources"))),
    ("ST-27", {}, "qos", api(lambda pod: pod["status"].update(qosClass="Burstable"), 0.05)),
    ("ST-27", {}, "restarted", api(lambda pod: _status(pod).update(restartCount=1), 60)),
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
    ("KL-34", {}, "pid", process("pid")),
    ("KL-34", {}, "start-ticks", process("start_ticks")),
    ("KL-34", {}, "count", api(lambda pod: _status(pod).update(restartCount=1), 60)),
    ("KL-34", {}, "gap", beats(max_gap_seconds=1.4)),
    ("KL-34", {}, "lost", beats(beats=590)),
    ("KL-34", {}, "instance", beats(instance="i-9")),
    ("CRI-03", {}, "silent", cri(lambda data: data.update(resources=None), -1)),
    ("CRI-03", {}, "quota", cri(lambda data: data["resources"].update(cpu_quota="20000"))),
    ("CRI-03", {}, "shares", cri(lambda data: data["resources"].update(cpu_shares="204"))),
    ("CRI-03", V134, "memory", cri(lambda data: data["resources"].update(memory_limit_in_bytes=1))),
    ("CRI-09", C01, "reports", cri(lambda data: data.update(resources={"cpu_shares": 1}))),
    ("CRI-09", C01, "kernel", kernel(C1, "cpu.shares", "204")),
    ("CRI-09", C01, "clears", api(lambda pod: pod["status"].pop("resize", None), 60)),
    (
        "CRI-09",
        C01,
        "follows",
        api(lambda pod: _status(pod)["resources"]["limits"].update(cpu="300m"), 60),
    ),
    (
        "CRI-09",
        C01,
        "not-allocated",
        api(lambda pod: _status(pod)["allocatedResources"].update(cpu="200m")),
    ),
    ("CRI-09", C01, "not-watched", lambda resize: setattr(resize, "ended", 50.0)),
    ("PR-01", {}, "status-back", old_again(Witness.API, "pod")),
    ("PR-01", {}, "kernel-back", old_again(Witness.KERNEL, C1)),
    ("PR-01", {}, "pod-cgroup-back", old_again(Witness.KERNEL, "pod")),
    ("PR-01", {}, "runtime-back", old_again(Witness.CRI, C1)),
    ("PR-01", {}, "third-value", kernel_spike(C1, "cpu.shares", "2")),
    ("PR-01", {}, "count-falls", count_falls),
    ("PR-01", {}, "done-before-kernel", late_kernel),
]


def kind_of(requirement: str, resize: Any) -> VerdictKind:
    return verify(resize.timeline, resize.expectation, [requirement])[0].kind


@pytest.mark.parametrize(
    ("requirement", "options", "mutate"),
    [
        pytest.param(requirement, options, mutate, id=f"{requirement}-{name}")
        for requirement, options, name, mutate in MUTANTS
    ],
)
def test_the_mutant_is_caught(
    requirement: str, options: dict[str, Any], mutate: Mutate, resized: Callable[..., Any]
) -> None:
    good, bad = resized(**options), resized(**options)
    mutate(bad)

    assert kind_of(requirement, good) is VerdictKind.PASSED
    judgement = verify(bad.timeline, bad.expectation, [requirement])[0]
    assert judgement.kind is VerdictKind.FAILED, judgement
    assert judgement.text is not None
    assert judgement.text.startswith(f"{requirement} (MUST)")
    assert judgement.reading


def test_every_requirement_has_a_mutant() -> None:
    assert {requirement for requirement, *_ in MUTANTS} == set(load_catalogue().requirements)


def test_judges_and_catalogue_have_the_same_ids() -> None:
    assert set(JUDGES) == set(load_catalogue().requirements)
