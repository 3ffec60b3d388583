"""Commands to QEMU, put to a socket that answers like it."""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize.providers.vm.qmp import Qmp


class FakeQemu:
    """Takes one client and answers each command with the next of its answers."""

    def __init__(self, path: Path, answers: dict[str, list[Any]]) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        client, _ = self._socket.accept()
        self._socket.close()
        with contextlib.suppress(OSError), client, client.makefile("rwb") as stream:

            def say(message: dict[str, Any]) -> None:
                stream.write(json.dumps(message).encode() + b"\r\n")
                stream.flush()

            say({"QMP": {"version": {}, "capabilities": []}})
            for line in stream:
                asked = json.loads(line)
                self.asked.append((asked["execute"], asked.get("arguments", {})))
                say({"event": "SOMETHING", "data": {}})
                answers = self._answers.get(asked["execute"], [{}])
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if answer == "HANG UP":
                    return
                say(answer if "error" in answer else {"return": answer})


@contextlib.contextmanager
def qemu(place: Path, **answers: list[Any]) -> Iterator[tuple[FakeQemu, Qmp]]:
    path = place / "q"
    fake = FakeQemu(path, {name.replace("_", "-"): each for name, each in answers.items()})
    with Qmp(path, patience=5.0) as qmp:
        yield fake, qmp
    fake.thread.join(5.0)


def test_events_between_question_and_answer_are_passed_over(tmp_path: Path) -> None:
    with qemu(tmp_path, query_status=[{"status": "running"}]) as (fake, qmp):
        assert qmp.status() == "running"

    assert [name for name, _ in fake.asked] == ["qmp_capabilities", "query-status"]


def test_the_process_that_listens_is_known(tmp_path: Path) -> None:
    with qemu(tmp_path) as (_, qmp):
        assert qmp.process.resolve() == Path("/proc/self").resolve()


def test_one_that_takes_no_commands_leaves_no_connection(tmp_path: Path) -> None:
    refused = {"error": {"desc": "not now"}}

    fake = FakeQemu(tmp_path / "q", {"qmp_capabilities": [refused]})
    with pytest.raises(HarnessError, match="QEMU refuses qmp_capabilities"):
        Qmp(tmp_path / "q", patience=5.0)
    fake.thread.join(5.0)

    assert not fake.thread.is_alive()
    gc.collect()


def test_a_guest_goes_on_when_its_memory_is_there(tmp_path: Path) -> None:
    states = [{"status": "inmigrate"}, {"status": "inmigrate"}, {"status": "paused"}]
    with qemu(tmp_path, query_status=states) as (fake, qmp):
        qmp.go_on(within=5.0)

    assert [name for name, _ in fake.asked][-2:] == ["query-status", "cont"]


def test_a_memory_that_is_never_read_is_an_error(tmp_path: Path) -> None:
    with (
        qemu(tmp_path, query_status=[{"status": "inmigrate"}]) as (_, qmp),
        pytest.raises(HarnessError, match="was not read within"),
    ):
        qmp.go_on(within=0.1)


def test_a_guest_is_stopped_before_it_is_put_away(tmp_path: Path) -> None:
    states = [{"status": "active"}, {"status": "completed"}]
    with qemu(tmp_path, query_migrate=states) as (fake, qmp):
        qmp.pause()
        qmp.keep(Path("/kept here/memory"), within=5.0)

    names = [name for name, _ in fake.asked]
    assert names[1:4] == ["stop", "migrate-set-parameters", "migrate"]
    assert "max-bandwidth" in fake.asked[2][1]
    assert fake.asked[3][1] == {"uri": "exec:cat > '/kept here/memory'"}


@pytest.mark.parametrize(
    ("free", "causes"),
    [
        (4096, ("the disk is full: 0 MiB are free in {place}", "{said}")),
        (1 << 30, ("{said}",)),
    ],
)
def test_a_full_disk_is_told_beside_qemus_words_which_are_of_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, causes: tuple[str, ...]
) -> None:
    said = "Unable to write to command: Broken pipe"
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    failed = [{"status": "failed", "error-desc": said}]
    with (
        qemu(tmp_path, query_migrate=failed) as (_, qmp),
        pytest.raises(HarnessError, match="was not written") as raised,
    ):
        qmp.keep(tmp_path / "m", within=5.0)

    assert raised.value.causes == tuple(each.format(place=tmp_path, said=said) for each in causes)


def test_what_qemu_refuses_is_told(tmp_path: Path) -> None:
    refused = [{"error": {"class": "GenericError", "desc": "it is not there"}}]
    with (
        qemu(tmp_path, cont=refused) as (_, qmp),
        pytest.raises(HarnessError, match="refuses cont") as raised,
    ):
        qmp.execute("cont")

    assert raised.value.causes == ("it is not there",)


def test_a_qemu_that_ends_is_an_error(tmp_path: Path) -> None:
    with (
        qemu(tmp_path, cont=["HANG UP"]) as (_, qmp),
        pytest.raises(HarnessError, match="did not carry out cont"),
    ):
        qmp.execute("cont")
