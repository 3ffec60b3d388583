"""A kept guest that goes on: what is waited for, and what is said of one that does not answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize.providers.vm import resuming, silence
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.steps import Steps


class FakeQmp:
    """QEMU that has read the memory."""

    def __init__(self, path: Path) -> None:
        assert path.name == "qmp.sock"

    def __enter__(self) -> FakeQmp:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def go_on(self, *, within: float) -> None:
        assert within == 480.0


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch, guest_says: Callable[..., Any]) -> Any:
    """A guest whose agent answers."""
    guest = guest_says()
    monkeypatch.setattr(resuming, "Qmp", FakeQmp)
    monkeypatch.setattr(resuming, "wait_answers", lambda *_, **__: None)
    monkeypatch.setattr(resuming, "connected", lambda *_, **__: guest)
    return guest


def test_a_guest_that_answers_is_ready_to_be_made_a_node(layout: GuestLayout, guest: Any) -> None:
    steps = Steps(layout.steps)

    assert resuming.go_on(layout, steps, slowness=8.0) is guest
    assert [each.name for each in steps.read()] == ["guest goes on", "agent answers"]


@pytest.mark.usefixtures("guest")
def test_one_that_went_on_and_is_silent_is_called_so(
    layout: GuestLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: Any, within: float) -> None:
        raise HarnessError(f"the guest did not answer within {within:.0f} s")

    monkeypatch.setattr(resuming, "wait_answers", silent)
    steps = Steps(layout.steps)

    with pytest.raises(HarnessError, match=resuming.UNANSWERED) as raised:
        resuming.go_on(layout, steps, slowness=8.0)

    assert raised.value.causes == ("the guest did not answer within 240 s",)
    assert [each.name for each in steps.read()] == ["guest goes on"]


def test_a_late_apiserver_is_no_word_of_the_guest(
    layout: GuestLayout,
    guest: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(resuming, "personalise", lambda *_, **__: None)
    monkeypatch.setattr(resuming, "accepts", lambda *_: False)
    monkeypatch.setattr(resuming, "_APISERVER_SECONDS", 0.0)
    orders = {"name": "one", "index": 3, "slowness": 8.0, "driver": "systemd", "swap": 0}
    layout.orders.write_text(json.dumps(orders))

    assert resuming.carry_out([str(layout.orders)], resuming.resume) == 1

    said = capsys.readouterr().err
    assert "the apiserver does not listen" in said
    assert resuming.UNANSWERED not in said
    assert guest.ran == []


def test_of_a_guest_that_hangs_meanwhile_that_is_the_first_word(
    layout: GuestLayout,
    guest: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def personalise(*_: Any, **__: Any) -> None:
        raise HarnessError("a command in the guest took longer than 60 s")

    monkeypatch.setattr(resuming, "personalise", personalise)
    monkeypatch.setattr(silence, "why_silent", lambda *_, **__: HarnessError(silence.SILENT))
    orders = {"name": "one", "index": 3, "slowness": 8.0, "driver": "systemd", "swap": 0}
    layout.orders.write_text(json.dumps(orders))

    assert resuming.carry_out([str(layout.orders)], resuming.resume) == 1

    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"{silence.SILENT}; a command in the guest took longer than 60 s"
    assert guest.ran == []
