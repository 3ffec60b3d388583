"""Whether KVM works is tried by booting, within a limit, once until the host is booted again."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from podresize.errors import HostError
from podresize.providers.host import Host
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import kvm
from podresize.providers.vm.kvm import Found, known, probe, probed, remember
from podresize.providers.vm.parts import Parts
from podresize.requirements.target import Target


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "kvm"
    path.touch()
    return path


@pytest.fixture
def boot_id(tmp_path: Path) -> Path:
    path = tmp_path / "boot_id"
    path.write_text("one\n")
    return path


@pytest.mark.parametrize(
    "said", ["[    0.000000] Linux version 6.1.0", "podresize-initrd: no podresize.layers="]
)
def test_a_kernel_that_says_anything_has_run(said: str) -> None:
    began = time.monotonic()

    found = probe(["/bin/sh", "-c", f"echo '{said}'; exec sleep 60"], {}, seconds=10.0)

    assert found == Found(why=None)
    assert time.monotonic() - began < 9.0


def test_one_that_says_nothing_hangs_and_is_ended() -> None:
    found = probe(["/bin/sh", "-c", "echo Booting from ROM; exec sleep 60"], {}, seconds=0.3)

    assert not found.works
    assert "hangs" in str(found.why)
    assert found.lasts


def test_a_qemu_that_ends_says_why_and_is_tried_again() -> None:
    found = probe(["/bin/sh", "-c", "echo 'qemu: no such machine'; exit 1"], {}, seconds=5.0)

    assert found == Found(why="QEMU ended: qemu: no such machine", lasts=False)
    assert not probe(["/nothing/here"], {}).lasts


@pytest.mark.parametrize(("said", "why"), [("Linux version 6.1", "boots"), ("", "said nothing")])
def test_a_machine_that_cannot_be_killed_is_told_with_its_process(
    monkeypatch: pytest.MonkeyPatch, said: str, why: str
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(subprocess.Popen, "kill", lambda process: started.append(process))
    monkeypatch.setattr(kvm, "_END_SECONDS", 0.1)

    found = probe(["/bin/sh", "-c", f"echo '{said}'; exec sleep 60"], {}, seconds=0.5)

    (process,) = started
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10.0)
    assert not found.works
    assert why in str(found.why)
    assert f"QEMU's process {process.pid} does not end" in str(found.why)


class Asked:
    """Who asks whether it works; a trial comes to ``found``, and there were ``tried``."""

    def __init__(self, place: Path, parts: Parts, device: Path, boot_id: Path) -> None:
        self.record = place / "guests" / "kvm.json"
        self.found = Found(why="it hangs")
        self.tried = 0
        self._parts = parts
        self._how: dict[str, Any] = {"device": device, "boot_id": boot_id}

    def __call__(self, *, of: Parts | None = None, again: bool = False) -> Found:
        return probed(
            *(["qemu"], {}),
            record=self.record,
            of=of or self._parts,
            again=again,
            run=self._run,
            **self._how,
        )

    def _run(self, _command: Sequence[str], _environment: dict[str, str]) -> Found:
        self.tried += 1
        return self.found

    def known(self) -> Found | None:
        return known(self.record, **self._how)


@pytest.fixture
def ask(tmp_path: Path, parts: Parts, device: Path, boot_id: Path) -> Asked:
    return Asked(tmp_path, parts, device, boot_id)


def test_it_is_tried_once_until_the_host_is_booted_again(ask: Asked, boot_id: Path) -> None:
    assert [ask(), ask()] == [Found(why="it hangs")] * 2
    assert ask.tried == 1

    boot_id.write_text("two\n")
    assert not ask().works
    assert ask.tried == 2


@pytest.mark.parametrize("part", ["kernel", "qemu"])
def test_what_one_kernel_and_one_qemu_did_says_nothing_of_others(
    ask: Asked, parts: Parts, part: str
) -> None:
    file = {"kernel": "image", "qemu": "system"}[part]
    changed: Any = dataclasses.replace(getattr(parts, part), **{file: Path("/of/a/user")})
    other = dataclasses.replace(parts, **{part: changed})
    ask()
    ask.found = Found(why=None)

    assert [ask(of=other), ask(), ask(of=other)] == [
        Found(why=None),
        Found(why="it hangs"),
        Found(why=None),
    ]
    assert ask.tried == 2
    assert ask.known() == Found(why=None)  # it works here, if not with every kernel
    noted = json.loads(ask.record.read_text())["tried"]
    assert [set(each) for each in noted] == [{"qemu", "kernel", "why"}] * 2


def test_a_failure_is_tried_again_for_who_asks_for_nothing_else(ask: Asked) -> None:
    ask()
    ask.found = Found(why=None)

    assert ask(again=True).works
    assert ask().works
    ask.found = Found(why="it hangs")
    assert ask(again=True).works  # what works is not tried again
    assert ask.tried == 2


def test_a_guest_that_hung_takes_the_place_of_a_probe_that_did_not(
    ask: Asked, parts: Parts, boot_id: Path
) -> None:
    ask.found = Found(why=None)
    ask()

    remember(ask.record, parts, Found(why="a guest answered no more"), boot_id=boot_id)

    assert ask() == ask.known() == Found(why="a guest answered no more")


def test_whoever_wants_kvm_and_nothing_else_has_it_tried_again(
    host: Callable[..., Host], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def hangs(*_: object, **how: Any) -> Found:
        asked.append(how)
        return Found(why="it hangs")

    monkeypatch.setattr(kvm, "probed", hangs)

    guest_host.machine_for(Target(provider="vm"), parts, host())
    with pytest.raises(HostError):
        guest_host.machine_for(Target(provider="vm", accelerator="kvm"), parts, host())

    assert [each["again"] for each in asked] == [False, True]
    assert asked[0]["of"] == parts


def test_what_may_be_otherwise_next_time_is_not_kept(ask: Asked) -> None:
    ask.found = Found(why="QEMU ended", lasts=False)
    ask()

    assert not ask.record.exists()
    assert ask.known() is None


def test_without_the_device_nothing_is_tried(ask: Asked, device: Path) -> None:
    device.unlink()

    assert "there is no" in str(ask().why)
    assert ask.tried == 0


def test_a_forbidden_device_is_said_to_be(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)

    assert "forbidden" in str(ask().why)


@pytest.mark.parametrize(
    "text", ["{", '{"boot": "one", "why": null}', '{"boot": "one", "tried": [1]}']
)
def test_a_record_that_cannot_be_read_is_no_record(ask: Asked, text: str) -> None:
    ask.record.parent.mkdir()
    ask.record.write_text(text)

    assert ask.known() is None
    assert ask() == Found(why="it hangs")
