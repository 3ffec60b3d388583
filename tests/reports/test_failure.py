"""The five parts of a failure's text: taken apart as they were put together, else left whole."""

from __future__ import annotations

import pytest

from podresize.evidence.failure_text import failure_text
from podresize.requirements.loader import load_catalogue
from podresize_reports.page.failure import failure_parts

_ST_20 = load_catalogue().requirements["ST-20"]


def _text(*faults: str, reading: str = "it is wrong") -> str:
    return failure_text(
        _ST_20,
        faults=faults,
        witnesses={"api": "limits.cpu 400m", "kernel": "cpu.max 60000 100000"},
        reading=reading,
        again="scripts/podresize run ST-20",
        evidence="records.jsonl, timeline t1",
    )


@pytest.mark.parametrize("faults", [(), ("a: is 1, expected 2",), ("a   b", "c: d")])
def test_what_was_put_together_is_taken_apart(faults: tuple[str, ...]) -> None:
    parts = failure_parts(_text(*faults))

    assert parts is not None
    assert parts.title == f"ST-20 (MUST) {_ST_20.title}"
    assert parts.source.startswith(_ST_20.clause)
    assert parts.faults == faults
    assert parts.witnesses == "API limits.cpu 400m   cgroup cpu.max 60000 100000"
    assert parts.reading == "it is wrong"
    assert (parts.again, parts.evidence) == (
        "scripts/podresize run ST-20",
        "records.jsonl, timeline t1",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traceback (most recent call last):\n  File x\nValueError: no",
        _text("a").replace("  again: ", "  once more: "),
        f"{_text('a')}\n{_text('b')}",
        _text("a", reading="two\nlines"),
    ],
    ids=["empty", "traceback", "unknown", "two", "broken"],
)
def test_another_shape_has_no_parts(text: str) -> None:
    assert failure_parts(text) is None
