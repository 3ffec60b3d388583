"""The tap passes everything as it is, and tells each call."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from cri_api.v1 import api_pb2

from podresize.cri.call import Call
from podresize.cri.client import CriError, RuntimeClient
from podresize.cri.faults.catalogue import make
from podresize.cri.faults.fault import Fault
from podresize.cri.faulty_tap import FaultyTap
from podresize.cri.tap import Tap
from podresize.errors import HostError

SERVICE = "/runtime.v1.RuntimeService"
UPDATE = f"{SERVICE}/UpdateContainerResources"
EVENTS = f"{SERVICE}/GetContainerEvents"
UNKNOWN = "/runtime.v9.RuntimeService/FromTheFuture"
_SECONDS = 10.0

Answering = Callable[[bytes, Any], Iterator[bytes]]


class BytesRuntime(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc carries no types
    """A runtime of bytes: what it does with a method is one function, and every method is there."""

    def __init__(self, path: Path) -> None:
        self.endpoint = f"unix://{path}"
        self.answers: dict[str, Answering] = {}
        self.seen: list[tuple[str, bytes, dict[str, str | bytes], float | None]] = []
        self.serve()

    def serve(self) -> None:
        self.server = grpc.server(
            ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)]
        )
        self.server.add_generic_rpc_handlers((self,))
        self.server.add_insecure_port(self.endpoint)
        self.server.start()

    def service(self, details: Any) -> Any:
        def handle(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            request = b"".join(requests)
            metadata = dict(context.invocation_metadata())
            self.seen.append((details.method, request, metadata, context.time_remaining()))
            yield from self.answers.get(details.method, echo)(request, context)

        return grpc.stream_stream_rpc_method_handler(handle)


def echo(request: bytes, _context: Any) -> Iterator[bytes]:
    yield request


class Running:
    """A tap in a loop and a thread of its own, and a client in front of it."""

    def __init__(self, directory: Path, runtime: str, *faults: Fault) -> None:
        self.kind: Any = functools.partial(FaultyTap, faults=faults) if faults else Tap
        self.listen = directory / "tap.sock"
        self.calls: list[Call] = []
        self.told = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.tap = self.wait(self.make(runtime))
        options = [("grpc.max_receive_message_length", -1)]
        self.channel = grpc.insecure_channel(f"unix://{self.listen}", options=options)

    async def make(self, runtime: str) -> Any:
        tap = self.kind(listen=self.listen, runtime=runtime, tell=self.take)
        await tap.start()
        return tap

    def wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(_SECONDS)

    def take(self, call: Call) -> None:
        with self.told:
            self.calls.append(call)
            self.told.notify_all()

    def call(self, number: int = 1) -> Call:
        """Return the last call once there are so many."""
        with self.told:
            assert self.told.wait_for(lambda: len(self.calls) >= number, _SECONDS)
            return self.calls[-1]

    def ask(self, method: str, request: bytes, **options: Any) -> tuple[bytes, Any]:
        options.setdefault("timeout", _SECONDS)
        answer, call = self.channel.unary_unary(method).with_call(request, **options)
        return answer, call

    def close(self) -> None:
        self.channel.close()
        self.wait(self.tap.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(_SECONDS)
        self.loop.close()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[BytesRuntime]:
    found = BytesRuntime(tmp_path / "runtime.sock")
    yield found
    found.server.stop(0).wait(_SECONDS)


@pytest.fixture(params=["without faults", "with one"])
def tap(tmp_path: Path, runtime: BytesRuntime, request: pytest.FixtureRequest) -> Iterator[Running]:
    """Either kind; the fault is of a method that no test here calls."""
    faults = [make("status-empty")] if request.param == "with one" else []
    running = Running(tmp_path, runtime.endpoint, *faults)
    yield running
    running.close()


@pytest.mark.parametrize("method", [UPDATE, EVENTS, UNKNOWN])
@pytest.mark.parametrize("size", [0, 5, 20 << 20])
def test_bytes_pass_as_they_are(
    tap: Running, runtime: BytesRuntime, method: str, size: int
) -> None:
    """Also those that are no message of CRI, and more than gRPC takes by default."""
    request = bytes([0xFF, 0xFE, *b"no protobuf"])[:size].ljust(size, b"\0")

    answer, _ = tap.ask(method, request)

    assert answer == request
    assert runtime.seen[0][:2] == (method, request)


@pytest.mark.parametrize("tap", ["without faults"], indirect=True)
def test_metadata_passes_both_ways(tap: Running, runtime: BytesRuntime) -> None:
    def answer(request: bytes, context: Any) -> Iterator[bytes]:
        context.send_initial_metadata([("first", "1"), ("first-bin", b"\0\1")])
        context.set_trailing_metadata([("last", "2")])
        yield request

    runtime.answers[UPDATE] = answer

    _, call = tap.ask(UPDATE, b"", metadata=[("asked", "yes"), ("asked-bin", b"\xff")])

    seen = runtime.seen[0][2]
    assert (seen["asked"], seen["asked-bin"]) == ("yes", b"\xff")
    assert ("first-bin", b"\0\1") in call.initial_metadata()
    assert ("last", "2") in call.trailing_metadata()


@pytest.mark.parametrize("method", [UPDATE, UNKNOWN])
@pytest.mark.parametrize("code", [each for each in grpc.StatusCode if each.value[0]])
def test_an_error_is_the_runtimes_own(
    tap: Running, runtime: BytesRuntime, method: str, code: grpc.StatusCode
) -> None:
    def refuse(_request: bytes, context: Any) -> Iterator[bytes]:
        context.set_trailing_metadata([("grpc-status-details-bin", b"\x08\x05")])
        context.abort(code, "as the test wants: ü")
        yield b""

    runtime.answers[method] = refuse

    with pytest.raises(grpc.RpcError) as error:
        tap.ask(method, b"")

    assert (error.value.code(), error.value.details()) == (code, "as the test wants: ü")
    assert ("grpc-status-details-bin", b"\x08\x05") in error.value.trailing_metadata()
    assert (tap.call().code, tap.call().message) == (code.name, "as the test wants: ü")


@pytest.mark.parametrize("method", [UPDATE, UNKNOWN])
def test_the_clients_deadline_is_the_runtimes(
    tap: Running, runtime: BytesRuntime, method: str
) -> None:
    tap.ask(method, b"", timeout=7)

    left = runtime.seen[0][3]
    assert left is not None
    assert 3 < left < 7.5  # gRPC rounds up what it writes


@pytest.mark.parametrize("method", [UPDATE, UNKNOWN])
def test_a_call_without_a_deadline_has_none(
    tap: Running, runtime: BytesRuntime, method: str
) -> None:
    tap.ask(method, b"", timeout=None)

    left = runtime.seen[0][3]
    assert left is None or left > 1e6


@pytest.mark.parametrize("method", [UPDATE, EVENTS])
def test_whom_the_client_gives_up_the_runtime_gives_up(
    tap: Running, runtime: BytesRuntime, method: str
) -> None:
    under_way, given_up = threading.Event(), threading.Event()

    def hang(_request: bytes, context: Any) -> Iterator[bytes]:
        context.add_callback(given_up.set)
        under_way.set()
        given_up.wait(_SECONDS)
        yield b""

    runtime.answers[method] = hang
    call = tap.channel.unary_unary(method).future(b"")
    assert under_way.wait(_SECONDS)

    call.cancel()

    assert given_up.wait(_SECONDS)
    assert tap.call().code == "CANCELLED"


def test_what_a_stream_says_arrives_as_it_is_said(tap: Running, runtime: BytesRuntime) -> None:
    go_on = threading.Semaphore(1)

    def stream(_request: bytes, _context: Any) -> Iterator[bytes]:
        for number in range(3):
            assert go_on.acquire(timeout=_SECONDS)
            yield bytes([number])

    runtime.answers[EVENTS] = stream
    said = []
    for message in tap.channel.unary_stream(EVENTS)(b"", timeout=_SECONDS):
        said.append(message)
        go_on.release()  # the next is not said before this one is here

    assert said == [b"\0", b"\1", b"\2"]
    assert tap.call().code == "OK"


def test_a_runtime_that_is_away_is_unavailable_and_comes_back(
    tap: Running, runtime: BytesRuntime
) -> None:
    tap.ask(UPDATE, b"before")
    runtime.server.stop(0).wait(_SECONDS)
    with pytest.raises(grpc.RpcError) as error:
        tap.ask(UPDATE, b"away")
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE

    runtime.serve()
    end = time.monotonic() + _SECONDS
    answer = b""
    while not answer and time.monotonic() < end:
        with contextlib.suppress(grpc.RpcError):
            answer, _ = tap.ask(UPDATE, b"back")

    assert answer == b"back"


def test_a_call_is_told_with_its_times(tap: Running, runtime: BytesRuntime) -> None:
    between: list[float] = []

    def answer(request: bytes, _context: Any) -> Iterator[bytes]:
        between.append(time.monotonic())
        yield request

    runtime.answers[UPDATE] = answer
    before = time.monotonic()

    tap.ask(UPDATE, b"what was asked")

    call = tap.call()
    assert before < call.began < between[0] < call.ended < time.monotonic()
    assert (call.method, call.request, call.code) == (UPDATE, b"what was asked", "OK")


def test_a_witness_of_ours_does_not_notice_and_is_no_news(
    tmp_path: Path, runtime: BytesRuntime
) -> None:
    said = api_pb2.VersionResponse(version="v1", runtime_name="fake", runtime_version="v9")
    runtime.answers[f"{SERVICE}/Version"] = lambda *_: iter([said.SerializeToString()])
    running = Running(tmp_path, runtime.endpoint)
    try:
        with RuntimeClient(str(running.listen)) as client:
            assert client.version()["runtime_version"] == "v9"
            runtime.answers[f"{SERVICE}/ContainerStatus"] = not_found
            with pytest.raises(CriError, match="NOT_FOUND"):
                client.container_status("none")
        assert running.calls == []
    finally:
        running.close()


def test_a_call_under_way_has_a_second_to_end(tmp_path: Path, runtime: BytesRuntime) -> None:
    under_way, go_on = threading.Event(), threading.Event()

    def slow(request: bytes, _context: Any) -> Iterator[bytes]:
        under_way.set()
        go_on.wait(_SECONDS)
        yield request

    runtime.answers[UPDATE] = slow
    running = Running(tmp_path, runtime.endpoint)
    in_time = running.channel.unary_unary(UPDATE).future(b"in time")
    assert under_way.wait(_SECONDS)
    stopping = asyncio.run_coroutine_threadsafe(running.tap.stop(), running.loop)
    go_on.set()

    assert in_time.result(_SECONDS) == b"in time"
    stopping.result(_SECONDS)
    assert [each.code for each in running.calls] == ["OK"]
    running.close()


@pytest.mark.parametrize("tap", ["without faults"], indirect=True)
def test_a_client_that_reads_slowly_holds_nobody_up_and_gets_everything(
    tap: Running, runtime: BytesRuntime
) -> None:
    """More than the buffers between them hold: who cannot be written to is not read from."""
    long = b"x" * (64 << 20)
    runtime.answers[EVENTS] = lambda *_: iter([long, long])
    stream = tap.channel.unary_stream(EVENTS)(b"", timeout=_SECONDS)

    assert tap.ask(UPDATE, b"meanwhile")[0] == b"meanwhile"
    assert [len(each) for each in stream] == [len(long), len(long)]


def test_a_fault_answers_in_the_runtimes_place(tmp_path: Path, runtime: BytesRuntime) -> None:
    running = Running(tmp_path, runtime.endpoint, make("update-refused:code=ABORTED,times=1"))
    try:
        with pytest.raises(grpc.RpcError) as error:
            running.ask(UPDATE, b"")
        answer, _ = running.ask(UPDATE, b"")
        told = running.call(2)
    finally:
        running.close()

    assert error.value.code() is grpc.StatusCode.ABORTED
    assert "a fault of podresize" in str(error.value.details())
    assert answer == b""
    assert [each.code for each in running.calls] == ["ABORTED", "OK"]
    assert told.method == UPDATE
    assert len(runtime.seen) == 1


def test_behind_a_fault_the_runtimes_errors_are_its_own(
    tmp_path: Path, runtime: BytesRuntime
) -> None:
    runtime.answers[UPDATE] = not_found
    running = Running(tmp_path, runtime.endpoint, make("update-twice"))
    try:
        with pytest.raises(grpc.RpcError) as error:
            running.ask(UPDATE, b"")
    finally:
        running.close()

    assert error.value.code() is grpc.StatusCode.NOT_FOUND
    assert len(runtime.seen) == 1


def not_found(_request: bytes, context: Any) -> Iterator[bytes]:
    context.abort(grpc.StatusCode.NOT_FOUND, "no such container")
    yield b""


def test_the_socket_is_its_owners_alone_and_goes(tmp_path: Path, runtime: BytesRuntime) -> None:
    running = Running(tmp_path, runtime.endpoint)
    assert stat.S_IMODE(running.listen.stat().st_mode) == 0o600

    running.close()

    assert not running.listen.exists()


def test_one_that_cannot_listen_says_so(tmp_path: Path) -> None:
    async def begin() -> None:
        await Tap(
            listen=tmp_path / "none" / "tap.sock", runtime="unix:///none", tell=lambda _: None
        ).start()

    with pytest.raises(HostError, match="the tap cannot listen") as error:
        asyncio.run(begin())

    assert "none/tap.sock" in str(error.value)
