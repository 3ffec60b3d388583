"""Faults around a call: connections that are cut, processes that are killed, cgroups written."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cri_api.v1 import api_pb2
from tests.cri.test_tap import UPDATE, BytesRuntime, Running

from podresize.cri.client import OWN
from podresize.cri.faults.catalogue import make
from podresize.cri.faults.fault import STATUS, Around, Asked
from podresize.cri.faults.surrounding import cgroup_of, listener

_SECONDS = 10.0
_ASKED = api_pb2.UpdateContainerResourcesRequest(container_id="one").SerializeToString()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[BytesRuntime]:
    found = BytesRuntime(tmp_path / "runtime.sock")
    yield found
    found.server.stop(0).wait(_SECONDS)


@pytest.mark.parametrize("code", [each.name for each in grpc.StatusCode if each.value[0]])
def test_every_error_there_is_reaches_the_client(
    tmp_path: Path, runtime: BytesRuntime, code: str
) -> None:
    running = Running(tmp_path, runtime.endpoint, make(f"update-refused:code={code},times=2"))
    try:
        for _ in range(2):
            with pytest.raises(grpc.RpcError) as error:
                running.ask(UPDATE, _ASKED)
            assert error.value.code() is grpc.StatusCode[code]
        assert running.ask(UPDATE, _ASKED)[0] == _ASKED
    finally:
        running.close()

    assert len(runtime.seen) == 1


def test_a_connection_that_is_cut_is_unavailable_and_the_update_done(
    tmp_path: Path, runtime: BytesRuntime
) -> None:
    running = Running(tmp_path, runtime.endpoint, make("update-connection-cut"))
    try:
        with pytest.raises(grpc.RpcError) as error:
            running.ask(UPDATE, _ASKED)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        # The server says none of it: the transport is gone.
        assert "a fault of podresize" not in str(error.value.details())
        assert [each[0] for each in runtime.seen] == [UPDATE]
        # Told is what the client saw, not what was answered to nobody.
        told = running.call()
        assert (told.method, told.code) == (UPDATE, "UNAVAILABLE")
        assert told.message == "the connection was cut"
        # The client may write to what is gone before it knows.
        end, answer = time.monotonic() + _SECONDS, b""
        while not answer and time.monotonic() < end:
            with contextlib.suppress(grpc.RpcError):
                answer, _ = running.ask(UPDATE, _ASKED, wait_for_ready=True)
        assert answer == _ASKED
        assert running.call(2).code == "OK"
    finally:
        running.close()


def test_a_witness_that_asks_meanwhile_is_answered(tmp_path: Path, runtime: BytesRuntime) -> None:
    """Its call came by a connection that will be cut, and it has to see what becomes of that."""
    asked, go_on = threading.Event(), threading.Event()

    def slow(request: bytes, _context: Any) -> Iterator[bytes]:
        asked.set()
        go_on.wait(_SECONDS)
        yield request

    runtime.answers[STATUS] = slow
    running = Running(tmp_path, runtime.endpoint, make("update-connection-cut"))
    try:
        with grpc.insecure_channel(f"unix://{running.listen}") as channel:
            witness = channel.unary_unary(STATUS).future(b"witness", metadata=OWN)
            assert asked.wait(_SECONDS)
            update = running.channel.unary_unary(UPDATE).future(_ASKED)
            end = time.monotonic() + _SECONDS
            while len(runtime.seen) < 2 and time.monotonic() < end:
                time.sleep(0.01)
            go_on.set()

            assert witness.result(_SECONDS) == b"witness"
            with pytest.raises(grpc.RpcError) as error:
                update.result(_SECONDS)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        running.close()


LISTENING = """
import socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print(flush=True)
while True:
    listening.accept()
"""


def test_who_listens_is_found_and_killed(tmp_path: Path) -> None:
    place = tmp_path / "listens.sock"
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, place], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        endpoint = f"unix://{place}"
        assert listener(endpoint) == process.pid

        asyncio.run(make("runtime-killed").call(asked(Around(runtime=endpoint))))

        assert process.wait(_SECONDS) == -signal.SIGKILL
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_component_is_killed_and_started_again_once(tmp_path: Path, moment: str) -> None:
    heard: list[dict[str, Any]] = []
    place = tmp_path / "control.sock"
    fault = make(f"kubelet-restarted:moment={moment}")

    async def call_twice() -> None:
        for _ in range(2):
            await fault.call(asked(Around(control=str(place))))
        await fault.under_way.settled()  # type: ignore[attr-defined]

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        thread = threading.Thread(target=obey, args=(listening, heard, 2))
        thread.start()
        asyncio.run(call_twice())
        thread.join(_SECONDS)

    assert heard == [
        {"do": "stop", "component": "kubelet", "kill": True},
        {"do": "start", "component": "kubelet"},
    ]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_component_that_is_not_killed_or_started_is_no_fault_that_was_done(
    tmp_path: Path, moment: str
) -> None:
    heard: list[dict[str, Any]] = []
    place = tmp_path / "control.sock"
    fault = make(f"runtime-restarted:moment={moment}")
    refusal = b'{"error": "TimeoutError", "what": "containerd: it stays"}\n'

    async def call() -> None:
        await fault.call(asked(Around(control=str(place))))
        await fault.under_way.settled()  # type: ignore[attr-defined]

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        thread = threading.Thread(target=obey, args=(listening, heard, 1, refusal))
        thread.start()
        with pytest.raises(RuntimeError, match="stop: containerd: it stays"):
            asyncio.run(call())
        thread.join(_SECONDS)

    # What was not ended is not started.
    assert [each["do"] for each in heard] == ["stop"]


@pytest.mark.parametrize("answer", [b'{"done": null}\n', b'{"error": "X", "what": "none"}\n'])
def test_systemd_is_told_another_setting_once(tmp_path: Path, answer: bytes) -> None:
    heard: list[dict[str, Any]] = []
    place = tmp_path / "control.sock"
    fault = make("unit-overridden:setting=MemoryMax,value=4G")
    refused = pytest.raises(RuntimeError, match="none") if b"error" in answer else None

    async def call_twice() -> None:
        with refused or contextlib.nullcontext():
            await fault.call(asked(Around(control=str(place))))
        await fault.call(asked(Around(control=str(place))))

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        thread = threading.Thread(target=obey, args=(listening, heard, 1, answer))
        thread.start()
        asyncio.run(call_twice())
        thread.join(_SECONDS)

    order = {"do": "override", "units": "cri-containerd-.scope", "setting": "MemoryMax=4G"}
    assert heard == [order]


def test_without_a_way_to_the_node_it_can_be_told_nothing() -> None:
    with pytest.raises(RuntimeError, match="nobody"):
        asyncio.run(make("unit-overridden:setting=a,value=b").call(asked(Around())))


def obey(
    listening: socket.socket,
    heard: list[dict[str, Any]],
    number: int,
    answer: bytes = b'{"done": null}\n',
) -> None:
    for _ in range(number):
        connection, _address = listening.accept()
        with connection, connection.makefile("rwb") as stream:
            heard.append(json.loads(stream.readline()))
            stream.write(answer)


def asked(around: Around) -> Asked:
    """Return an update on its way to a runtime that does nothing."""

    async def ask(method: str, _request: bytes) -> bytes:
        info = {"info": json.dumps({"pid": os.getpid()})} if method == STATUS else {}
        return bytes(api_pb2.ContainerStatusResponse(info=info).SerializeToString())

    async def behind(_request: bytes) -> bytes:
        return b""

    return Asked(method=UPDATE, request=_ASKED, behind=behind, ask=ask, around=around)


MOUNTS = """\
30 20 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
31 20 0:27 / {memory} rw - cgroup cgroup rw,memory
32 20 0:28 / /sys ro - sysfs sysfs ro
33 20 0:29 {root} {unified} rw - cgroup2 cgroup2 rw
"""


@pytest.mark.parametrize(
    ("file", "lines", "root", "place"),
    [
        ("memory.limit_in_bytes", "5:memory:/pod/one\n4:cpu:/other\n0::/\n", "/", "v1/pod/one"),
        ("cpu.max", "0::/pod/one\n", "/", "v2/pod/one"),
        ("cpu.max", "0::/inside/pod/one\n", "/inside", "v2/pod/one"),
    ],
)
def test_the_cgroup_of_a_process_is_found(
    tmp_path: Path, file: str, lines: str, root: str, place: str
) -> None:
    for directory, name in (("v1/pod/one", "memory.limit_in_bytes"), ("v2/pod/one", "cpu.max")):
        (tmp_path / directory).mkdir(parents=True)
        (tmp_path / directory / name).touch()
    for entry in ("7", "self"):
        (tmp_path / "proc" / entry).mkdir(parents=True)
    (tmp_path / "proc/7/cgroup").write_text(lines)
    mounts = MOUNTS.format(memory=tmp_path / "v1", unified=tmp_path / "v2", root=root)
    (tmp_path / "proc/self/mountinfo").write_text(mounts)

    assert cgroup_of(7, file, proc=tmp_path / "proc") == tmp_path / place
    with pytest.raises(LookupError):
        cgroup_of(7, "hugetlb.2MB.max", proc=tmp_path / "proc")
