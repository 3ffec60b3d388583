"""An observer that died must never look like nothing happened."""

from __future__ import annotations

import threading
import time

import pytest

from podresize.errors import HarnessError
from podresize.evidence import observer as observers
from podresize.evidence.observer import Observer, ObserverGroup
from podresize.evidence.recorder import Recorder


class Idle(Observer):
    """Looks once and waits for its end."""

    def _run(self) -> None:
        self._looked()
        self._stopping.wait()


class Dying(Observer):
    """Looks once and dies when told to."""

    def __init__(self, *, name: str, recorder: Recorder) -> None:
        super().__init__(name=name, recorder=recorder)
        self.die = threading.Event()

    def _run(self) -> None:
        self._looked()
        self.die.wait(10)
        raise KeyError("what it needed")


class Blind(Observer):
    """Dies before its first look."""

    def _run(self) -> None:
        raise OSError("nothing to see")


class Leaving(Observer):
    """Ends without being told to."""

    def _run(self) -> None:
        self._looked()


class Deaf(Observer):
    """Does not end when told to."""

    def __init__(self, *, name: str, recorder: Recorder) -> None:
        super().__init__(name=name, recorder=recorder)
        self.release = threading.Event()

    def _run(self) -> None:
        self._looked()
        self.release.wait(10)


def test_it_runs_within_a_with() -> None:
    with Idle(name="it", recorder=Recorder()):
        pass


def test_a_death_is_raised_by_stop_once_and_told_to_the_waiter() -> None:
    recorder = Recorder()
    observer = Dying(name="the pod", recorder=recorder).start()
    observer.die.set()
    with pytest.raises(HarnessError, match="observer of the pod died"):
        recorder.wait_until(lambda _: False, deadline=10)
    with pytest.raises(HarnessError, match="what it needed"):
        observer.stop()
    observer.stop()


def test_a_death_before_the_first_look_is_raised_by_start() -> None:
    with pytest.raises(HarnessError, match="nothing to see"):
        Blind(name="it", recorder=Recorder()).start()


def test_an_end_without_a_stop_is_a_death() -> None:
    observer = Leaving(name="it", recorder=Recorder())
    observer._thread.start()
    observer._thread.join(5)
    with pytest.raises(HarnessError, match="ended by itself"):
        observer.stop()


def test_stop_does_not_wait_for_ever_and_says_that_it_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observers, "HANGS_AFTER", 0.5)
    observer = Deaf(name="it", recorder=Recorder()).start()
    began = time.monotonic()
    with pytest.raises(HarnessError, match="hangs"):
        observer.stop()
    assert 0.5 <= time.monotonic() - began < 5
    observer.release.set()
    observer._thread.join(5)


def test_a_host_that_takes_two_seconds_for_the_last_look_is_no_error() -> None:
    observer = Deaf(name="it", recorder=Recorder()).start()
    late = threading.Timer(2, observer.release.set)
    late.start()
    observer.stop()
    assert not observer._thread.is_alive()
    late.join()


def test_an_error_in_the_body_stays_the_one_that_is_seen() -> None:
    observer = Dying(name="it", recorder=Recorder())

    def body() -> None:
        with observer:
            observer.die.set()
            observer._thread.join(5)
            raise ValueError("the check's own")

    with pytest.raises(ValueError, match="the check's own") as caught:
        body()
    assert any("what it needed" in note for note in caught.value.__notes__)


def test_a_group_stops_what_it_started_when_one_cannot_start() -> None:
    recorder = Recorder()
    idle = Idle(name="idle", recorder=recorder)
    later = Idle(name="later", recorder=recorder)
    with pytest.raises(HarnessError, match="nothing to see"):
        ObserverGroup([idle, Blind(name="blind", recorder=recorder), later]).start()
    assert not idle._thread.is_alive()
    assert not later._thread.is_alive()


def test_a_group_reports_every_death() -> None:
    recorder = Recorder()
    first, second = (Dying(name=name, recorder=recorder) for name in ("one", "two"))
    group = ObserverGroup([ObserverGroup([first]), second]).start()
    for observer in (first, second):
        observer.die.set()
        observer._thread.join(5)
    with pytest.raises(HarnessError, match="observer of one") as caught:
        group.stop()
    assert "observer of two" in caught.value.__notes__[0]


def test_on_a_slow_node_an_observer_may_take_longer_for_its_first_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observers, "FIRST_LOOK", 0.05)

    class Late(Observer):
        def _run(self) -> None:
            time.sleep(0.2)
            self._looked()
            self._stopping.wait()

    with pytest.raises(HarnessError, match=r"saw nothing within 0\.05 s"):
        Late(name="the node", recorder=Recorder()).start()

    with Late(name="the node", recorder=Recorder(slowness=200.0)):
        pass
