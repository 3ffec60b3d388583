"""One clock, one order, and a wait that ends by decision, deadline or death."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from podresize.errors import HarnessError
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Timeline, Witness

if TYPE_CHECKING:
    from podresize.evidence.timeline import Observation


def test_what_was_seen_before_the_patch_has_a_negative_time() -> None:
    recorder = Recorder()
    recorder.observe(Witness.API, "pod", {"n": 1}, at=100.0)
    recorder.mark_patch(at=103.0)
    recorder.observe(Witness.API, "pod", {"n": 2}, at=103.5)
    timeline = recorder.to_timeline(id="t1", pod="ns/p", ended=1.0)
    assert [round(o.t, 6) for o in timeline.observations] == [-3.0, 0.5]
    assert (timeline.id, timeline.pod, timeline.ended) == ("t1", "ns/p", 1.0)
    assert recorder.patched_at == 103.0


def test_the_order_is_that_of_the_times_not_of_the_arrival() -> None:
    recorder = Recorder()
    recorder.mark_patch(at=10.0)
    recorder.observe(Witness.KERNEL, "pod", {"n": 2}, at=10.2)
    recorder.observe(Witness.API, "pod", {"n": 1}, at=10.1)
    assert [o.data["n"] for o in recorder.observations()] == [1, 2]


def test_the_wall_clock_is_that_of_the_patch() -> None:
    recorder = Recorder()
    recorder.mark_patch()
    started = recorder.to_timeline(id="t", pod="ns/p").started
    assert started.endswith("Z")
    assert "T" in started


def test_a_patch_is_marked_once() -> None:
    recorder = Recorder()
    recorder.mark_patch()
    with pytest.raises(ValueError, match="one resize"):
        recorder.mark_patch()


def test_a_wait_ends_with_the_observation_that_decides() -> None:
    recorder = Recorder()

    def decide(observations: tuple[Observation, ...]) -> str | None:
        return "done" if len(observations) == 2 else None

    def feed() -> None:
        for number in range(2):
            recorder.observe(Witness.API, "pod", {"n": number})

    thread = threading.Thread(target=feed)
    thread.start()
    assert recorder.wait_until(decide, deadline=10) == "done"
    thread.join()


def test_a_wait_ends_at_its_deadline_with_a_last_question() -> None:
    asked: list[int] = []

    def decide(observations: tuple[Observation, ...]) -> bool:
        asked.append(len(observations))
        return False

    began = time.monotonic()
    assert Recorder().wait_until(decide, deadline=0.05) is False
    assert time.monotonic() - began >= 0.05
    assert asked == [0, 0]


def test_a_dead_observer_ends_the_wait() -> None:
    recorder = Recorder()
    timer = threading.Timer(0.02, recorder.fail, [HarnessError("the watch died")])
    timer.start()
    with pytest.raises(HarnessError, match="the watch died"):
        recorder.wait_until(lambda _: False, deadline=10)
    timer.join()


def test_the_callback_gets_every_observation() -> None:
    seen: list[Observation] = []
    recorder = Recorder(on_observation=seen.append)
    recorder.observe(Witness.CRI, "container/a", {})
    assert [o.subject for o in seen] == ["container/a"]


def test_the_end_is_the_first_stop_of_an_observer() -> None:
    recorder = Recorder()
    recorder.mark_patch(at=10.0)
    recorder.note_stop(at=13.0)
    recorder.note_stop(at=12.0)
    assert recorder.to_timeline(id="t", pod="ns/p").ended == 2.0


def test_times_are_as_they_are_stored() -> None:
    recorder = Recorder()
    recorder.mark_patch(at=100.0)
    recorder.observe(Witness.API, "pod", {}, at=100.0084999999)

    timeline = recorder.to_timeline(id="t", pod="ns/p")

    assert Timeline.from_json(timeline.to_json()) == timeline


def test_another_clock_is_noted_at_its_widest() -> None:
    recorder = Recorder()
    assert recorder.to_timeline(id="t", pod="ns/p").clock is None
    for offset, uncertainty, drift in ((5.0, 0.002, 0.0), (5.1, 0.001, 0.1), (5.0, 0.001, -0.05)):
        recorder.note_clock({"offset": offset, "uncertainty": uncertainty, "drift": drift})
    timeline = recorder.to_timeline(id="t", pod="ns/p")
    assert timeline.clock == {"offset": 5.0, "uncertainty": 0.002, "drift": 0.1}
    raw = timeline.to_json()
    assert Timeline.from_json(raw) == timeline
    # Of one clock, and before there were two, nothing is said.
    del raw["clock"]
    assert Timeline.from_json(raw).clock is None
    assert Timeline.from_json(raw).to_json() == raw
