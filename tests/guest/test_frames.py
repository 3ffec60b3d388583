"""The line: frames are cut out of any pieces, and found again after any that was cut short."""

from __future__ import annotations

import random

import pytest

from podresize.guest.frames import (
    HELLO,
    MAGIC,
    MOST_PAYLOAD,
    NONCE_SIZE,
    PREAMBLE,
    RESYNC_ZEROS,
    Decoder,
    Frame,
    Kind,
)
from podresize.guest.messages import Message, Type, absent, read_message, request

RESET_ALL = Frame(Kind.RESET_ALL, 0, bytes(range(NONCE_SIZE)))


def test_a_frame_is_ten_bytes_and_its_payload() -> None:
    """The agent has these numbers too (frames.go)."""
    raw = Frame(Kind.DATA, 0x01020304, b"ab").encode()

    assert raw == bytes([MAGIC, 2, 1, 2, 3, 4, 0, 0, 0, 2]) + b"ab"
    assert [kind.value for kind in Kind] == [1, 2, 3, 4, 5, 6]
    assert len(PREAMBLE) == 32 * 1024 + 10
    assert bytes(16) == HELLO


@pytest.mark.parametrize("piece", [1, 3, 10, 1000])
def test_frames_are_cut_out_of_pieces_of_any_size(piece: int) -> None:
    frames = [
        Frame(Kind.OPEN, 1),
        Frame(Kind.DATA, 1, b"x" * 700),
        Frame.credit(1, 5),
        Frame(Kind.DATA, 2, bytes(50)),
        RESET_ALL,
    ]
    raw = bytes(7).join(frame.encode() for frame in frames)
    decoder = Decoder()

    found = [
        frame
        for start in range(0, len(raw), piece)
        for frame in decoder.feed(raw[start : start + piece])
    ]

    assert found == frames
    assert found[2].size == 5


def test_a_credit_that_makes_no_sense_gives_nothing() -> None:
    assert Frame(Kind.CREDIT, 1, b"abc").size == 0


def test_a_frame_that_was_cut_short_costs_nothing_that_follows() -> None:
    whole = Frame(Kind.DATA, 9, b"\xb7" * MOST_PAYLOAD).encode()
    for cut in (1, 2, 5, 6, 7, 8, 9, 10, 11, 5000, len(whole) - 1):
        decoder = Decoder()
        decoder.feed(whole[:cut])
        assert decoder.feed(PREAMBLE + RESET_ALL.encode())[-1] == RESET_ALL, cut


def test_noise_costs_nothing_that_follows() -> None:
    noise = random.Random(7)  # the same each time
    for _ in range(50):
        decoder = Decoder()
        decoder.feed(noise.randbytes(noise.randrange(2000)))
        assert decoder.feed(PREAMBLE + RESET_ALL.encode())[-1] == RESET_ALL


def test_zeros_in_two_pieces_end_what_is_lost() -> None:
    decoder = Decoder()
    assert decoder.feed(b"nonsense" + bytes(RESYNC_ZEROS - 20)) == []
    assert decoder.feed(bytes(20) + RESET_ALL.encode()) == [RESET_ALL]
    assert decoder.feed(b"nonsense" + bytes(RESYNC_ZEROS - 1) + RESET_ALL.encode()) == []


def test_an_unknown_kind_and_a_length_above_the_greatest_are_no_frames() -> None:
    for raw in (
        bytes([MAGIC, 7]) + bytes(8),
        Frame(Kind.DATA, 1, b"").encode()[:6] + b"\xff\xff\xff\xff",
    ):
        decoder = Decoder()
        assert decoder.feed(raw + bytes(RESYNC_ZEROS) + RESET_ALL.encode()) == [RESET_ALL]


def test_messages_are_read_to_a_stream_s_end() -> None:
    raw = Message(Type.JSON, b'{"a": 1}').encode() + absent("it is not there")
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        at += size
        return raw[at - size : at]

    first, second = read_message(read), read_message(read)
    assert first is not None
    assert first.json == {"a": 1}
    assert second is not None
    assert second.type is Type.WRONG
    assert second.json == {"what": "it is not there", "absent": True}
    assert read_message(read) is None
    assert request("ping", x=1) == b'\0\0\0\x16{"do": "ping", "x": 1}'
