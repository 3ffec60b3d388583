"""The conditions PodResizePending and PodResizeInProgress, and the generations beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podresize.evidence.agreement import container_spec, container_status
from podresize.evidence.case import Case
from podresize.evidence.conditions import PENDING, resize_conditions
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.oracle.progress import DEFERRED, INFEASIBLE
from podresize.oracle.resources import REQUESTS, lists_equal, normalised, resources_equal
from podresize.requirements.model import Outcome


def no_field(case: Case) -> Ruling:
    """ST-05: the field that conditions replaced is never set."""
    for t, pod in case.pods:
        if pod.get("status", {}).get("resize"):
            text = f"{case.timeline.pod}: status.resize is {pod['status']['resize']} ({at(t)}), "
            text += "expected it never to be set"
            return Ruling(faults=(Fault(text=text, reading="a deprecated field is in use"),))
    return Ruling(faults=(), reading=f"status.resize is in none of {len(case.pods)} states")


def pending(case: Case) -> Ruling:
    """ST-10: PodResizePending is there exactly while the resize is not granted, and says why."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    for t, kind, item in _shown(case):
        if item.get("status") != "True":
            text = f"{case.timeline.pod}: {kind} has status {item.get('status')} ({at(t)}), "
            text += "expected True: what does not hold is left out"
            faults.append(Fault(text=text, reading="a condition is kept that does not hold"))
        if kind == PENDING and item.get("reason") not in (DEFERRED, INFEASIBLE):
            text = f"{case.timeline.pod}: {kind} has reason {item.get('reason')!r} ({at(t)}), "
            text += "expected Deferred or Infeasible"
            faults.append(Fault(text=text, reading="nobody can tell what the resize waits for"))
        if kind == PENDING and not item.get("message"):
            text = f"{case.timeline.pod}: {kind} has no message ({at(t)}), expected one"
            faults.append(Fault(text=text, reading="the condition does not say why"))
    last = resize_conditions(case.final_pod).get(PENDING)
    is_pending = case.expectation.outcome in (Outcome.DEFERRED, Outcome.INFEASIBLE)
    if (last is not None) != is_pending:
        text = f"{case.timeline.pod}: {PENDING} is {'absent' if last is None else 'there'} at the "
        text += f"end (looked until {at(case.timeline.ended)}), expected it to be "
        text += "there" if is_pending else "absent"
        faults.append(Fault(text=text))
    if last is not None and is_pending and case.expectation.why not in str(last.get("message")):
        text = f"{case.timeline.pod}: {PENDING} says {last.get('message')!r}, expected it to "
        text += f"contain {case.expectation.why!r}"
        faults.append(Fault(text=text, reading="another reason is given than the one there is"))
    said = "" if last is None else f"{last.get('reason')}: {last.get('message')}"
    return Ruling(faults=tuple(faults[:3]), reading=said or "nothing is pending")


def infeasible_reason(case: Case) -> Ruling:
    """ST-17: an infeasible resize says so, with the reason's own words."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    last = resize_conditions(case.final_pod).get(PENDING) or {}
    reason, message = last.get("reason"), str(last.get("message") or "")
    is_true = last.get("status") == "True"
    if is_true and reason == INFEASIBLE and message and case.expectation.why in message:
        return Ruling(faults=(), reading=message)
    text = (
        f"{case.timeline.pod}: the condition is {last.get('status')}, its reason {reason!r}, its "
    )
    text += f"message {message!r}, expected True, {INFEASIBLE!r} and a message with "
    text += repr(case.expectation.why)
    return Ruling(faults=(Fault(text=text, reading="it does not say what is in the way"),))


def transition_times(case: Case) -> Ruling:
    """ST-14: lastTransitionTime moves with the reason and with nothing else."""
    before: dict[str, dict[str, Any]] = {}
    for t, pod in case.pods:
        now = resize_conditions(pod)
        for kind in now.keys() & before.keys():
            old, new = before[kind], now[kind]
            key = "lastTransitionTime"
            if old.get("reason") == new.get("reason") and old.get(key) != new.get(key):
                text = f"{case.timeline.pod}: {key} of {kind} went from {old.get(key)} to "
                text += f"{new.get(key)} ({at(t)}), expected it to stay with the reason"
                reading = "how long the resize waits can no longer be told"
                return Ruling(faults=(Fault(text=text, reading=reading),))
        before = now
    return Ruling(faults=(), reading="the times of the conditions move with their reasons")


def generations(case: Case) -> Ruling:
    """ST-15: conditions carry the generation that they are about; status the last one seen."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    known = {kind for t, pod in case.pods if t < 0 for kind in resize_conditions(pod)}
    wanted = case.expectation.generation
    for t, kind, item in _shown(case):
        shown = item.get("observedGeneration")
        # One that was there before is about what was asked for before, until that has ended.
        if t >= 0 and kind not in known and not case.expectation.passing and shown != wanted:
            text = f"{case.timeline.pod}: {kind} has observedGeneration {shown} ({at(t)}), "
            text += f"expected {wanted}"
            reading = "the condition is not about the spec that was asked for"
            faults.append(Fault(text=text, reading=reading))
    shown = case.final_pod.get("status", {}).get("observedGeneration")
    latest = case.final_pod["metadata"].get("generation")
    if shown != latest:
        text = f"{case.timeline.pod}: status.observedGeneration is {shown}, expected {latest}"
        faults.append(
            Fault(text=text, reading="the kubelet does not say that it has seen the spec")
        )
    return Ruling(faults=tuple(faults[:3]), reading=f"generation {shown}, as the spec has it")


def never_falls(case: Case) -> Ruling:
    """PR-12: generations only rise, and nobody has observed one that is not there."""
    highest = {"metadata.generation": 0, "status.observedGeneration": 0}
    for t, pod in case.pods:
        latest = int(pod["metadata"].get("generation") or 0)
        seen = int(pod.get("status", {}).get("observedGeneration") or 0)
        for name, value in (("metadata.generation", latest), ("status.observedGeneration", seen)):
            if value < highest[name]:
                text = f"{case.timeline.pod}: {name} fell from {highest[name]} to {value} ({at(t)})"
                return Ruling(faults=(Fault(text=text, reading="a generation went backwards"),))
            highest[name] = value
        if seen > latest:
            text = f"{case.timeline.pod}: status.observedGeneration is {seen} ({at(t)}), expected "
            text += f"at most {latest}"
            return Ruling(faults=(Fault(text=text, reading="a spec was observed that is not"),))
    return Ruling(faults=(), reading=f"generation up to {highest['metadata.generation']}")


def silence_means_done(case: Case) -> Ruling:
    """PR-11: where the kubelet has seen the spec and no condition is shown, nothing is left to do.

    Known deviation K-28 is the departure from it.
    """
    for t, pod in case.pods:
        status = pod.get("status", {})
        seen = status.get("observedGeneration")
        if seen is None or seen != pod["metadata"].get("generation") or resize_conditions(pod):
            continue
        for item in case.expectation.containers:
            shown = container_status(pod, item.name)
            spec = normalised(container_spec(pod, item.name).get("resources"))
            if "running" not in (shown.get("state") or {}):
                continue
            for field, agrees in (
                (
                    "allocatedResources",
                    lists_equal(shown.get("allocatedResources"), spec[REQUESTS]),
                ),
                ("resources", resources_equal(shown.get("resources"), spec)),
            ):
                if not agrees:
                    text = f"{case.where(item.name)}: no resize condition is shown ({at(t)}) and "
                    text += f"{field} is {shown.get(field)}, expected it to be as in the spec"
                    reading = "the API is silent about a resize that is not done"
                    fault = Fault(text=text, container=item.name, reading=reading)
                    return Ruling(faults=(fault,))
    return Ruling(faults=(), reading="no condition, nothing left to do")


def _shown(case: Case) -> Iterator[tuple[float, str, dict[str, Any]]]:
    for t, pod in case.pods:
        for kind, item in resize_conditions(pod).items():
            yield t, kind, item


JUDGES: dict[str, Judge] = {
    "ST-05": no_field,
    "ST-10": pending,
    "ST-14": transition_times,
    "ST-15": generations,
    "ST-17": infeasible_reason,
    "PR-11": silence_means_done,
    "PR-12": never_falls,
}
