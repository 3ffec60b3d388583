"""Who does wrong: the first in the chain of a resize that departs, as the witnesses tell it.

apiserver takes the request → kubelet asks the runtime → the runtime answers → the kernel has the
values → the runtime reports them → the kubelet tells them. Whoever is first not to do its part is
at fault for all that follows. That the kubelet asked rightly is known only where a tap tells its
calls (``Witness.CALL``); without one nobody is named for a kernel that lacks the values.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from podresize.evidence.agreement import (
    allows,
    cgroup_shows,
    number,
    runtime_shows,
    spec_is_new,
)
from podresize.evidence.case import Case, NoEvidenceError
from podresize.evidence.judges.ruling import at
from podresize.evidence.timeline import Observation, Witness
from podresize.oracle.cgroups import CgroupFiles
from podresize.oracle.expectation import ContainerExpectation
from podresize.oracle.model import POD, container_subject
from podresize.requirements.areas import area_of
from podresize.requirements.model import Outcome, Party

_UPDATE = "UpdateContainerResources"
_SANDBOX_UPDATE = "UpdatePodSandboxResources"
_STOPS = ("StopContainer", "StopPodSandbox", "RemoveContainer", "RemovePodSandbox")
# What all files of one sample take to be read, on a busy host.
_READING_SECONDS = 0.05
# What a runtime takes for an update: milliseconds, a second on a host that is far too busy.
_SLOW_SECONDS = 5.0
# Reports are read ten times a second; a busy host may hold one up.
_LAG_SECONDS = 1.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """One party, and what of it the witnesses saw, as the end of a sentence on it."""

    party: Party
    because: str

    def __str__(self) -> str:
        return f"At fault is the {self.party}, which {self.because}"


def blame(case: Case, requirement: str) -> Blame | None:
    """Return who is at fault for what a requirement finds wrong, None where nobody can tell."""
    try:
        found = next(_departures(case), None) or _teller(case, requirement)
    except NoEvidenceError:
        found = None
    if found is None and not case.timeline.watched:
        return _by(Party.APISERVER, "answered otherwise than specified; nobody else was asked")
    return found


def _departures(case: Case) -> Iterator[Blame]:
    """Yield who departs, in the order of the chain."""
    yield from _apiserver(case)
    if not case.expectation.answer.accepted:
        return
    for item in case.expectation.containers:
        yield from _ended(case, item)
    if case.expectation.outcome is Outcome.GRANTED:
        yield from _sandbox(case)
        for item in case.expectation.containers:
            yield from _enacted(case, item)
        yield from _pod_cgroup(case)
        for item in case.expectation.containers:
            yield from _reported(case, item)


def _apiserver(case: Case) -> Iterator[Blame]:
    wanted, code = case.expectation.answer, case.answer.get("code")
    if wanted.accepted and code != 200:
        yield _by(Party.APISERVER, f"refused what it has to take ({code})")
    elif not wanted.accepted and code == 200:
        yield _by(Party.APISERVER, "took what it has to refuse")
    elif wanted.accepted and not spec_is_new(case.final_pod, case.expectation):
        yield _by(Party.APISERVER, "answered 200 and stored something else")


def _ended(case: Case, item: ContainerExpectation) -> Iterator[Blame]:
    """The container ended that was to go on."""
    subject = container_subject(item.name)
    runs = [
        (seen.t, seen.data)
        for seen in case.timeline.of(Witness.CRI, subject)
        if seen.data.get("state") is not None
    ]
    if item.restarts or not runs:
        return
    first = runs[0][1]
    for t, status in runs:
        if status.get("id") != first.get("id") or status.get("state") != first.get("state"):
            break
        if status.get("started_at") != first.get("started_at"):
            if _process_is_one(case, subject):
                yield _by(
                    Party.CRI_RUNTIME,
                    f"tells another start time ({at(t)}) of a process that is the same",
                )
                return
            break
    else:
        return
    if not _is_tapped(case):
        return
    asked = [
        call
        for call in _calls(case, None)
        if call.data["method"] in _STOPS and call.subject in (subject, POD) and call.t <= t + 1
    ]
    if asked:
        yield _by(Party.KUBELET, f"asked for the container's end ({asked[0].data['method']})")
    else:
        yield _by(
            Party.CRI_RUNTIME, f"ended {item.name} ({at(t)}), for which the kubelet never asked"
        )


def _process_is_one(case: Case, subject: str) -> bool:
    seen = {
        (each.data.get("pid"), each.data.get("start_ticks"))
        for each in case.timeline.of(Witness.PROCESS, subject)
    }
    return len(seen) == 1


def _sandbox(case: Case) -> Iterator[Blame]:
    """A runtime may lack UpdatePodSandboxResources (CRI-04); any other error ends the resize."""
    told = [call.data for call in _calls(case, POD) if call.data["method"] == _SANDBOX_UPDATE]
    if told and told[-1]["code"] not in ("OK", "UNIMPLEMENTED"):
        yield _by(
            Party.CRI_RUNTIME,
            f"answered {_SANDBOX_UPDATE} with {told[-1]['code']}, neither done nor lacked: "
            f"{told[-1]['message']}",
        )


def _enacted(case: Case, item: ContainerExpectation) -> Iterator[Blame]:
    """What was asked of the runtime, and whether the kernel got it."""
    subject = container_subject(item.name)
    if item.restarts:
        return
    wanted = case.expectation.cgroups_after.get(subject, {})
    states = case.cgroup(subject)
    right = [t for t, files in states if cgroup_shows(files, wanted)]
    is_right = cgroup_shows(states[-1][1], wanted)
    changed = {
        name: allowed
        for name, allowed in item.runtime_after.items()
        if allowed != item.runtime_before.get(name)
    }
    if not _is_tapped(case) or not (changed or not is_right):
        return
    updates = [call for call in _calls(case, subject) if call.data["method"] == _UPDATE]
    done = [call for call in updates if call.data["code"] == "OK"]
    asked = _merged(updates)
    took = max((call.data["seconds"] for call in updates), default=0.0)
    if took > case.expectation.fingerprint.patience(_SLOW_SECONDS):
        yield _by(Party.CRI_RUNTIME, f"took {took:.1f} s for an update of {item.name}")
    if updates and (last := updates[-1].data)["code"] != "OK":
        yield _by(
            Party.CRI_RUNTIME,
            f"answered the update of {item.name} with {last['code']}: {last['message']}",
        )
    for name, allowed in changed.items():
        if name not in asked:
            yield _by(Party.KUBELET, f"never asked the runtime for {name} of {item.name}")
        elif number(asked, name) not in allowed:
            yield _by(
                Party.KUBELET,
                f"asked the runtime for {name} {number(asked, name)} of {item.name}, "
                f"not {_any(allowed)}",
            )
    if is_right:
        yield from _late(case, item, right, [call for call in done if _asks(call, changed)])
        for call in updates:
            if call.data["code"] != "OK":
                yield _by(
                    Party.CRI_RUNTIME,
                    f"answered an update of {item.name} with {call.data['code']} before it did it: "
                    f"{call.data['message']}",
                )
        return
    had = _had(states, wanted)
    if had is None:
        how = "with other values" if _moved(states) else "and did nothing"
        yield _by(Party.CRI_RUNTIME, f"answered the update of {item.name} with OK {how}")
    elif runtime_shows(_report(case, item.name), item.runtime_after):
        yield _by(
            Party.KERNEL,
            f"had the values of {item.name} ({at(had)}) and lost them: neither the kubelet "
            "asked for that nor does the runtime report it, so somebody else wrote the cgroup",
        )
    else:
        yield _by(
            Party.CRI_RUNTIME,
            f"took back an update of {item.name} that it had done ({at(had)})",
        )


def _late(
    case: Case, item: ContainerExpectation, right: list[float], done: list[Observation]
) -> Iterator[Blame]:
    """The kernel has the values now; had it them when the runtime first said that it had done so?

    A kubelet that sees no effect asks again: the later answers say nothing of the first.
    """
    after = [t for t in right if t >= 0]
    if done and after and after[0] > (said := min(call.t for call in done)) + _gap(case):
        yield _by(
            Party.CRI_RUNTIME,
            f"answered the update of {item.name} at {at(said)}, before the kernel had the "
            f"values ({at(after[0])})",
        )


def _asks(call: Observation, changed: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a call alone asks for everything that changes."""
    asked = call.data.get("linux") or {}
    return all(number(asked, name) in allowed for name, allowed in changed.items())


def _pod_cgroup(case: Case) -> Iterator[Blame]:
    wanted = case.expectation.cgroups_after.get(POD)
    if not wanted:
        return
    with contextlib.suppress(NoEvidenceError):
        states = case.cgroup(POD)
        if cgroup_shows(states[-1][1], wanted):
            return
        had = _had(states, wanted)
        if had is not None:
            yield _by(
                Party.KERNEL,
                f"had the values of the pod's cgroup ({at(had)}) and lost them, for which the "
                "kubelet has no cause: somebody else wrote it",
            )
        else:
            yield _by(Party.KUBELET, "did not write the values into the pod's cgroup")


def _reported(case: Case, item: ContainerExpectation) -> Iterator[Blame]:
    """The kernel has what it must have: does the runtime say so?"""
    if not case.expectation.fingerprint.sees_node:
        return
    reports = [status for _, status in case.runtime(item.name) if status.get("state") is not None]
    told: list[dict[str, Any]] = []
    for status in reports:
        if status.get("resources") is None:
            yield _by(Party.CRI_RUNTIME, f"does not report the resources of {item.name}")
            return
        told.append(status["resources"])
    if not told:
        return
    yield from _stale(case, item)
    updates = [call.data.get("linux") or {} for call in _calls(case, container_subject(item.name))]
    for name, allowed in item.runtime_after.items():
        if number(told[-1], name) not in allowed:
            yield _by(
                Party.CRI_RUNTIME,
                f"reports {name} {number(told[-1], name)} of {item.name}, not {_any(allowed)}",
            )
        asked = [number(each, name) for each in updates if name in each]
        known = (*allowed, *item.runtime_before.get(name, ()), *asked)
        strange = [report for report in told if number(report, name) not in known]
        if strange and not case.expectation.passing:
            yield _by(
                Party.CRI_RUNTIME,
                f"reported {name} {number(strange[0], name)} of {item.name}, for which nobody "
                "asked",
            )
    first, last = told[0], told[-1]
    for name in ("cpuset_cpus", "cpuset_mems", "hugepage_limits", "cpu_period"):
        if first.get(name) and (last.get(name) or None) != first.get(name):
            yield _by(Party.CRI_RUNTIME, f"reports another {name} of {item.name} than before")
        elif last.get(name) and not first.get(name) and name != "cpu_period":
            yield _by(Party.CRI_RUNTIME, f"reports a {name} of {item.name} that nobody asked for")


def _stale(case: Case, item: ContainerExpectation) -> Iterator[Blame]:
    """The runtime reports it now; did it when it had answered?"""
    subject = container_subject(item.name)
    done = [
        call.t
        for call in _calls(case, subject)
        if call.data["method"] == _UPDATE and call.data["code"] == "OK"
    ]
    if not done or item.restarts or case.expectation.passing:
        return
    # A report is recorded when it is another than before.
    right = [
        t
        for t, status in case.runtime(item.name)
        if runtime_shows(status.get("resources"), item.runtime_after)
    ]
    allowed = case.expectation.fingerprint.patience(_LAG_SECONDS)
    if right and (lag := min(right) - max(done)) > allowed:
        yield _by(
            Party.CRI_RUNTIME,
            f"reported the new values of {item.name} {lag:.1f} s after it had answered",
        )


def _teller(case: Case, requirement: str) -> Blame | None:
    """Nobody departs in what was asked, done and reported: what is left is what is told of it."""
    if area_of(requirement) == "API":
        return _by(Party.APISERVER, "answered or stored otherwise than specified")
    if area_of(requirement) == "CRI" or not case.expectation.answer.accepted:
        return None
    if case.expectation.outcome is not Outcome.GRANTED:
        return _by(Party.KUBELET, "does not tell what becomes of the resize as it must")
    if not _is_done(case):
        return None  # who did not do it is not known: nobody told what was asked of the runtime
    return _by(Party.KUBELET, "tells otherwise of what kernel and runtime have done and report")


def _is_done(case: Case) -> bool:
    """Whether every cgroup and every report ended at the new values."""
    return all(
        cgroup_shows(case.cgroup(subject)[-1][1], wanted)
        for subject, wanted in case.expectation.cgroups_after.items()
    ) and all(
        case.runtime_holds(item.name, item.runtime_after) for item in case.expectation.containers
    )


def _had(states: list[tuple[float, dict[str, str]]], wanted: CgroupFiles) -> float | None:
    """Return when each file that ended wrong had been right, None where one never was."""
    wrong = {
        name: allowed
        for name, allowed in wanted.items()
        if not allows(allowed, states[-1][1].get(name, ""))
    }
    times = [
        next((t for t, files in states if allows(allowed, files.get(name, ""))), None)
        for name, allowed in wrong.items()
    ]
    known = [t for t in times if t is not None]
    return max(known) if len(known) == len(times) else None


def _by(party: Party, because: str) -> Blame:
    return Blame(party=party, because=because)


def _is_tapped(case: Case) -> bool:
    return any(True for _ in case.timeline.of(Witness.CALL))


def _calls(case: Case, subject: str | None) -> list[Observation]:
    """Return the kubelet's calls that ended after the patch."""
    return [call for call in case.timeline.of(Witness.CALL, subject) if call.t >= 0]


def _merged(calls: list[Observation]) -> dict[str, Any]:
    """Return what calls ask for together: a field that is not set changes nothing."""
    merged: dict[str, Any] = {}
    for call in calls:
        merged |= call.data.get("linux") or {}
    return merged


def _report(case: Case, name: str) -> Mapping[str, Any] | None:
    reported: Mapping[str, Any] | None = case.runtime(name)[-1][1].get("resources")
    return reported


def _moved(states: list[tuple[float, dict[str, str]]]) -> bool:
    return any(files != states[0][1] for t, files in states if t >= 0)


def _gap(case: Case) -> float:
    """How long the kernel may have had a value before a sample shows it: from one to the next.

    Where the kernel has a clock of its own, its times are as uncertain as what is known of that.
    """
    sampling, clock = case.timeline.sampling or {}, case.timeline.clock or {}
    gap = max(_READING_SECONDS, float(sampling.get("largest_gap", 0.0)))
    return _READING_SECONDS + gap + float(clock.get("uncertainty", 0.0))


def _any(allowed: tuple[int, ...]) -> str:
    return " or ".join(map(str, allowed))
