"""The line between host and guest: frames of many channels on one virtio-serial port.

The other half is the guest's agent (``artifacts/agent``), and both are held to what is written
here. A port is a pair of byte streams that outlives whoever holds either end: the host's end may
be taken by another process, the agent may be started anew, and the guest may be stopped and go on
in another machine, each in the middle of a frame.

**Frame**: ``magic`` (0xB7), ``kind`` (u8), ``channel`` (u32), ``length`` (u32), then so many bytes,
at most 32 KiB; numbers are big-endian. Zero bytes between two frames are padding.

======== ===== ===========================================================================
OPEN     1     host to guest: a channel of a number that this session has not had
DATA     2     bytes of a channel's stream, as far as there is credit
END      3     this side sends no more of the channel
RESET    4     the channel is gone, whatever was still to come; the payload may say why
CREDIT   5     u32: so many bytes more may be sent on the channel
RESETALL 6     channel 0, 16 bytes: see below
======== ===== ===========================================================================

**Window**: either side may send 256 KiB of DATA on a channel; what the other has consumed of it, it
gives back as CREDIT. So a reader that is slow stops the writer of its channel and no other. Frames
of channels that have something to send take turns.

**End**: a channel is over once both sides have sent END, or one RESET. A side that is done with a
channel on which the other goes on sends END, then RESET. Frames of a channel that is over, or
unknown, are dropped: the other side may not know yet.

**Session**: whoever takes the host's end sends 32,778 zeros, which fill whatever frame was cut
short and are padding after it, then RESETALL with 16 random bytes. The agent drops all channels,
ends what they had started, and answers RESETALL with the same bytes. All that the host receives
before these is of a session that is over. The host may ask again with the same bytes; this resets
nothing. An agent that starts sends as many zeros and RESETALL with 16 zeros; to a host with a
session this says that the session is over, and it begins another.

**Lost**: what is neither padding nor a frame (another first byte, an unknown kind, a length above
the greatest) is skipped up to 64 zeros in a row.

What the streams of a channel carry is ``messages``'.
"""

from __future__ import annotations

import dataclasses
import enum
import struct

MAGIC = 0xB7
MOST_PAYLOAD = 32 * 1024
WINDOW = 256 * 1024
NONCE_SIZE = 16
HELLO = bytes(NONCE_SIZE)
"""The nonce of an agent that was just started."""
RESYNC_ZEROS = 64

_HEADER = struct.Struct(">BBII")
_CREDIT = struct.Struct(">I")
PREAMBLE = bytes(MOST_PAYLOAD + _HEADER.size)
_ZEROS = bytes(RESYNC_ZEROS)


class Kind(enum.IntEnum):
    """What a frame is."""

    OPEN = 1
    DATA = 2
    END = 3
    RESET = 4
    CREDIT = 5
    RESET_ALL = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """One frame. ``payload`` has at most ``MOST_PAYLOAD`` bytes."""

    kind: Kind
    channel: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return it as it goes over the line."""
        header = _HEADER.pack(MAGIC, self.kind, self.channel, len(self.payload))
        return header + self.payload

    @classmethod
    def credit(cls, channel: int, size: int) -> Frame:
        """Return the frame that lets the other side send ``size`` bytes more."""
        return cls(Kind.CREDIT, channel, _CREDIT.pack(size))

    @property
    def size(self) -> int:
        """What a CREDIT gives; 0 for one that makes no sense."""
        return int(_CREDIT.unpack(self.payload)[0]) if len(self.payload) == _CREDIT.size else 0


class Decoder:
    """Cuts a stream into frames, and finds its way again after one that was cut short."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lost = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take more of the stream and return the frames that are complete now."""
        self._buffer += data
        found: list[Frame] = []
        while self._at_frame() and len(self._buffer) >= _HEADER.size:
            _, kind, channel, length = _HEADER.unpack_from(self._buffer)
            if kind not in Kind.__members__.values() or length > MOST_PAYLOAD:
                self._lost = True
                continue
            end = _HEADER.size + length
            if len(self._buffer) < end:
                break
            found.append(Frame(Kind(kind), channel, bytes(self._buffer[_HEADER.size : end])))
            del self._buffer[:end]
        return found

    def _at_frame(self) -> bool:
        """Drop what is no frame; return whether one begins now."""
        while self._buffer:
            if self._lost:
                start = self._buffer.find(_ZEROS)
                if start < 0:
                    # The zeros at the end may be the first of those that are looked for.
                    kept = len(self._buffer) - len(self._buffer.rstrip(b"\0"))
                    del self._buffer[: len(self._buffer) - kept]
                    return False
                self._lost = False
                del self._buffer[: start + RESYNC_ZEROS]
            stripped = len(self._buffer) - len(self._buffer.lstrip(b"\0"))
            del self._buffer[:stripped]
            if self._buffer and self._buffer[0] == MAGIC:
                return True
            self._lost = bool(self._buffer)
        return False
