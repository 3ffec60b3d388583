"""How soon each witness follows, and whether all of them end at what was asked for last."""

from __future__ import annotations

from podresize.evidence.agreement import (
    api_is_done,
    cgroup_shows,
    container_status,
    runtime_shows,
    spec_is_new,
)
from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.evidence.steps import step_times
from podresize.evidence.timeline import Witness
from podresize.oracle.deadlines import seconds_allowed
from podresize.requirements.loader import load_catalogue


def status_follows(case: Case) -> Ruling:
    """KL-41: the time from the kernel's last new value to the API's."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    times = step_times(case)
    kernel, status = times["kernel"], times["status"]
    limit = _limit(case, "KL-41")
    if any(item.restarts for item in case.expectation.containers):
        # The new cgroup is made before the new container runs and is reported.
        limit = max(limit, case.expectation.deadline)
    if kernel is None:
        text = f"{case.timeline.pod}: the kernel never had the new values, nothing to follow"
        return Ruling(faults=(Fault(text=text),))
    if status is None:
        text = (
            f"{case.timeline.pod}: the kernel is new since {at(kernel)}, the status not "
            f"until {at(case.timeline.ended)}, expected it within {limit:g} s"
        )
        return Ruling(faults=(Fault(text=text),))
    lag = max(0.0, status - kernel)
    if lag > limit:
        text = f"{case.timeline.pod}: the status followed the kernel after {lag:.2f} s, "
        text += f"expected it within {limit:g} s"
        reading = "the status follows, but later than allowed"
        return Ruling(faults=(Fault(text=text, reading=reading),))
    return Ruling(faults=(), reading=f"the status followed the kernel after {lag:.2f} s")


def kernel_in_time(case: Case) -> Ruling:
    """PR-04: every cgroup has the new values within seconds of the patch."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    kernel, limit = step_times(case)["kernel"], _limit(case, "PR-04")
    if kernel is not None and kernel - _asked_at(case) <= limit:
        return Ruling(faults=(), reading=f"in the kernel at {at(kernel)}")
    text = (
        f"{case.timeline.pod}: the kernel had the new values at {at(kernel)}, expected it within "
    )
    return Ruling(faults=(Fault(text=f"{text}{limit:g} s"),))


def last_change_wins(case: Case) -> Ruling:
    """PR-03: the last state of each witness is that of the last accepted change."""
    expectation = case.expectation
    wrong = _answer_faults(case)
    pod = case.final_pod
    if not spec_is_new(pod, expectation):
        wrong.append(Fault(text=f"{case.timeline.pod}: the spec is not the one accepted last"))
    elif not api_is_done(pod, expectation):
        statuses = {
            item.name: container_status(pod, item.name).get("resources")
            for item in expectation.containers
        }
        text = f"{case.timeline.pod}: the API does not show the end: {statuses}"
        wrong.append(Fault(text=text))
    for item in expectation.containers:
        reported = case.runtime(item.name)[-1][1].get("resources")
        if not runtime_shows(reported, item.runtime_after):
            text = f"{case.where(item.name)}: the runtime reports {reported}, expected "
            wrong.append(Fault(text=f"{text}{item.runtime_after}", container=item.name))
    for subject, wanted in expectation.cgroups_after.items():
        files = case.cgroup(subject)[-1][1]
        if not cgroup_shows(files, wanted):
            held = {name: files.get(name) for name in wanted}
            allowed = {name: [each.value for each in values] for name, values in wanted.items()}
            text = f"{subject} of {case.timeline.pod} holds {held}, expected {allowed}"
            wrong.append(Fault(text=text, container=subject.partition("/")[2] or None))
    count = len(expectation.passing) + 1
    reading = f"API, runtime and kernel at the last of {count}" if count > 1 else "all at the end"
    return Ruling(faults=tuple(wrong), reading=reading)


def _asked_at(case: Case) -> float:
    """Return when the last change was sent: what came before it is no delay of the node's."""
    sent = [seen.t for seen in case.timeline.of(Witness.CLIENT) if seen.data.get("answer") is None]
    return sent[-1] if sent else 0.0


def _answer_faults(case: Case) -> list[Fault]:
    """Return the answers that are not as expected; the last accepted one follows from them."""
    expectation = case.expectation
    if not expectation.passing:
        refused = refused_fault(case)
        return [] if refused is None else [refused]
    codes = [
        seen.data["answer"]["code"]
        for seen in case.timeline.of(Witness.CLIENT)
        if seen.data.get("answer") is not None
    ]
    wanted = [each.accepted for each in expectation.passing]
    if [code == 200 for code in codes[:-1]] == wanted and len(codes) == len(wanted) + 1:
        return []
    text = f"{case.timeline.pod}: the answers are {codes}, expected accepted: {wanted} and the last"
    return [Fault(text=text)]


def _limit(case: Case, requirement: str) -> float:
    """Return the catalogue's seconds for this target; each of these ids has them."""
    known = load_catalogue().requirement(requirement)
    return seconds_allowed(known, case.expectation.fingerprint) or 0.0


JUDGES: dict[str, Judge] = {
    "KL-41": status_follows,
    "PR-03": last_change_wins,
    "PR-04": kernel_in_time,
}
