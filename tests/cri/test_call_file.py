"""The file of calls has an end, and who follows it does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from podresize.cri.call import Call
from podresize.cri.call_file import CallFile, CallReader
from podresize.cri.calls import to_line
from podresize.errors import HarnessError

METHOD = "/runtime.v1.RuntimeService/Version"
LINE = len(to_line(Call(method=METHOD, began=1, ended=100, code="OK", message="", request=b"")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


@pytest.fixture
def reader(path: Path) -> Iterator[CallReader]:
    write(path, [100])  # from before
    with contextlib.closing(CallReader(path)) as reader:
        yield reader


def write(path: Path, numbers: list[int], *, limit: int = 1 << 20) -> None:
    """Write a call for each number of three digits, all to the disk when this returns."""
    file = CallFile(path, limit=limit)
    for each in numbers:
        file.tell(Call(method=METHOD, began=1, ended=each, code="OK", message="", request=b""))
    file.close()


def numbers(reader: CallReader) -> list[int]:
    return [int(call["ended"]) for call in reader.new()]


def test_there_are_two_files_at_most_and_each_is_bounded(path: Path, tmp_path: Path) -> None:
    write(path, list(range(100, 150)), limit=10 * LINE)
    write(path, list(range(150, 195)), limit=10 * LINE)

    found = {each.name: each.read_text().splitlines() for each in tmp_path.iterdir()}
    assert {name: len(lines) for name, lines in found.items()} == {
        "calls.jsonl": 5,
        "calls.jsonl.1": 10,
    }
    assert '"ended": 194' in found["calls.jsonl"][-1]


@pytest.mark.parametrize("before", [0, 1, 3, 8])
def test_who_follows_gets_each_call_once_over_a_turn(
    path: Path, reader: CallReader, before: int
) -> None:
    said, seen = list(range(101, 115)), []
    for some in (said[:before], said[before:]):
        write(path, some, limit=10 * LINE)
        seen += numbers(reader)

    assert seen == said
    assert path.with_name("calls.jsonl.1").exists()


def test_one_that_begins_after_a_turn_sees_what_comes(path: Path) -> None:
    write(path, list(range(100, 115)), limit=10 * LINE)
    with contextlib.closing(CallReader(path)) as reader:
        assert numbers(reader) == []
        write(path, [200])

        assert numbers(reader) == [200]


def test_calls_that_are_lost_are_an_error(path: Path, reader: CallReader) -> None:
    write(path, list(range(101, 125)), limit=10 * LINE)

    with pytest.raises(HarnessError, match="faster than they were read") as error:
        reader.new()

    assert str(path) in str(error.value)
