"""Root causes: one thing wrong is one line, two things are two.

The records in ``data`` are those of a real run on an apiserver that drops what a resize asks for
(the mutant resize-dropped of Kubernetes 1.37.2), at most twenty verdicts of each cause.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.causes import cause_key, causes, counts_by_requirement, normalised
from podresize_reports.witnessed import disagreeing

_DATA = Path(__file__).parent / "data" / "resize-dropped.jsonl"
_STORED = "At fault is the apiserver, which answered 200 and stored something else"
_REFUSED = "At fault is the apiserver, which refused what it has to take (422)"


def _verdict(**changes: object) -> VerdictRecord:
    return VerdictRecord.from_json(build.verdict(kind=VerdictKind.FAILED) | changes)


def _mutant() -> list[VerdictRecord]:
    lines = _DATA.read_text(encoding="utf-8").splitlines()
    return [VerdictRecord.from_json(json.loads(line)) for line in lines]


def test_what_a_mutant_breaks_comes_to_its_few_deeds() -> None:
    found = causes(_mutant())

    sentences = [cause.sentence for cause in found if cause.checks > 1]
    assert sorted(sentences) == [
        "accepted, as something else",
        "the apiserver answered 200 and stored something else",
        "the apiserver refused what it has to take (422)",
        "the apiserver took what it has to refuse",
    ]
    assert len(found) < len(_mutant()) / 5
    assert sum(len(cause.verdicts) for cause in found) == len(_mutant())


def test_one_deed_is_one_cause_whatever_follows_from_it() -> None:
    (stored,) = [cause for cause in causes(_mutant()) if "stored" in cause.sentence]

    assert len({verdict.reading for verdict in stored.verdicts}) > 5
    assert len(stored.requirements) > 5
    assert (stored.guilty, stored.deviation) == ("apiserver", None)
    assert sum(counts_by_requirement(stored).values()) == len(stored.verdicts)


@pytest.mark.parametrize(
    "other",
    [
        {"reading": "container c9 of pr-7f3a-gw3-1/resize-2: cpu.max is 9 after +1.07 s"},
        {"requirement": "KL-30", "check": "suites/a/test_b.py::test_c", "target": build.NEW},
        {"reading": "container c1 of pr-0-gw0-1/resize-1: memory.max is 40Mi after +0.02 s"},
    ],
    ids=["numbers", "place", "file"],
)
def test_what_differs_from_check_to_check_makes_no_other_cause(other: dict[str, object]) -> None:
    reading = "container c1 of pr-6d99-gw7-3/resize-1: cpu.max is 50 after +0.31 s"
    first = _verdict(reading=reading)

    changed: dict[str, object] = {"reading": reading}
    assert cause_key(_verdict(**(changed | other))) == cause_key(first)


@pytest.mark.parametrize(
    "other",
    [
        {"reading": f"it is wrong. {_STORED.replace('apiserver', 'kubelet')}"},
        {"reading": f"it is wrong. {_REFUSED}"},
        {"reading": "another thing is wrong", "guilty": None},
        {"verdict": VerdictKind.ERROR},
        {"verdict": VerdictKind.DEVIATION, "deviation": "C-01"},
    ],
    ids=["party", "deed", "nobody", "error", "deviation"],
)
def test_another_fault_is_another_cause(other: dict[str, object]) -> None:
    first = _verdict(reading=f"it is wrong. {_STORED}", guilty="apiserver")

    changed: dict[str, object] = {"reading": first.reading}
    assert cause_key(_verdict(**(changed | other))) != cause_key(first)


def test_where_nobody_is_named_the_witnesses_part_two_causes() -> None:
    def key(cri: str) -> tuple[object, ...]:
        said = {"api": "limits.cpu 600m (+0.1 s)", "cri": cri, "kernel": "cpu.max 60000 100000"}
        return cause_key(_verdict(reading="the resize is not done", witnesses=said))

    assert key("cpu_quota 60000") == key("cpu_quota 60000 (+0.31 s)")
    assert key("cpu_quota 60000") != key("cpu_quota 40000")
    assert key("cpu_quota 60000") != key("no resources reported")


def test_a_deviation_is_one_cause_by_its_id() -> None:
    seen = [
        _verdict(verdict=VerdictKind.DEVIATION, deviation=id_, reading=f"as {n}. Deviation {id_}")
        for n, id_ in enumerate(["C-01", "PD-01", "C-01"])
    ]
    race = _verdict(verdict=VerdictKind.PASSED, deviation="PD-10")

    found = causes([*seen, race])
    assert [(cause.deviation, len(cause.verdicts), cause.sentence) for cause in found] == [
        ("C-01", 2, "as 0"),
        ("PD-01", 1, "as 1"),
    ]


def test_failures_come_first_then_what_most_checks_saw() -> None:
    seen = [_verdict(reading=f"this{'!' * n}", check=f"c{m}") for n in (1, 2) for m in range(n)]
    error = _verdict(verdict=VerdictKind.ERROR)

    found = causes([error, *seen])
    assert [(cause.verdict, cause.checks) for cause in found] == [
        (VerdictKind.FAILED, 2),
        (VerdictKind.FAILED, 1),
        (VerdictKind.ERROR, 1),
    ]
    assert causes([*reversed(seen), error]) == found, "in whatever order they came"


def test_the_code_of_an_answer_is_no_number_to_take_out() -> None:
    assert normalised("answered 200 at +0.3 s") == "answered 200 at … s"
    assert normalised("refused (422)") != normalised("refused (500)")
    assert normalised("cpu.shares is 512") == normalised("cpu.shares is 102")


def test_a_reading_that_is_the_head_of_a_failure_text_is_read_in_it() -> None:
    head = 'API-02 (MUST) it changes   KEP-1287 "Resize"'
    text = (
        f"{head}\n  pod a/b: wrong\n  witnesses: none was heard\n  reading: it is wrong. {_STORED}"
    )

    assert cause_key(_verdict(reading=head, text=text)) == cause_key(
        _verdict(reading=f"something else. {_STORED}")
    )


@pytest.mark.parametrize(
    ("witnesses", "apart"),
    [
        ({"api": "limits.cpu 600m (+0.1 s)", "kernel": "cpu.cfs_quota_us 60000 (+0.1 s)"}, ()),
        ({"cri": "cpu_quota 50000", "kernel": "cpu.max 60000 100000"}, ("cri", "kernel")),
        ({"cri": "cpu_quota 60000", "kernel": "cpu.max 120000 200000"}, ()),
        ({"api": "limits.memory 64Mi", "kernel": "memory.max 67108864"}, ()),
        ({"api": "limits.memory 64Mi", "kernel": "memory.max 1"}, ("api", "kernel")),
        ({"cri": "no resources reported", "kernel": "cpu.shares 614"}, ("cri",)),
        (
            {"cri": "cpu_shares 512", "spec": "cpu_shares 512", "kernel": "cpu.shares 2"},
            ("cri", "kernel", "spec"),
        ),
        ({"api": "no resources in status", "cri": "not heard"}, ()),
        ({"api": "limits.cpu .", "kernel": "-.. 5\x00"}, ()),
        ({}, ()),
    ],
    ids=[
        "agree",
        "cpu",
        "period",
        "memory",
        "less",
        "silent",
        "three",
        "unheard",
        "rubbish",
        "none",
    ],
)
def test_who_disagrees(witnesses: dict[str, str], apart: tuple[str, ...]) -> None:
    assert disagreeing(witnesses) == apart
