"""Ways to spoil a good resize, one fault at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podresize.evidence.timeline import Witness

Mutate = Callable[[Any], None]
GATE_OFF = {"gate": False}
V134 = {"kubernetes": "1.34.1", "kubelet": "1.34.1"}
C01 = {"runtime_version": "1.6.8", "silent": True}
C1 = "container/c1"


def status_of(pod: dict[str, Any]) -> dict[str, Any]:
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
    resize.edit(Witness.API, lambda pod: status_of(pod).update(restartCount=2), since=-1)
    status_of(resize.again(70.0, Witness.API, "pod", -1)).update(restartCount=1)


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


Mutant = tuple[str, dict[str, Any], str, Mutate]
"""Requirement, options of the resize, a name for the fault, the fault."""
