"""What a probe's log says of its life."""

from __future__ import annotations

import json

import pytest

from podresize.evidence.heartbeat import summarise


def beats(*numbers: int, instance: str = "aa", start: float = 100.0) -> list[str]:
    return [
        json.dumps({"beat": number, "monotonic": start + number / 10, "instance": instance})
        for number in numbers
    ]


def test_an_unbroken_life() -> None:
    assert summarise(beats(3, 4, 5, 6)) == {
        "first_seq": 3,
        "last_seq": 6,
        "beats": 4,
        "max_gap_seconds": 0.1,
        "max_stall_seconds": 0.1,
        "instance": "aa",
        "instances": ["aa"],
        "lost": 0,
        "duplicates": 0,
        "other_lines": 0,
    }


def test_lost_beats_are_counted_and_make_a_gap() -> None:
    found = summarise(beats(1, 2, 6, 7))
    assert (found["lost"], found["max_gap_seconds"]) == (3, 0.4)


def test_a_gap_counts_when_it_ends_after_the_patch() -> None:
    lines = beats(1, 20, 21, 27, 28)
    assert summarise(lines)["max_gap_seconds"] == 1.9
    assert summarise(lines, since=102.05)["max_gap_seconds"] == 0.6
    assert summarise(lines, since=102.75)["max_gap_seconds"] == 0.1
    longest = {"max_gap_seconds": 1.9, "max_stall_seconds": 1.9}
    assert summarise(lines, since=103.0) | longest == summarise(lines)
    assert summarise(lines, since=103.0)["max_gap_seconds"] is None
    assert summarise(lines, since=103.0)["max_stall_seconds"] is None


def waiting(*beats: tuple[float, float], instance: str = "aa") -> list[str]:
    """Beats by their time and by what they had waited for a processor until then."""
    return [
        json.dumps({"beat": number, "monotonic": at, "waited": waited, "instance": instance})
        for number, (at, waited) in enumerate(beats)
    ]


def test_what_a_workload_waited_for_a_processor_is_no_stall() -> None:
    found = summarise(waiting((100.0, 7.0), (100.1, 7.0), (102.1, 8.9), (102.7, 8.9)))

    assert found["max_gap_seconds"] == 2.0
    assert found["max_stall_seconds"] == 0.6


@pytest.mark.parametrize(
    ("before", "after", "stall"),
    [(5.0, 0.5, 1.0), (0.0, 3.0, 0.0), (0.0, 0.0, 1.0)],
    ids=["counted-back", "more-than-there-was", "nothing"],
)
def test_a_wait_is_between_nothing_and_the_gap(before: float, after: float, stall: float) -> None:
    assert summarise(waiting((100.0, before), (101.0, after)))["max_stall_seconds"] == stall


def test_a_new_instance_has_waited_for_nothing_before_it_was() -> None:
    found = summarise(waiting((100.0, 0.0)) + waiting((105.0, 4.0), (105.1, 4.0), instance="bb"))

    assert found["max_stall_seconds"] == 5.0


def test_a_log_read_twice_changes_nothing_but_the_duplicates() -> None:
    found = summarise(beats(1, 2, 3) + beats(2, 3, 4))
    assert (found["beats"], found["duplicates"], found["lost"]) == (4, 2, 0)
    assert found["max_gap_seconds"] == 0.1


def test_a_restart_is_a_second_instance_and_its_pause_a_gap() -> None:
    found = summarise(beats(1, 2) + beats(1, 2, instance="bb", start=105.0))
    assert found["instances"] == ["aa", "bb"]
    assert found["instance"] == "bb"
    assert (found["first_seq"], found["last_seq"], found["lost"]) == (1, 2, 0)
    assert found["max_gap_seconds"] == 4.9


def test_the_order_of_the_log_does_not_matter() -> None:
    assert summarise(beats(3, 1, 2)) == summarise(beats(1, 2, 3))


def test_other_lines_and_a_torn_one_are_counted() -> None:
    lines = ["starting", "", *beats(1, 2), "[]", '{"beat": 3, "mono']
    found = summarise(lines)
    assert (found["beats"], found["other_lines"]) == (2, 3)


def test_no_beat_at_all() -> None:
    found = summarise([])
    assert found["beats"] == 0
    assert found["instance"] is None
    assert found["first_seq"] is found["last_seq"] is found["max_gap_seconds"] is None
