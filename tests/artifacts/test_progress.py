"""What a person waiting reads: on a terminal and in a log."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from podresize.artifacts.progress import (
    Plain,
    Terminal,
    amount,
    human_size,
    human_time,
    remaining,
)


def test_plain_lines_come_at_intervals_with_an_estimate() -> None:
    now = [0.0]
    out = io.StringIO()

    with Plain(out, interval=30, clock=lambda: now[0]).work("building", unit="steps") as advance:
        for second in range(1, 121):
            now[0] = float(second)
            advance(second * 10, 2000)

    assert out.getvalue().splitlines() == [
        "building ...",
        "building: 300 of 2000 steps, 30 s so far, about 2 min 50 s left",
        "building: 600 of 2000 steps, 60 s so far, about 2 min 20 s left",
        "building: 900 of 2000 steps, 90 s so far, about 1 min 50 s left",
        "building: 1200 of 2000 steps, 2 min 00 s so far, about 80 s left",
        "building: done in 2 min 00 s",
    ]


def test_failed_work_is_not_called_done() -> None:
    out = io.StringIO()

    with pytest.raises(ZeroDivisionError), Plain(out).work("building", unit="steps"):
        raise ZeroDivisionError

    assert out.getvalue() == "building ...\n"


def test_a_terminal_shows_amounts_and_leaves_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")  # a dumb one cannot move its cursor
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, color_system=None)

    with Terminal(console).work("downloading", unit="bytes") as advance:
        advance(1 << 20, 4 << 20)
    Terminal(console).note("[not markup]")

    text = out.getvalue()
    assert "downloading: done in 0 s" in text
    assert "1.0 MiB of 4.0 MiB" in text
    assert "[not markup]" in text


def test_no_pace_no_estimate() -> None:
    assert remaining(0, 100, 5) is None
    assert remaining(5, None, 5) is None
    assert remaining(5, 0, 5) is None
    assert remaining(150, 100, 5) == 0.0
    assert remaining(25, 100, 5) == 15.0


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (9728, "9.5 KiB"),
        (113 << 20, "113 MiB"),
        (1288490189, "1.2 GiB"),
    ],
)
def test_sizes(octets: int, text: str) -> None:
    assert human_size(octets) == text


def test_times_and_amounts() -> None:
    assert human_time(42.4) == "42 s"
    assert human_time(187) == "3 min 07 s"
    assert amount(3, None, "modules") == "3 modules"
    assert amount(1024, 2048, "bytes") == "1.0 KiB of 2.0 KiB"
