"""The answer to the patch, and what the spec shows after it."""

from __future__ import annotations

from podresize.evidence.agreement import container_spec
from podresize.evidence.case import Case, NoEvidenceError
from podresize.evidence.judges.ruling import Fault, Ruling, at, refused_fault
from podresize.oracle.resources import changed_keys, normalised


def accepted(case: Case) -> Ruling:
    """API-01, API-02: the right endpoint answers 200 and the spec has the new values."""
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
        faults=tuple(_spec_faults(case)),
        reading=f"accepted after {at(case.answered_at)}; the spec has the new values",
    )


def refused(case: Case) -> Ruling:
    """API-04, API-05: the answer is the expected refusal and the spec stays as it was."""
    expected, answer = case.expectation.answer, case.answer
    faults = []
    message = str(answer.get("message") or "")
    if answer.get("code") != expected.code:
        faults.append(
            Fault(
                text=f"{case.timeline.pod}: the patch was answered with {answer.get('code')}, "
                f"expected {expected.code}",
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
    faults += _spec_faults(case)
    reading = f"refused with {answer.get('code')}; the spec is unchanged"
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


def _spec_faults(case: Case) -> list[Fault]:
    faults = []
    for item in case.expectation.containers:
        shown = normalised(container_spec(case.final_pod, item.name).get("resources"))
        for kind, name in changed_keys(shown, item.after):
            faults.append(
                Fault(
                    text=f"{case.where(item.name)}: spec {kind}.{name} is "
                    f"{shown[kind].get(name, 'absent')}, expected "
                    f"{item.after[kind].get(name, 'absent')}",
                    container=item.name,
                    reading="the spec does not hold what the answer promised",
                )
            )
    return faults
