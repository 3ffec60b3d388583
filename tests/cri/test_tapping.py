"""The tap as a process: it writes each call as a line, and ends when it is asked to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cri_api.v1 import api_pb2, api_pb2_grpc
from tests.cri.conftest import FakeRuntime

from podresize.cri.call import Call
from podresize.cri.calls import about, to_line

SERVICE = "/runtime.v1.RuntimeService"
_SECONDS = 20.0


@pytest.fixture
def tapped(tmp_path: Path, runtime: FakeRuntime) -> Iterator[tuple[Path, Path]]:
    """The socket and the calls of a tap before the scripted runtime."""
    listen, calls = tmp_path / "tap.sock", tmp_path / "calls.jsonl"
    words = [f"--listen={listen}", f"--runtime={runtime.endpoint}", f"--calls={calls}"]
    process = subprocess.Popen([sys.executable, "-m", "podresize.cri.tapping", *words])
    try:
        yield listen, calls
        process.send_signal(signal.SIGTERM)
        assert process.wait(_SECONDS) == 0
        assert not listen.exists()
    finally:
        process.kill()
        process.wait()


def lines(calls: Path, number: int) -> list[dict[str, Any]]:
    """Return the lines once there are so many: they are written beside the calls."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        found = calls.read_text().splitlines() if calls.exists() else []
        if len(found) >= number:
            return [json.loads(line) for line in found]
        time.sleep(0.01)
    raise AssertionError(f"not {number} calls within {_SECONDS:g} s")


def test_each_call_is_a_line(tapped: tuple[Path, Path], runtime: FakeRuntime) -> None:
    listen, calls = tapped
    runtime.statuses["c1"] = api_pb2.ContainerStatus(id="c1")
    before = time.monotonic()
    with grpc.insecure_channel(f"unix://{listen}") as channel:
        grpc.channel_ready_future(channel).result(timeout=_SECONDS)
        # As the kubelet would: a witness of ours is no news.
        ask = api_pb2_grpc.RuntimeServiceStub(channel).ContainerStatus  # type: ignore[no-untyped-call]
        ask(api_pb2.ContainerStatusRequest(container_id="c1"))
        with pytest.raises(grpc.RpcError):
            ask(api_pb2.ContainerStatusRequest(container_id="c2"))

    good, bad = lines(calls, 2)
    assert good | {"began": 0, "ended": 0} == {
        "method": "ContainerStatus",
        "began": 0,
        "ended": 0,
        "code": "OK",
        "message": "",
        "about": {"container_id": "c1"},
    }
    assert before < good["began"] < good["ended"] < bad["began"] < time.monotonic()
    assert (bad["code"], bad["message"]) == ("NOT_FOUND", "no c2")


def test_what_an_update_asks_for_is_read() -> None:
    request = api_pb2.UpdateContainerResourcesRequest(
        container_id="c1",
        linux=api_pb2.LinuxContainerResources(cpu_quota=-1, unified={"memory.high": "1"}),
    )

    found = about(f"{SERVICE}/UpdateContainerResources", request.SerializeToString())

    assert found == {
        "container_id": "c1",
        "linux": {"cpu_quota": -1, "unified": {"memory.high": "1"}},
    }


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("/runtime.v9.RuntimeService/FromTheFuture", b"\x0a\x02c1"),
        (f"{SERVICE}/UpdateContainerResources", b"\xff\xff\xff"),
        (f"{SERVICE}/Version", b""),
    ],
)
def test_of_what_is_no_message_of_a_container_nothing_is_read(method: str, request_: bytes) -> None:
    assert about(method, request_) == {}


def test_a_line_has_one_end() -> None:
    call = Call(
        method=f"{SERVICE}/Version", began=1.0, ended=2.0, code="OK", message="a\nb", request=b""
    )

    assert to_line(call).count("\n") == 1
    assert json.loads(to_line(call))["message"] == "a\nb"


def test_one_that_cannot_listen_ends_with_a_message(tmp_path: Path) -> None:
    nowhere = tmp_path / "none" / "tap.sock"
    words = [f"--listen={nowhere}", "--runtime=unix:///none", f"--calls={tmp_path / 'calls'}"]

    done = subprocess.run(
        [sys.executable, "-m", "podresize.cri.tapping", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        env=os.environ,
    )

    assert done.returncode != 0
    assert "the tap cannot listen" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_that_cannot_write_down_a_call_ends_with_a_message(
    tmp_path: Path, runtime: FakeRuntime
) -> None:
    listen = tmp_path / "tap.sock"
    words = [f"--listen={listen}", f"--runtime={runtime.endpoint}", "--calls=/dev/full"]
    command = [sys.executable, "-m", "podresize.cri.tapping", *words]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        grpc.insecure_channel(f"unix://{listen}") as channel,
    ):
        grpc.channel_ready_future(channel).result(timeout=_SECONDS)
        ask = api_pb2_grpc.RuntimeServiceStub(channel).Version  # type: ignore[no-untyped-call]
        with contextlib.suppress(grpc.RpcError):  # its end may come first
            ask(api_pb2.VersionRequest())
        _, said = process.communicate(timeout=_SECONDS)

    assert process.returncode == 3
    assert "the calls cannot be written" in said
    assert "No space left" in said


def test_one_that_cannot_read_what_passes_ends_with_a_message(
    tmp_path: Path, runtime: FakeRuntime
) -> None:
    listen = tmp_path / "tap.sock"
    words = [f"--listen={listen}", f"--runtime={runtime.endpoint}", f"--calls={tmp_path / 'calls'}"]
    command = [sys.executable, "-m", "podresize.cri.tapping", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        with grpc.insecure_channel(f"unix://{listen}") as channel:
            grpc.channel_ready_future(channel).result(timeout=_SECONDS)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(listen))
            # Headers that no table of HPACK gives.
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\2\1\4\0\0\0\1\xff\xff")
            _, said = process.communicate(timeout=_SECONDS)

    assert process.returncode == 3
    assert "the tap cannot read what passes" in said
    assert "Traceback" not in said
    assert not listen.exists()
