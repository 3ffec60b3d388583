"""Waiting for a guest that boots, measuring it, and what is said of one that does not."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize.providers.vm import keeping, silence, slowness
from podresize.providers.vm.console import last_lines, own_words
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.steps import Following, Steps

DONE = "Result=success\nActiveState=active\nSubState=exited\n"
FAILED = "Result=exit-code\nActiveState=failed\nSubState=failed\n"


def test_images_are_there_when_their_unit_is_done(guest_says: Callable[..., Any]) -> None:
    guest = guest_says({"podresize-images": DONE})

    keeping.wait_for_images(guest, within=5.0)

    assert len(guest.ran) == 1


def test_a_look_is_a_short_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    class Guest:
        def run(self, *command: str, seconds: float = 60.0) -> str:
            assert command[0] == "systemctl"
            asked.append(seconds)
            return DONE if len(asked) > 1 else "ActiveState=activating\n"

    guest: Any = Guest()
    monkeypatch.setattr(keeping, "_LOOK_SECONDS", 0.0)

    keeping.wait_for_images(guest, within=5.0)

    assert len(asked) == 2
    assert max(asked) < 10.0


@pytest.mark.parametrize("hangs", [True, False])
@pytest.mark.parametrize("booted", [True, False])
def test_a_guest_that_hangs_is_told_from_one_that_fails(
    layout: GuestLayout, monkeypatch: pytest.MonkeyPatch, *, booted: bool, hangs: bool
) -> None:
    said = "the guest's agent was silent for 48 s" if booted else "the guest did not answer"

    class Guest:
        def run(self, *_: str, seconds: float) -> str:
            assert seconds < 10.0
            raise HarnessError(said)

    def wait(socket: Path, *, within: float) -> None:
        assert (socket, within) == (layout.agent, 72.0)
        if not booted:
            raise HarnessError(said)

    monkeypatch.setattr(keeping, "wait_answers", wait)
    monkeypatch.setattr(keeping, "connected", lambda *_, **__: Guest())
    silent = HarnessError("it answers no more") if hangs else None
    monkeypatch.setattr(silence, "why_silent", lambda *_, **__: silent)

    with pytest.raises(HarnessError) as raised:
        keeping.keep(layout, host_program=Path("/nothing"), patience=3.0)

    told = [raised.value.what, *raised.value.causes]
    assert told == ([silence.SILENT, said] if hangs else [said])


def test_images_that_are_not_imported_are_told_with_the_reason(
    guest_says: Callable[..., Any],
) -> None:
    guest = guest_says({"systemctl show": FAILED, "journalctl": "ctr: no space left on device\n"})

    with pytest.raises(HarnessError, match="were not imported") as raised:
        keeping.wait_for_images(guest, within=5.0)

    assert raised.value.causes == ("ctr: no space left on device",)


def test_images_are_not_waited_for_for_ever(guest_says: Callable[..., Any]) -> None:
    guest = guest_says({"systemctl show": "ActiveState=activating\n"})

    with pytest.raises(HarnessError, match="were not imported"):
        keeping.wait_for_images(guest, within=0.0)


@pytest.mark.parametrize(
    ("inside", "here", "found"),
    [(0.9, 0.1, 9.0), (0.1, 0.1, 1.0), (0.14, 0.1, 1.0), (0.16, 0.1, 1.6), (99.0, 0.001, 100.0)],
)
def test_a_factor_is_no_less_than_one_and_no_more_than_a_machine_has(
    inside: float, here: float, found: float
) -> None:
    assert slowness.factor(inside, here) == found


def test_what_is_run_in_a_guest_is_the_program_and_nothing_at_all(
    guest_says: Callable[..., Any], tmp_path: Path
) -> None:
    program = tmp_path / "kubelet"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    guest = guest_says()

    slowness.measure(guest, program, seconds=5.0)

    assert guest.ran[0] == ("/usr/local/bin/kubelet", "--version")
    assert guest.ran[-1] == ("/bin/true",)


def test_what_disturbs_for_a_while_disturbs_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is busy for long at first, and all takes four times as long then."""
    now = 0.0

    def take(seconds: float) -> str:
        nonlocal now
        now += seconds * (4.0 if now < 8.0 else 1.0)
        return ""

    class Guest:
        def run(self, *command: str, seconds: float) -> str:
            assert seconds == 5.0
            return take(0.1 if command == (slowness.NOTHING,) else 0.9)

    guest: Any = Guest()

    def take_here(command: list[str]) -> float:
        began = now
        take(0.0 if command == [slowness.NOTHING] else 0.1)
        return now - began

    monkeypatch.setattr(slowness, "run_here", take_here)
    monkeypatch.setattr("time.monotonic", lambda: now)

    assert slowness.measure(guest, Path("/kubelet"), seconds=5.0) == 8.0


def test_what_the_guest_waited_for_processors_is_taken_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three others want them as well, and the host's own run is too short to be held up."""
    now = ran = waited = 0.0
    threads = [tmp_path / "task" / name / "schedstat" for name in ("11", "12")]
    for each in threads:
        each.parent.mkdir(parents=True)
    threads[1].write_text("5000000000 1000000000 7\n")  # another thread, which does nothing

    def take(seconds: float) -> str:
        nonlocal now, ran, waited
        now, ran, waited = now + 4 * seconds, ran + seconds, waited + 3 * seconds
        threads[0].write_text(f"{ran * 1e9:.0f} {waited * 1e9:.0f} 1\n")
        return ""

    def take_here(command: list[str]) -> float:
        nonlocal now
        now += (seconds := 0.0 if command == [slowness.NOTHING] else 0.1)
        return seconds

    class Guest:
        def run(self, *command: str, **_: float) -> str:
            return take(0.1 if command == (slowness.NOTHING,) else 0.9)

    take(0.0)
    guest: Any = Guest()
    monkeypatch.setattr(slowness, "run_here", take_here)
    monkeypatch.setattr("time.monotonic", lambda: now)

    assert slowness.measure(guest, Path("/kubelet"), seconds=5.0) == 32.0
    assert slowness.measure(guest, Path("/kubelet"), seconds=5.0, machine=tmp_path) == 8.0
    assert slowness.measure(guest, Path("/kubelet"), seconds=5.0, machine=tmp_path / "no") == 32.0


def test_a_thread_that_has_ended_has_not_waited(tmp_path: Path) -> None:
    (tmp_path / "task" / "1").mkdir(parents=True)
    (tmp_path / "task" / "1" / "schedstat").symlink_to(tmp_path / "gone")

    assert slowness.on_processors(tmp_path) == (0.0, 0.0)
    assert slowness.on_processors(Path("/proc/self"))[0] > 0


@pytest.mark.parametrize(
    ("ran", "counts"), [(0.1, 0.1), (0.8, 0.4)], ids=["waited", "side-by-side"]
)
def test_what_this_host_was_busy_with_else_is_taken_off(
    monkeypatch: pytest.MonkeyPatch, ran: float, counts: float
) -> None:
    now = used = 0.0

    def take(_: list[str]) -> None:
        nonlocal now, used
        now, used = now + 0.4, used + ran

    monkeypatch.setattr(slowness, "_run", take)
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr(
        "resource.getrusage", lambda _: SimpleNamespace(ru_utime=used / 2, ru_stime=used / 2)
    )

    assert slowness.run_here([slowness.NOTHING]) == pytest.approx(counts)


def test_a_program_that_does_not_run_here_measures_nothing(
    guest_says: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match="does not run here"):
        slowness.measure(guest_says(), tmp_path / "none", seconds=5.0)


def test_a_console_is_read_without_its_colours(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_bytes(
        b"\x1bc\x1b[?7l\r\n[    0.1] Linux\r\n\x1b[0;32m  OK  \x1b[0m Reached\r\n\n"
    )

    assert last_lines(console) == ["[    0.1] Linux", "OK   Reached"]
    assert last_lines(tmp_path / "none") == []


def test_a_guests_own_words_are_found_among_the_kernels(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text("[ 1.0] x\npodresize-initrd: no disk /dev/vdc\n[ 2.0] reboot: Power down\n")

    assert own_words(console) == "podresize-initrd: no disk /dev/vdc"
    console.write_text("[ 1.0] x\n")
    assert own_words(console) is None


def test_what_went_wrong_is_said_last_and_the_guests_words_before(
    layout: GuestLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.console.write_text("[ 1.0] Kernel panic\npodresize-initrd: no squashfs on /dev/vda\n")
    error = HarnessError("the guest did not answer within 240 s", causes=("it does not boot",))

    keeping.tell_failure(error, layout)

    said = capsys.readouterr().err.splitlines()
    assert "console: [ 1.0] Kernel panic" in said
    assert said[-2:] == [
        "podresize-initrd: no squashfs on /dev/vda",
        "the guest did not answer within 240 s; it does not boot",
    ]


def test_steps_are_read_as_far_as_they_are_written(tmp_path: Path) -> None:
    steps = Steps(tmp_path / "steps")
    assert steps.read() == []

    steps.done("agent answers")
    steps.done("memory written")
    with (tmp_path / "steps").open("a") as file:
        file.write('{"step": "half')

    found = steps.read()
    assert [each.name for each in found] == ["agent answers", "memory written"]
    assert found[0].t <= found[1].t


def test_steps_are_told_once_as_they_come(tmp_path: Path) -> None:
    steps = Steps(tmp_path / "steps")
    told: list[str] = []
    looked = threading.Semaphore(0)
    with Following(steps, lambda step: told.append(step.name), looked.release) as following:
        assert looked.acquire(timeout=10.0)  # there is no file yet
        steps.done("agent answers")
        assert looked.acquire(timeout=10.0)
        assert looked.acquire(timeout=10.0)
        assert told == ["agent answers"]
        steps.done("memory written")
        following.catch_up()
        following.catch_up()

    assert told == ["agent answers", "memory written"]
