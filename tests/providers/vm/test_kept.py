"""Which guest a cluster goes on with: the kept one, or one booted now; and when one is dropped."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.layout import locked
from podresize.artifacts.progress import Advance, Silent
from podresize.errors import HarnessError
from podresize.providers.beginning import Beginning
from podresize.providers.local import state
from podresize.providers.local.layout import Layout
from podresize.providers.telling import from_event
from podresize.providers.vm import booting, kept, kvm, resuming, snapshot
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.machine import Machine
from podresize.providers.vm.parts import Parts
from podresize.providers.vm.silence import SILENT, GuestGoneError
from podresize.providers.vm.snapshot import Kept
from podresize.providers.vm.steps import Steps
from podresize.requirements.target import Target

Get = Callable[[], Kept]
GoesOn = Callable[..., contextlib.AbstractContextManager[None]]
_SILENT = f"{resuming.UNANSWERED}; the guest did not answer within 30 s"
UNANSWERED = {"event": "failed", "what": "guest ended with 1", "logs": {"guest": [_SILENT]}}


def put_away(beginning: Beginning) -> Layout:
    """Leave what a guest leaves that was booted and put away."""
    layout = Layout(name=beginning.name, index=0)
    layout.run.mkdir(parents=True)
    (layout.directory / "memory").write_text("memory")
    (layout.directory / "scratch.qcow2").write_text("disk")
    (layout.run / "slowness").write_text("9.5\n")
    return layout


@pytest.fixture
def boots(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have a supervisor's start leave what a guest leaves that was put away; note each."""
    names: list[str] = []

    def start(beginning: Beginning, order: dict[str, Any], **how: Any) -> Any:
        names.append(beginning.name)
        assert order["what"] == state.GUEST
        layout = put_away(beginning)
        beginning.tell("qemu started")
        Steps(layout.run / "guest-steps.jsonl").done("agent answers")
        return how["wait_ready"](None, layout, 1)

    monkeypatch.setattr(booting, "start", start)
    return names


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def get(machine: Machine, parts: Parts, cache: Cache) -> Get:
    """Return the kept guest, booting it where there is none."""

    def get() -> Kept:
        return kept.keep_guest(
            *(machine, parts, {}), progress=Silent(), tell=lambda _: None, cache=cache
        )

    return get


@pytest.fixture
def goes_on(machine: Machine, parts: Parts) -> GoesOn:
    """Go on with a kept guest, run by an accelerator."""

    def goes_on(there: Kept, accelerator: str = "tcg") -> contextlib.AbstractContextManager[None]:
        runs = dataclasses.replace(machine, accelerator=accelerator)
        return kept.going_on(kept.KeptGuest(machine=runs, parts=parts, kept=there))

    return goes_on


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], kvm.Found | None]:
    """Return what is known of KVM, on a host that has it."""
    record, device = tmp_path / "guests" / "kvm.json", tmp_path / "kvm"
    monkeypatch.setattr("podresize.providers.vm.host.record", lambda: record)
    device.touch()
    return lambda: kvm.known(record, device=device)


def test_a_guest_is_booted_once_and_kept(get: Get, boots: list[str]) -> None:
    first, second = get(), get()

    assert first == second
    assert len(boots) == 1
    assert first.slowness == 9.5
    assert [name for name, _ in first.steps] == ["qemu started", "agent answers"]
    assert first.memory.read_text() == "memory"


class Clock:
    """A progress that notes what is waited for, and whether that is on the screen just now."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.failed: list[str] = []
        self.looks = 0
        self.is_drawn = False

    def note(self, line: str) -> None:
        assert line

    @contextlib.contextmanager
    def work(self, what: str, *, unit: str) -> Iterator[Advance]:
        assert unit == "steps done"
        self.is_drawn = True
        try:
            yield self._advance
        except BaseException:
            self.failed.append(what)
            raise
        else:
            self.ended.append(what)
        finally:
            self.is_drawn = False

    def _advance(self, done: float, total: float | None) -> None:
        assert done > 0
        assert total is None
        self.looks += 1


def test_each_step_is_told_when_it_is_done_and_the_clock_goes_on_in_between(
    machine: Machine, parts: Parts, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    told: list[str] = []
    has_told = threading.Condition()

    def tell(step: str) -> None:
        assert not clock.is_drawn
        with has_told:
            told.append(step)
            has_told.notify_all()

    def wait_told(step: str) -> None:
        with has_told:
            assert has_told.wait_for(lambda: step in told, 10.0)

    def start(beginning: Beginning, _order: dict[str, Any], **how: Any) -> Any:
        layout = put_away(beginning)
        beginning.tell("guest started")
        for name in ("agent answers", "images in containerd"):
            Steps(layout.run / "guest-steps.jsonl").done(name)
            wait_told(name)
        return how["wait_ready"](None, layout, 1)

    monkeypatch.setattr(booting, "start", start)

    kept.keep_guest(machine, parts, {}, progress=clock, tell=tell, cache=cache)

    assert told == ["guest started", "agent answers", "images in containerd", "guest kept"]
    assert clock.ended == [
        "a guest boots until its agent answers",
        "its images are imported into its containerd",
        "its slowness is measured",
    ]
    assert clock.looks > 0


def test_what_was_waited_for_when_it_failed_is_not_said_to_be_done() -> None:
    clock = Clock()

    def fail() -> None:
        with booting.Stages(clock, lambda _: None) as stages:
            stages.step("guest started", 1.0)
            raise HarnessError("it ended")

    with pytest.raises(HarnessError):
        fail()
    assert (clock.ended, clock.failed) == ([], ["a guest boots until its agent answers"])


REFUSED = "qemu-system-x86_64: load of migration failed: "
LATE = "the apiserver does not listen; it was killed"


@pytest.mark.parametrize(
    ("what", "logs", "is_found"),
    [
        ("guest ended with 1", {"guest": [LATE], "qemu": []}, True),
        ("guest ended with 1", {"guest": ["a command failed in the guest"]}, True),
        ("qemu ended with -9", {"qemu": [], "console": ["[ 9.1] systemd"]}, True),
        ("etcd ended with 1", {"etcd": ["no space left on device"]}, True),
        # A truncated memory, a memory of another machine; whichever of the two ends first.
        ("qemu ended with 1", {"qemu": [f"{REFUSED}Input/output error"]}, False),
        ("qemu ended with 1", {"qemu": [f"{REFUSED}Invalid argument"]}, False),
        ("guest ended with 1", {"guest": ["..."], "qemu": [f"{REFUSED}Invalid argument"]}, False),
    ],
)
def test_only_a_guest_whose_memory_is_refused_is_booted_anew(
    get: Get,
    boots: list[str],
    goes_on: GoesOn,
    what: str,
    logs: dict[str, list[str]],
    *,
    is_found: bool,
) -> None:
    error = from_event({"event": "failed", "what": what, "logs": logs})

    with pytest.raises(HarnessError, match=what) as raised, goes_on(get()):
        raise error

    get()
    assert len(boots) == (1 if is_found else 2)
    assert any("is damaged" in each for each in raised.value.causes) is not is_found
    assert raised.value.causes[0] == error.causes[0]


def test_a_guest_that_went_on_in_silence_stays_and_it_is_said_how_to_be_rid_of_it(
    get: Get, boots: list[str], goes_on: GoesOn
) -> None:
    there = get()

    with pytest.raises(HarnessError) as raised, goes_on(there):
        raise from_event(UNANSWERED)

    assert get() == there
    assert len(boots) == 1
    assert "is damaged" in raised.value.causes[-1]
    assert raised.value.next_command == f"rm -r {there.directory}"


@pytest.mark.usefixtures("boots")
@pytest.mark.parametrize("accelerator", ["kvm", "tcg"])
@pytest.mark.parametrize(
    ("error", "hangs"),
    [
        # It was late, and answered when it was asked again.
        (from_event(UNANSWERED), False),
        (from_event(UNANSWERED | {"logs": {"guest": [f"{SILENT}; {_SILENT}"]}}), True),
        # Found by who waits for the node.
        (HarnessError(SILENT, causes=("its agent said nothing for 15 s",)), True),
        (GuestGoneError(SILENT, causes=("the guest's relay cannot be reached",)), False),
    ],
)
def test_after_one_that_went_on_with_kvm_and_hung_the_next_one_is_emulated(
    get: Get,
    goes_on: GoesOn,
    known: Callable[[], kvm.Found | None],
    accelerator: str,
    error: HarnessError,
    *,
    hangs: bool,
) -> None:
    is_kvms = hangs and accelerator == "kvm"
    with pytest.raises(HarnessError) as raised, goes_on(get(), accelerator=accelerator):
        raise error

    found = known()
    assert (found is not None and not found.works) is is_kvms
    assert ("KVM hangs" in raised.value.causes[-1]) is is_kvms


@pytest.mark.usefixtures("boots")
def test_one_that_is_refused_is_forgotten_before_another_may_take_its_place(
    get: Get, goes_on: GoesOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be the other one that is forgotten."""
    there = get()
    told: list[bool] = []

    def forget(_: Kept) -> None:
        descriptor = os.open(there.directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            told.append(True)
        finally:
            os.close(descriptor)

    monkeypatch.setattr(snapshot, "forget", forget)
    logs = {"qemu": [f"{REFUSED}Invalid argument"]}

    with pytest.raises(HarnessError, match="is damaged"), goes_on(there):
        raise from_event({"event": "failed", "what": "qemu ended with 1", "logs": logs})

    assert told == [True]


def test_who_waited_for_a_boot_that_showed_that_kvm_hangs_does_not_boot_with_it(
    machine: Machine, parts: Parts, boots: list[str], cache: Cache
) -> None:
    with pytest.raises(kept.FoundOtherwiseError):
        kept.keep_guest(
            *(dataclasses.replace(machine, accelerator="kvm"), parts, {}),
            progress=Silent(),
            tell=lambda _: None,
            cache=cache,
            is_as_it_was=lambda: False,
        )

    assert boots == []


@pytest.mark.parametrize("asked", ["auto", "kvm"])
def test_its_machine_is_chosen_anew_unless_it_wants_kvm_alone(
    machine: Machine, parts: Parts, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    fast = dataclasses.replace(machine, accelerator="kvm")
    chosen = [fast, machine, machine]
    monkeypatch.setattr("podresize.providers.vm.host.machine_for", lambda *_: (chosen.pop(0), None))
    there = Kept(directory=Path("/kept"), slowness=1.0, steps=())

    def keep_guest(*_: Any, is_as_it_was: Callable[[], bool], **__: Any) -> Kept:
        if not is_as_it_was():
            raise kept.FoundOtherwiseError
        return there

    monkeypatch.setattr(kept, "keep_guest", keep_guest)
    host: Any = None
    target = Target(provider="vm", accelerator=asked)

    found = kept.guest_for(target, parts, {}, host, progress=Silent(), tell=lambda _: None)

    assert found.machine == (machine if asked == "auto" else fast)


def test_another_machine_boots_another(
    machine: Machine, parts: Parts, boots: list[str], cache: Cache
) -> None:
    for each in (machine, dataclasses.replace(machine, cgroup_version=1)):
        kept.keep_guest(*(each, parts, {}), progress=Silent(), tell=lambda _: None, cache=cache)

    assert len(boots) == 2


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have each start fail with these last words of the process that waits for the guest."""

    def set_to(words: str) -> None:
        def start(*_: Any, **__: Any) -> Any:
            logs = {"guest": [words]}
            raise from_event({"event": "failed", "what": "guest ended with 1", "logs": logs})

        monkeypatch.setattr(booting, "start", start)

    return set_to


def test_a_guest_that_does_not_come_up_is_one_message_with_its_last_words(
    get: Get, machine: Machine, parts: Parts, cache: Cache, failing: Callable[[str], None]
) -> None:
    failing("podresize-initrd: no disk /dev/vdc")

    with pytest.raises(HarnessError, match="the guest did not come up") as raised:
        get()

    assert "no disk /dev/vdc" in str(raised.value)
    assert snapshot.find(snapshot.key_of(machine, parts, {}), cache.layout) is None


@pytest.mark.parametrize(
    ("accelerator", "words", "is_noted"),
    [
        ("kvm", f"{SILENT}; the guest's agent was silent for 108 s", True),
        ("kvm", "the guest's images were not imported into its containerd", False),
        ("tcg", f"{SILENT}; the guest's agent was silent for 360 s", False),
    ],
)
def test_a_boot_with_kvm_that_hangs_is_noted_so_that_the_next_one_is_emulated(
    machine: Machine,
    parts: Parts,
    cache: Cache,
    failing: Callable[[str], None],
    known: Callable[[], kvm.Found | None],
    *,
    accelerator: str,
    words: str,
    is_noted: bool,
) -> None:
    failing(words)

    with pytest.raises(HarnessError, match="did not come up") as raised:
        kept.keep_guest(
            *(dataclasses.replace(machine, accelerator=accelerator), parts, {}),
            progress=Silent(),
            tell=lambda _: None,
            cache=cache,
        )

    found = known()
    assert (found is not None) is is_noted
    assert ("--accelerator tcg" in str(raised.value.next_command)) is is_noted
    if found is not None:
        assert "answered no more" in str(found.why)


def test_a_guest_whose_supervisor_ends_while_it_is_copied_is_one_message(
    get: Get, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(beginning: Beginning, _order: dict[str, Any], **how: Any) -> Any:
        layout = put_away(beginning)
        GuestLayout(layout).memory.unlink()
        return how["wait_ready"](None, layout, 1)

    monkeypatch.setattr(booting, "start", start)

    with pytest.raises(HarnessError, match="did not come up") as raised:
        get()

    assert "could not be put away" in raised.value.causes[0]
    assert not list(cache.layout.tmp.iterdir())


def test_what_a_killed_process_left_of_its_guest_goes_before_the_next_boot(
    get: Get, boots: list[str], cache: Cache
) -> None:
    cache.layout.make()
    dead, living = (cache.layout.tmp / name for name in ("guest-dead", "guest-living"))
    for each in (dead, living):
        each.mkdir()
        (each / "memory").write_text("half of it")

    with locked(living):
        get()

    assert boots
    assert (dead.exists(), living.exists()) == (False, True)


def test_a_part_that_was_removed_and_made_again_is_the_same_guest(
    machine: Machine, parts: Parts, cache: Cache, tmp_path: Path
) -> None:
    def key(text: str, *, made_at: int) -> str:
        for entry in cache.entries():
            cache.drop(entry)
        made = tmp_path / "node.squashfs"
        made.write_text(text)
        os.utime(made, (made_at, made_at))
        node = cache.store(
            *(Component.GUEST_NODE, "1.37.2+2.1.4.1"),
            arch="amd64",
            source=Source.ASSEMBLED,
            files={"node.squashfs": made},
        ).files["node.squashfs"]
        assert node.stat().st_mtime == made_at
        of = dataclasses.replace(parts, node=node)
        return snapshot.key_of(machine, of, kept.digests_of(cache))

    assert key("one", made_at=1) == key("one", made_at=2) != key("two", made_at=2)
