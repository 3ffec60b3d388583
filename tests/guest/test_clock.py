"""The offset is an interval, and a better one replaces it; so does one that it cannot be."""

from __future__ import annotations

import time

import pytest

from podresize.guest.client import Agent, Pong
from podresize.guest.clock import GuestClock, Offset, measure


class Guest(Agent):
    """An agent whose clock is behind this host's by ``behind``; each ping takes what is told."""

    def __init__(self, *round_trips: float, behind: float = 100.0) -> None:
        super().__init__("/nowhere")
        self.now = 1000.0
        self.behind = behind
        self.round_trips = list(round_trips)
        self.pings = 0

    def ping(self) -> Pong:
        trip = self.round_trips[min(self.pings, len(self.round_trips) - 1)]
        self.pings += 1
        sent = self.now
        self.now += trip
        # It is answered right away, and the answer takes all of the time.
        return Pong(sent - self.behind, 0.0, "boot", sent, self.now)


def test_an_offset_is_the_middle_of_a_round_trip() -> None:
    assert Offset.of(Pong(5.0, 0.0, "", 104.0, 106.0)) == Offset(100.0, 1.0)


def test_by_how_much_the_time_of_day_is_ahead_is_known_too() -> None:
    sent = time.monotonic()
    behind = Pong(sent - 100.0, time.time() - 7.0, "", sent, sent)

    assert Offset.of(behind).of_day == pytest.approx(7.0, abs=1.0)


def test_the_least_round_trip_counts() -> None:
    found = measure(Guest(0.5, 0.002, 0.3), pings=3)
    assert found.uncertainty == pytest.approx(0.001)
    assert abs(found.seconds - 100.0) <= found.uncertainty + 1e-9


def clock_of(guest: Guest) -> GuestClock:
    return GuestClock(guest, now=lambda: guest.now, again=2.0)


def test_it_is_measured_once_until_it_is_old() -> None:
    guest = Guest(0.001)
    clock = clock_of(guest)
    first = clock.offset()
    pings = guest.pings
    guest.now += 1.9
    assert clock.offset().seconds == first.seconds
    assert guest.pings == pings
    guest.now += 0.2
    clock.offset()
    assert guest.pings > pings


def test_a_worse_one_does_not_replace_it_and_a_drift_does() -> None:
    guest = Guest(0.001)
    clock = clock_of(guest)
    first = clock.offset()
    guest.round_trips = [0.8]
    guest.now += 3
    later = clock.offset()
    assert later.seconds == first.seconds
    # By then it may have drifted by a thousandth of that time.
    assert later.uncertainty == pytest.approx(first.uncertainty + 3e-3, abs=3e-3)
    assert later.uncertainty > first.uncertainty + 2e-3
    guest.round_trips = [0.001]
    guest.behind += 0.002
    guest.now += 3
    assert clock.offset().seconds == pytest.approx(first.seconds + 0.002)


def test_a_machine_that_was_stopped_has_another_offset_at_once() -> None:
    guest = Guest(0.001)
    clock = clock_of(guest)
    clock.offset()
    guest.behind += 60
    guest.round_trips = [0.5]
    guest.now += 3
    assert clock.offset().seconds == pytest.approx(160.0, abs=0.3)
