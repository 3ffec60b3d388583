"""Calls are read off a connection however its bytes are cut, and whatever else goes over it."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable

import hpack
import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from podresize.cri.call import Call
from podresize.cri.http2 import Reader, UnreadableError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
UPDATE = "/runtime.v1.RuntimeService/UpdateContainerResources"
EVENTS = "/runtime.v1.RuntimeService/GetContainerEvents"
OWN = ("podresize-witness", "1")


def message(payload: bytes, *, is_compressed: bool = False) -> bytes:
    return struct.pack(">?I", is_compressed, len(payload)) + payload


def raw(*frames: Frame) -> bytes:
    return b"".join(each.serialize() for each in frames)


class Side:
    """One side of a connection: its frames, with a header table of its own."""

    def __init__(self) -> None:
        self.encoder = hpack.Encoder()

    def headers(self, stream: int, fields: Iterable[tuple[str, str]], *, end: bool) -> bytes:
        block = self.encoder.encode(list(fields))
        return raw(HeadersFrame(stream, block, flags=["END_HEADERS", *["END_STREAM"] * end]))

    def asks(self, stream: int, method: str, payload: bytes, *more: tuple[str, str]) -> bytes:
        fields = [(":method", "POST"), (":path", method), ("te", "trailers"), *more]
        data = raw(DataFrame(stream, message(payload), flags=["END_STREAM"]))
        return self.headers(stream, fields, end=False) + data

    def answers(self, stream: int, payload: bytes, status: str = "0", said: str = "") -> bytes:
        first = self.headers(stream, [(":status", "200")], end=False)
        last = [("grpc-status", status), ("grpc-message", said)]
        data = raw(DataFrame(stream, message(payload)))
        return first + data + self.headers(stream, last, end=True)


def told(asked: bytes, answered: bytes, *, pieces: int = 1 << 20) -> list[Call]:
    """Return what is told of a connection whose bytes come in pieces of a size."""
    calls: list[Call] = []
    reader = Reader(calls.append)
    for start in range(0, len(asked), pieces):
        reader.asked(asked[start : start + pieces], at=start)
    for start in range(0, len(answered), pieces):
        reader.answered(answered[start : start + pieces], at=1000 + start)
    reader.end("UNAVAILABLE", "the connection ended", at=9999)
    assert not reader.is_busy
    return calls


@given(pieces=st.integers(1, 200), payload=st.binary(max_size=300))
def test_however_the_bytes_are_cut_the_calls_are_the_same(pieces: int, payload: bytes) -> None:
    client, runtime = Side(), Side()
    asked = PREFACE + raw(SettingsFrame(0)) + client.asks(1, UPDATE, payload)
    asked += raw(PingFrame(0, b"12345678")) + client.asks(3, UPDATE, b"another")
    # The second is answered first, and refused.
    answered = raw(SettingsFrame(0)) + runtime.answers(3, b"", "5", "no such container: %C3%BC")
    answered += runtime.answers(1, b"done") + raw(GoAwayFrame(0))

    calls = told(asked, answered, pieces=pieces)

    assert [(each.method, each.request, each.code, each.message) for each in calls] == [
        (UPDATE, b"another", "NOT_FOUND", "no such container: ü"),
        (UPDATE, payload, "OK", ""),
    ]


def test_a_block_of_many_frames_and_padding_are_read() -> None:
    client, runtime = Side(), Side()
    block = client.encoder.encode([(":path", UPDATE), ("long", "x" * 300)])
    asked = PREFACE + raw(
        HeadersFrame(1, block[:20], pad_length=7, flags=["PADDED"]),
        ContinuationFrame(1, block[20:100]),
        ContinuationFrame(1, block[100:], flags=["END_HEADERS"]),
        DataFrame(1, message(b"asked")[:3], pad_length=9, flags=["PADDED"]),
        DataFrame(1, message(b"asked")[3:], flags=["END_STREAM"]),
    )

    (call,) = told(asked, runtime.answers(1, b""))

    assert (call.method, call.request) == (UPDATE, b"asked")


@pytest.mark.parametrize(
    ("sent", "request_"),
    [
        (message(gzip.compress(b"asked"), is_compressed=True), b"asked"),
        (message(b"no gzip", is_compressed=True), b""),
        (b"\0\0", b""),
    ],
    ids=["compressed", "not as said", "half of its prefix"],
)
def test_a_message_may_be_compressed(sent: bytes, request_: bytes) -> None:
    client, runtime = Side(), Side()
    head = client.headers(1, [(":path", UPDATE), ("grpc-encoding", "gzip")], end=False)
    asked = PREFACE + head + raw(DataFrame(1, sent, flags=["END_STREAM"]))

    (call,) = told(asked, runtime.answers(1, b""))

    assert call.request == request_


def test_a_stream_keeps_no_message_and_ends_with_its_connection() -> None:
    client, runtime = Side(), Side()
    begun = runtime.headers(1, [(":status", "200")], end=False) + raw(DataFrame(1, b"an event"))

    (call,) = told(PREFACE + client.asks(1, EVENTS, b"asked"), begun)

    assert (call.method, call.request) == (EVENTS, b"")
    assert (call.code, call.message) == ("UNAVAILABLE", "the connection ended")


@pytest.mark.parametrize(("error", "code"), [(8, "CANCELLED"), (7, "UNAVAILABLE"), (1, "INTERNAL")])
def test_a_stream_that_the_runtime_ends_has_that_code(error: int, code: str) -> None:
    asked = PREFACE + Side().asks(1, UPDATE, b"")

    (call,) = told(asked, raw(RstStreamFrame(1, error_code=error)))

    assert (call.code, call.message) == (code, "the runtime ended the stream")


def test_whom_the_client_gives_up_is_cancelled_once() -> None:
    client, runtime = Side(), Side()
    asked = PREFACE + client.asks(1, UPDATE, b"") + raw(RstStreamFrame(1, error_code=8))

    (call,) = told(asked, runtime.answers(1, b"too late"))

    assert call.code == "CANCELLED"


def test_an_answer_of_its_status_alone_is_one() -> None:
    client, runtime = Side(), Side()
    alone = [(":status", "200"), ("grpc-status", "12"), ("grpc-message", "unknown method")]

    (call,) = told(PREFACE + client.asks(1, UPDATE, b""), runtime.headers(1, alone, end=True))

    assert (call.code, call.message) == ("UNIMPLEMENTED", "unknown method")


def test_calls_of_our_own_witnesses_are_no_news() -> None:
    client, runtime = Side(), Side()
    asked = PREFACE + client.asks(1, UPDATE, b"", OWN) + client.asks(3, UPDATE, b"")

    calls = told(asked, runtime.answers(1, b"") + runtime.answers(3, b""))

    assert len(calls) == 1


def test_what_is_no_http2_is_nobodys_call() -> None:
    assert told(b"GET / HTTP/1.1\r\n\r\n" + b"\xff" * 100, b"HTTP/1.1 400\r\n\r\n" * 9) == []


@pytest.mark.parametrize(
    "broken",
    [
        raw(HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff", flags=["END_HEADERS"])),
        b"\0\0\4\x03\0\0\0\0\0" + b"\0" * 4,  # a stream is ended that has no number
        b"\0\0\2\0\x08\0\0\0\1" + b"\x09x",  # more padding than frame
    ],
)
def test_who_breaks_the_protocol_makes_the_rest_unreadable(broken: bytes) -> None:
    with pytest.raises(UnreadableError):
        told(PREFACE + broken, b"")


def test_the_times_are_of_the_last_byte_of_either_side() -> None:
    client, runtime = Side(), Side()
    asked, answered = PREFACE + client.asks(1, UPDATE, b""), runtime.answers(1, b"done")

    (call,) = told(asked, answered, pieces=1)

    assert (call.began, call.ended) == (len(asked) - 1, 1000 + len(answered) - 1)
