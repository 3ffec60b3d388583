"""What an answer promises and what the pod shows after it: the two ways a request can end."""

from __future__ import annotations

from typing import Any

from podresize.evidence.agreement import container_spec
from podresize.evidence.case import Case, NoEvidenceError
from podresize.evidence.judges.ruling import (
    Fault,
    Judge,
    NothingToSayError,
    Ruling,
    at,
    refused_fault,
)
from podresize.oracle.pod_spec import all_containers, meaning
from podresize.oracle.resources import changed_keys, normalised

_METADATA = ("generation", "labels", "annotations", "finalizers", "ownerReferences")
_CONDITIONS = ("PodResizePending", "PodResizeInProgress")


def accepted(case: Case) -> Ruling:
    """The endpoint of the expectation answers 200; answer and spec have the promised values."""
    path = str(case.request.get("path") or "").split("?", 1)[0]
    # A pod may itself be named "resize": the subresource is what follows pods/<name>.
    parts = path.split("/")
    asked = "pods/resize" if parts[-3:-2] == ["pods"] and parts[-1] == "resize" else "pods"
    if path and asked != case.expectation.endpoint:
        raise NoEvidenceError(f"the patch went to {asked}, not to {case.expectation.endpoint}")
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    return Ruling(
        faults=(*_answer_faults(case), *spec_faults(case)),
        reading=f"accepted after {at(case.answered_at)}; the spec has the promised values",
    )


def refused(case: Case) -> Ruling:
    """The answer is the expected refusal, in code and words, and the pod stays as it was."""
    expected, answer = case.expectation.answer, case.answer
    faults = []
    message = str(answer.get("message") or "")
    if answer.get("code") != expected.code:
        said = f" ({message})" if message else ""
        faults.append(
            Fault(
                text=f"{case.timeline.pod}: the patch was answered with "
                f"{answer.get('code')}{said}, expected {expected.code}",
                reading="a change that must be refused was not refused as specified",
            )
        )
    elif expected.fragment not in message:
        faults.append(
            Fault(
                text=f"{case.timeline.pod}: the refusal reads {message!r}, expected it to contain "
                f"{expected.fragment!r}",
                reading="refused, with other words than specified",
            )
        )
    faults += untouched_faults(case)
    reading = f"refused with {answer.get('code')}; spec and status are unchanged"
    return Ruling(faults=tuple(faults), reading=reading)


def fields_absent(case: Case) -> Ruling:
    """API-54: without the gate no state of the pod shows a field of the feature."""
    shown: dict[str, float] = {}
    for t, pod in case.pods:
        spec, status = pod.get("spec", {}), pod.get("status", {})
        for kind in ("containers", "initContainers"):
            if any("resizePolicy" in item for item in spec.get(kind) or ()):
                shown.setdefault(f"spec.{kind}[].resizePolicy", t)
        for kind in ("containerStatuses", "initContainerStatuses"):
            for field in ("resources", "allocatedResources"):
                if any(field in item for item in status.get(kind) or ()):
                    shown.setdefault(f"status.{kind}[].{field}", t)
        if status.get("resize"):
            shown.setdefault("status.resize", t)
    faults = tuple(
        Fault(
            text=f"{case.timeline.pod}: {field} is present ({at(t)}), expected it to be absent",
            reading="a field of the feature is shown although its gate is off",
        )
        for field, t in shown.items()
    )
    reading = f"no field of the feature in {len(case.pods)} states of the pod"
    return Ruling(faults=faults, reading=reading)


def spec_faults(case: Case) -> list[Fault]:
    """Return where the stored spec does not have the resources that are expected in it."""
    faults = []
    for item in case.expectation.containers:
        shown = normalised(container_spec(case.final_pod, item.name).get("resources"))
        for kind, name in changed_keys(shown, item.asked):
            faults.append(
                Fault(
                    text=f"{case.where(item.name)}: spec {kind}.{name} is "
                    f"{shown[kind].get(name, 'absent')}, expected "
                    f"{item.asked[kind].get(name, 'absent')}",
                    container=item.name,
                    reading="the spec does not hold what the answer promised",
                )
            )
    return faults


def untouched_faults(case: Case, *, but_resources: bool = False) -> list[Fault]:
    """Return what is not as it was before the request, in any later state of the pod.

    The status counts as far as it speaks of the resize: the node reports other things meanwhile.
    ``but_resources`` leaves out what an accepted resize changes.
    """
    before = _standing(case.pods[0][1], but_resources=but_resources)
    for t, pod in case.pods[1:]:
        now = _standing(pod, but_resources=but_resources)
        for place, was in before.items():
            if now[place] != was:
                text = f"{case.timeline.pod}: {place} changed ({at(t)}): {was} -> {now[place]}"
                reading = "a request that must not touch this changed it"
                return [Fault(text=text, reading=reading)]
    return []


def _standing(pod: dict[str, Any], *, but_resources: bool) -> dict[str, Any]:
    metadata, status = pod.get("metadata", {}), pod.get("status", {})
    spec = dict(pod["spec"])
    if but_resources:
        for key in ("containers", "initContainers"):
            spec[key] = [
                {field: value for field, value in item.items() if field != "resources"}
                for item in spec.get(key) or ()
            ]
        spec.pop("resources", None)
    places = {f"spec.{key}": meaning(value) for key, value in meaning(spec).items()}
    found = {f"metadata.{key}": meaning(metadata.get(key)) for key in _METADATA}
    if but_resources:
        del found["metadata.generation"]
    else:
        found["status.resize"] = status.get("resize") or ""
        found["status.conditions"] = [
            (item["type"], item.get("reason"))
            for item in status.get("conditions") or ()
            if item["type"] in _CONDITIONS
        ]
        for key in ("containerStatuses", "initContainerStatuses"):
            found[f"status.{key}"] = [
                (item["name"], meaning({"resources": item.get("resources") or {}}))
                for item in status.get(key) or ()
            ]
    return _WithDefault(places | found)


class _WithDefault(dict[str, Any]):
    """What a field that is absent holds: nothing."""

    def __missing__(self, key: str) -> None:
        return None


def _answer_faults(case: Case) -> list[Fault]:
    """Return where the pod in the answer is not the promised one; no pod, no fault."""
    spec = case.answer.get("spec")
    if spec is None:
        return []
    faults = []
    shown = {item["name"]: item.get("resources") for item in all_containers({"spec": spec})}
    for name, wanted in case.expectation.answer.spec.items():
        for kind, resource in changed_keys(normalised(shown.get(name)), wanted):
            got = normalised(shown.get(name))[kind].get(resource, "absent")
            want = wanted[kind].get(resource, "absent")
            text = f"{case.where(name)}: the answer's {kind}.{resource} is {got}, expected {want}"
            faults.append(Fault(text=text, container=name, reading="accepted, as something else"))
    return faults


def main_endpoint(case: Case) -> Ruling:
    """API-01: accepted at the pod itself; the subresource is not there."""
    if case.expectation.answer.rule == "API-01":
        return refused(case)
    if not case.expectation.answer.accepted:
        raise NothingToSayError("this change is refused for another reason")
    return accepted(case)


JUDGES: dict[str, Judge] = {
    "API-01": main_endpoint,
    "API-02": accepted,
    "API-54": fields_absent,
}
