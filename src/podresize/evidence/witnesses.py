"""What each witness says, in a phrase, and who disagrees with whom.

The phrases are about one container: the one a fault names, else the first that was to change.
"""

from __future__ import annotations

import contextlib
import dataclasses

from podresize.evidence.agreement import (
    allows,
    cgroup_shows,
    container_status,
    number,
    runtime_shows,
    status_is_new,
)
from podresize.evidence.case import Case, NoEvidenceError
from podresize.oracle.expectation import ContainerExpectation
from podresize.oracle.model import container_subject
from podresize.oracle.resources import changed_keys

_CRI_FIELDS = {
    "cpu_shares": "cpu_shares",
    "cpu_quota": "cpu_quota",
    "memory_limit_in_bytes": "memory",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Whether each witness ended at the new values; None where it was not heard or is silent.

    ``reports`` is False when the runtime answered and left resources out.
    """

    api: bool | None
    runtime: bool | None
    reports: bool | None
    kernel: bool | None


def positions(case: Case) -> Positions:
    """Return where the three witnesses ended, over all containers and the pod."""
    expectation = case.expectation
    api = runtime = reports = kernel = None
    with contextlib.suppress(NoEvidenceError):
        api = status_is_new(case.final_pod, expectation)
    with contextlib.suppress(NoEvidenceError):
        last = {item.name: case.runtime(item.name)[-1][1] for item in expectation.containers}
        reports = all(status.get("resources") is not None for status in last.values())
        runtime = all(
            runtime_shows(last[item.name].get("resources"), item.runtime_after)
            for item in expectation.containers
        )
    with contextlib.suppress(NoEvidenceError):
        kernel = all(
            cgroup_shows(case.cgroup(subject)[-1][1], wanted)
            for subject, wanted in expectation.cgroups_after.items()
        )
    return Positions(api=api, runtime=runtime, reports=reports, kernel=kernel)


def disagreement(case: Case) -> str | None:
    """Return who disagrees, in one line, or None when all that were heard agree."""
    seen = positions(case)
    if seen.kernel and seen.reports is False:
        return "the kernel has the new value; the runtime does not report it"
    if seen.kernel and seen.runtime is False:
        return "the kernel has the new value; the runtime reports another"
    if seen.kernel and seen.api is False:
        return "the kernel and the runtime have the new value; the API does not show it"
    if seen.kernel is False and seen.runtime and seen.api:
        return "the API and the runtime show the new value; the kernel does not have it"
    if seen.kernel is False and seen.api:
        return "the API shows the new value; the kernel does not have it"
    if seen.kernel is False and seen.runtime:
        return "the runtime reports the new value; the kernel does not have it"
    return None


def phrases(case: Case, name: str | None = None) -> dict[str, str]:
    """Return what ``api``, ``cri`` and ``kernel`` said last about a container, each in a phrase.

    ``name`` picks the container; without it, the first that was to change, else the first.
    """
    containers = case.expectation.containers
    if not containers:
        return {}
    chosen = next((item for item in containers if item.is_changed), containers[0])
    if name is not None:
        chosen = next((item for item in containers if item.name == name), chosen)
    return {
        "api": _api(case, chosen),
        "cri": _cri(case, chosen),
        "kernel": _kernel(case, chosen),
    }


def _api(case: Case, container: ContainerExpectation) -> str:
    try:
        pods = case.pods
    except NoEvidenceError:
        return "not heard"
    keys = changed_keys(container.before, container.after) or [
        (kind, name) for kind, values in container.after.items() for name in values
    ]

    def shown(index: int) -> str:
        resources = container_status(pods[index][1], container.name).get("resources")
        if resources is None:
            return "no resources in status"
        return ", ".join(
            f"{kind}.{name} {(resources.get(kind) or {}).get(name, 'absent')}"
            for kind, name in keys
        )

    last = shown(-1)
    since = pods[-1][0]
    for index in range(len(pods) - 1, -1, -1):
        if shown(index) != last:
            break
        since = pods[index][0]
    return f"{last} ({_span(since, case.timeline.ended)})"


def _cri(case: Case, container: ContainerExpectation) -> str:
    try:
        seen = case.runtime(container.name)
    except NoEvidenceError:
        return "not heard"
    reported = seen[-1][1].get("resources")
    if reported is None:
        return "no resources reported"
    differing = [
        name
        for name in _CRI_FIELDS
        if container.runtime_before.get(name) != container.runtime_after.get(name)
    ] or list(_CRI_FIELDS)
    text = ", ".join(f"{_CRI_FIELDS[name]} {number(reported, name)}" for name in differing)
    since = seen[-1][0]
    for t, status in reversed(seen):
        if status.get("resources") != reported:
            break
        since = t
    return f"{text} ({_at(since)})"


def _kernel(case: Case, container: ContainerExpectation) -> str:
    subject = container_subject(container.name)
    try:
        states = case.cgroup(subject)
    except NoEvidenceError:
        return "not heard"
    before, after = (
        case.expectation.cgroups_before[subject],
        case.expectation.cgroups_after[subject],
    )
    names = [name for name in after if before.get(name) != after[name]] or list(after)
    last = states[-1][1]
    wrong = [name for name in after if not allows(after[name], last.get(name, ""))]
    names = list(dict.fromkeys([*names, *wrong]))
    since = states[-1][0]
    for t, files in reversed(states):
        if any(files.get(name) != last.get(name) for name in names):
            break
        since = t
    text = ", ".join(f"{name} {last.get(name, 'absent')}" for name in names)
    return f"{text} ({_at(since)})"


def _span(start: float, end: float) -> str:
    return f"{max(start, 0.0):+.1f} s .. {end:+.1f} s"


def _at(t: float) -> str:
    return f"{max(t, 0.0):+.2f} s"
