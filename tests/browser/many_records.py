"""Records with every verdict, two root causes, two suites and two targets."""

from __future__ import annotations

from typing import Any

from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind

FAULT = "At fault is the apiserver, which answered 200 and stored something else"
TEXT = (
    '{id} (MUST) status.resources follows the resize            KEP-1287 "Container status"\n'
    "  container c1 of pr-7f3a-2/resize: limits.cpu is 400m, expected 600m\n"
    "  witnesses: API limits.cpu 400m   CRI cpu_quota 60000   cgroup cpu.cfs_quota_us 60000\n"
    "  reading: {reading}\n"
    "  again: scripts/podresize run {id} --containerd 1.6.8   evidence: records.jsonl"
)


def records() -> list[dict[str, Any]]:
    """18 of the small run with C-01, 4 failures of one cause, and one of each other verdict."""
    *found, end = build.two_targets()
    for number in range(4):
        check = f"suites/spec_mutation/test_stored.py::test_it[{number}]"
        identity = f"KL-3{number % 2}"
        reading = f"container c{number} has {number}00m. {FAULT}"
        found.append(
            build.verdict(
                identity,
                VerdictKind.FAILED,
                check=check,
                reading=reading,
                text=TEXT.format(id=identity, reading=reading),
                target=build.NEW,
                timeline=f"failed-{number}",
                guilty="apiserver",
                witnesses={"api": "limits.cpu 400m", "cri": "cpu_quota 60000"},
            )
        )
        found.append(build.timeline(f"failed-{number}") | {"check": check})
    for number, kind in enumerate(
        (VerdictKind.ERROR, VerdictKind.FLAKY, VerdictKind.SKIPPED, VerdictKind.UNSUPPORTED)
    ):
        check = f"suites/timing/test_others.py::test_it[{number}]"
        text = "a text of another shape" if kind.is_executed else None
        reading = f"this one is {kind}"
        found.append(build.verdict(f"PR-{number}", kind, check=check, reading=reading, text=text))
    claimed = "suites/cri/test_claims.py::test_it"
    found += [
        build.verdict("RT-01", VerdictKind.FAILED, check=claimed, reading="the code is 200"),
        build.claims(
            build.claim(requirement="RT-01", got=200),
            build.claim(requirement="RT-01", what="the message"),
            check=claimed,
        ),
    ]
    return [*found, end]


VERDICTS = 27
