"""gRPC calls, read off the bytes of an HTTP/2 connection that somebody else speaks (RFC 9113).

A reader sees both directions of one connection and answers nobody. Of what it sees it keeps the
calls that are under way, and the client's message of those that have one (gRPC over HTTP2,
"Requests").
"""

from __future__ import annotations

import dataclasses
import struct
import urllib.parse
import zlib
from collections.abc import Iterator

import grpc
import hpack
from cri_api.v1 import api_pb2
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PushPromiseFrame,
    RstStreamFrame,
)

from podresize.cri.call import Call, Tell
from podresize.cri.client import OWN

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD_BYTES = 9
# A message's flags and its length, before it (gRPC over HTTP2, "Length-Prefixed-Message").
_PREFIX = struct.Struct(">?I")
# Whatever the two agree on: they keep each other's limits, which a reader need not know.
_ANY_SIZE = 1 << 24
_CODES = {str(each.value[0]).encode(): each.name for each in grpc.StatusCode}
# Of the errors with which a stream is ended (RFC 9113, 7), as gRPC has them; INTERNAL otherwise.
_RESET = {7: "UNAVAILABLE", 8: "CANCELLED", 11: "RESOURCE_EXHAUSTED", 12: "PERMISSION_DENIED"}

_ONE_MESSAGE = {
    f"/{service.full_name}/{method.name}"
    for service in api_pb2.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if not method.client_streaming and not method.server_streaming
}

_Headers = dict[bytes, bytes]


class UnreadableError(Exception):
    """What passed is no HTTP/2, though it began as such."""


@dataclasses.dataclass(slots=True)
class _UnderWay:
    """A call that has begun. ``message`` is None where it is not kept."""

    method: str
    is_own: bool
    began: float
    encoding: bytes
    message: bytearray | None


class Reader:
    """Reads one connection and tells each call that has ended.

    What does not begin as HTTP/2 with a client that knows it is nobody's call, and is not read.
    Whoever breaks the protocol later makes the rest unreadable: ``UnreadableError``.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._client = _Frames(preface=_PREFACE)
        self._runtime = _Frames()
        self._under_way: dict[int, _UnderWay] = {}

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way."""
        return bool(self._under_way)

    def asked(self, data: bytes, *, at: float) -> None:
        """Take what the client sent; ``at`` is when it was here (``CLOCK_MONOTONIC``)."""
        for frame, headers in self._client.read(data):
            call = self._under_way.get(frame.stream_id)
            if headers is not None and call is None:
                self._begin(frame.stream_id, headers, at)
            elif isinstance(frame, DataFrame) and call is not None and call.message is not None:
                call.message += frame.data
                if "END_STREAM" in frame.flags:
                    call.began = at
            elif isinstance(frame, RstStreamFrame):
                self._end(frame.stream_id, "CANCELLED", "", at)

    def answered(self, data: bytes, *, at: float) -> None:
        """Take what the runtime sent."""
        for frame, headers in self._runtime.read(data):
            if headers is not None and (status := headers.get(b"grpc-status")) is not None:
                message = urllib.parse.unquote_to_bytes(headers.get(b"grpc-message", b""))
                code = _CODES.get(status, "UNKNOWN")
                self._end(frame.stream_id, code, message.decode(errors="replace"), at)
            elif isinstance(frame, RstStreamFrame):
                code = _RESET.get(frame.error_code, "INTERNAL")
                self._end(frame.stream_id, code, "the runtime ended the stream", at)

    def end(self, code: str, message: str, *, at: float) -> None:
        """Tell what is still under way as ended by the end of the connection."""
        for stream in list(self._under_way):
            self._end(stream, code, message, at)

    def _begin(self, stream: int, headers: _Headers, at: float) -> None:
        method = headers.get(b":path", b"").decode(errors="replace")
        self._under_way[stream] = _UnderWay(
            method=method,
            is_own=OWN[0][0].encode() in headers,
            began=at,
            encoding=headers.get(b"grpc-encoding", b"identity"),
            message=bytearray() if method in _ONE_MESSAGE else None,
        )

    def _end(self, stream: int, code: str, message: str, at: float) -> None:
        call = self._under_way.pop(stream, None)
        if call is None or call.is_own:
            return
        self._tell(
            Call(
                method=call.method,
                began=call.began,
                ended=at,
                code=code,
                message=message,
                request=_message(call),
            )
        )


class _Frames:
    """The frames of one direction, with the headers of those that complete a block."""

    def __init__(self, preface: bytes = b"") -> None:
        self._preface = preface
        self._bytes = bytearray()
        self._block = bytearray()
        self._is_foreign = False
        self._decoder = hpack.Decoder(max_header_list_size=_ANY_SIZE)
        self._decoder.max_allowed_table_size = _ANY_SIZE

    def read(self, data: bytes) -> Iterator[tuple[Frame, _Headers | None]]:
        if self._is_foreign:
            return
        self._bytes += data
        if self._preface:
            if not self._bytes.startswith(self._preface[: len(self._bytes)]):
                self._is_foreign = True
                return
            if len(self._bytes) < len(self._preface):
                return
            del self._bytes[: len(self._preface)]
            self._preface = b""
        try:
            while (frame := self._next()) is not None:
                yield frame, self._headers(frame)
        except (HyperframeError, hpack.HPACKError, ValueError) as error:
            raise UnreadableError(str(error) or type(error).__name__) from error

    def _next(self) -> Frame | None:
        if len(self._bytes) < _HEAD_BYTES:
            return None
        frame, length = Frame.parse_frame_header(memoryview(bytes(self._bytes[:_HEAD_BYTES])))
        end = _HEAD_BYTES + length
        if len(self._bytes) < end:
            return None
        frame.parse_body(memoryview(bytes(self._bytes[_HEAD_BYTES:end])))
        del self._bytes[:end]
        return frame

    def _headers(self, frame: Frame) -> _Headers | None:
        # Every block has to be decoded, wanted or not: it changes the table that the next one uses.
        if not isinstance(frame, (HeadersFrame, ContinuationFrame, PushPromiseFrame)):
            return None
        self._block += frame.data
        if "END_HEADERS" not in frame.flags:
            return None
        block, self._block = bytes(self._block), bytearray()
        return {bytes(name): bytes(value) for name, value in self._decoder.decode(block, raw=True)}


def _message(call: _UnderWay) -> bytes:
    """Return the one message of a call, which a client may have compressed."""
    whole = bytes(call.message or b"")
    if len(whole) < _PREFIX.size:
        return b""
    is_compressed, length = _PREFIX.unpack_from(whole)
    message = whole[_PREFIX.size : _PREFIX.size + length]
    if not is_compressed or call.encoding not in (b"gzip", b"deflate"):
        return message
    try:
        return zlib.decompress(message, zlib.MAX_WBITS | 32)  # either, by its head
    except zlib.error:
        return b""
