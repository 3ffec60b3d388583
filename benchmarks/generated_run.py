"""A run of many targets, generated: no stack behaves like this one.

Its shape is that of a real run of profile core with a fault in it: of all verdicts a tenth is
failed, a third could not be put to the target, and one resize in five verdicts has a timeline.
"""

from __future__ import annotations

import random
from typing import Any

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.evidence.timeline import Observation, Timeline, Witness
from podresize_reports.loading import Run, TargetRecord, TimelineRecord

_REQUIREMENTS = 113
_SUITES = ("spec_mutation", "status_fields", "resize_policy", "node_admission", "timing")
_SHARES = {
    VerdictKind.PASSED: 57,
    VerdictKind.FAILED: 10,
    VerdictKind.SKIPPED: 18,
    VerdictKind.UNSUPPORTED: 15,
}
_DEEDS = (
    "took what it has to refuse",
    "answered 200 and stored something else",
    "refused what it has to take (422)",
)


def generated_run(verdicts: int, targets: int = 10) -> Run:
    """Return a run with so many verdicts; the same one for the same numbers."""
    chance = random.Random(0)
    labels = [
        f"kubernetes 1.37.{number}, containerd 2.1.4, runc 1.1.5, cgroup v2 systemd, gate on"
        for number in range(targets)
    ]
    records, timelines = [], {}
    for number in range(verdicts):
        label = labels[number * targets // verdicts]
        if number % 5 == 0:
            kind = chance.choices([*_SHARES], [*_SHARES.values()])[0]
            check = (
                f"suites/{_SUITES[number // 5 % len(_SUITES)]}/test_generated.py"
                f"::test_generated[Guaranteed-cpu+{number // 5}m]"
            )
            timeline = None
            if kind.is_executed:
                found = _timeline(f"generated-{number}", chance)
                timelines[found.id] = TimelineRecord(timeline=found, check=check, target=label)
                timeline = found.id
        records.append(_verdict(number, kind, check, label, timeline, chance))
    described = [TargetRecord(label=label, fingerprint={"generated": True}) for label in labels]
    return Run(
        id="generated",
        started="2026-03-01T06:00:00+00:00",
        ended="2026-03-01T07:00:00+00:00",
        version="generated",
        exit=1,
        targets=tuple(described),
        verdicts=tuple(records),
        timelines=timelines,
    )


def _verdict(
    number: int,
    kind: VerdictKind,
    check: str,
    label: str,
    timeline: str | None,
    chance: random.Random,
) -> VerdictRecord:
    requirement = f"GEN-{number % _REQUIREMENTS}"
    witnesses = {
        "api": "requests.cpu 50m, limits.cpu 50m (+0.0 s .. +2.1 s)",
        "cri": "cpu_shares 51, cpu_quota 5000 (+0.00 s)",
        "kernel": "cpu.weight 2, cpu.max 5000 100000 (+0.00 s)",
    }
    reading, text = f"every file right at +{chance.random():.2f} s", None
    if not kind.is_executed:
        reading = f"needs what no target of this kind has ({kind})"
    elif kind is VerdictKind.FAILED:
        reading = f"not as asked. At fault is the apiserver, which {chance.choice(_DEEDS)}"
        said = "   ".join(f"{name} {phrase}" for name, phrase in witnesses.items())
        text = (
            f'{requirement} (MUST) the container has the new values   KEP-1287 "Generated"\n'
            "  container c1 of pr-0/resize-1: cpu.max is 5000 100000, expected 10000 100000\n"
            f"  witnesses: {said}\n  reading: {reading}\n"
            f"  again: scripts/podresize run {requirement}   evidence: records.jsonl, {timeline}"
        )
    steps = ("patched", "allocated", "asked", "answered", "kernel", "cri", "status", "done")
    times = sorted(round(chance.lognormvariate(-2, 1), 3) for _ in steps)
    return VerdictRecord(
        requirement=requirement,
        level="MUST",
        title="the container has the new values",
        clause='KEP-1287 "Generated"',
        check=check,
        verdict=kind,
        reading=reading,
        target=label,
        seconds=1.5,
        text=text,
        witnesses=witnesses if kind.is_executed else {},
        timeline=timeline,
        facts=dict(zip(steps, times, strict=True)) if timeline else {},
        guilty="apiserver" if kind is VerdictKind.FAILED else None,
    )


def _timeline(identity: str, chance: random.Random) -> Timeline:
    """Return a resize of two containers as it is recorded: a few changes, and what repeats."""
    moments = sorted(chance.lognormvariate(-2, 1) for _ in range(6))
    seen = [Observation(t=0.0, witness=Witness.CLIENT, subject="pod", data=_request())]
    for t, millicores in [(-0.3, 50), *((t, 100) for t in moments)]:
        seen.append(Observation(t=t, witness=Witness.API, subject="pod", data=_pod(millicores)))
        for name in ("c1", "c2"):
            subject = f"container/{name}"
            quota = {"cpu_quota": millicores * 100, "cpu_shares": millicores}
            seen += [
                Observation(t=t, witness=Witness.CRI, subject=subject, data={"resources": quota}),
                Observation(
                    t=t,
                    witness=Witness.KERNEL,
                    subject=subject,
                    data={"cpu.max": f"{millicores * 100} 100000\n", "memory.max": "67108864\n"},
                ),
            ]
    return Timeline(
        id=identity,
        pod=f"pr-0/{identity}",
        started="2026-03-01T06:00:12.402Z",
        ended=moments[-1] + 1,
        observations=tuple(sorted(seen, key=lambda each: each.t)),
    )


def _request() -> dict[str, Any]:
    path = "/api/v1/namespaces/pr-0/pods/resize"
    return {"request": {"method": "PATCH", "path": path}, "answer": {"code": 200}}


def _pod(millicores: int) -> dict[str, Any]:
    amounts = {"cpu": f"{millicores}m", "memory": "64Mi"}
    containers = [
        {"name": name, "resources": {"requests": amounts, "limits": amounts}}
        for name in ("c1", "c2")
    ]
    return {"spec": {"containers": containers}, "status": {"containerStatuses": containers}}
