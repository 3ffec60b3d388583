"""What the two streams of a channel carry: one request, and its answer.

**Host to guest**: ``length`` (u32, at most 1 MiB) and so many bytes of a JSON object, the request,
whose ``do`` names it. What follows is the request's own (a file, a command's input, commands).

**Guest to host**: messages, each ``type`` (one letter), ``length`` (u32) and so many bytes: ``J`` a
JSON object, ``B`` bytes, ``E`` bytes of a standard error. The last one is ``Z``, which says that
the answer is complete, or ``X``: a JSON object with ``what`` went wrong and, where the guest's
kernel refused, its ``errno``. The relay says ``X`` with ``absent`` for an agent that does not
answer. A stream that ends in any other way was cut short.

============== ================================================== =================================
request        its fields, and what follows it                    answer
============== ================================================== =================================
ping                                                              J monotonic, realtime, boot
read           path, offset, limit (0: all)                       B the file
write          path, mode, directories, in_place; the file        J size
list           path                                               J entries: name, kind, size
there          paths                                              J there: a boolean for each
find           roots, depth                                       J tree: directory -> directories
settings       places, prefixes, without                          J settings: file -> text, of each
exec           argv, env, directory, seconds, files; stdin        B, E output; J code (or -signal)
seed           hex                                                J
signal         pid, number
units          units, properties                                  J units: unit -> property -> text
identity       cgroup                                             J pid, start_ticks
pids           cgroup                                             J pids
sample         files, rate, readings; commands, one a line        J as they come
watch-process  cgroups, rate; commands, one a line                J as they come
dial           unix, or tcp                                       J; then both are a connection
listen         unix                                               J listens; J number for each
accept         number                                             J; then both are a connection
============== ================================================== =================================

``write`` makes a file under another name and renames it, with ``mode`` as given; with ``in_place``
it is one write(2) to a file that is there, as cgroup files want it. ``settings`` takes a list of
directories for each place, and reads the places in their order. What ``exec`` prints goes with
``files`` into files of the guest until it has ended: what it leaves behind may hold them open.
``sample`` says ``{"t", "subject", "data"}`` of what changed and ``{"beat": {"t", "samples",
"gap"}}`` about every 0.1 s; ``watch-process`` the same and ``{"looked"}`` every second. Both take
``{"follow": {...}}``, and look a last time at the end of what they are told. ``t`` is the guest's
CLOCK_MONOTONIC in seconds.
A socket of ``listen`` goes with its channel; its path stays, for whoever listens there next.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import struct
from collections.abc import Callable
from typing import Any

_LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">cI")
HEAD_SIZE = _HEAD.size


class Type(enum.StrEnum):
    """What a message is."""

    JSON = "J"
    BYTES = "B"
    ERROR = "E"
    WRONG = "X"
    END = "Z"


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """One message of an answer."""

    type: Type
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return it as it goes over the channel."""
        return _HEAD.pack(self.type.encode(), len(self.payload)) + self.payload

    @property
    def json(self) -> dict[str, Any]:
        """The object of a JSON message or of one that says what went wrong."""
        found: dict[str, Any] = json.loads(self.payload)
        return found


def request(do: str, **fields: Any) -> bytes:
    """Return a request as it goes over the channel."""
    text = json.dumps({"do": do, **fields}).encode()
    return _LENGTH.pack(len(text)) + text


def absent(what: str) -> bytes:
    """Return the answer of a relay whose agent does not answer."""
    return Message(Type.WRONG, json.dumps({"what": what, "absent": True}).encode()).encode()


def read_message(read: Callable[[int], bytes]) -> Message | None:
    """Read one message; None where the stream ends before all of it came.

    ``read`` returns as many bytes as it is asked for, fewer only at the stream's end. Raises
    ``ValueError`` for what is no message.
    """
    head = read(HEAD_SIZE)
    if len(head) < HEAD_SIZE:
        return None
    letter, length = _HEAD.unpack(head)
    payload = read(length)
    if len(payload) < length:
        return None
    return Message(Type(letter.decode("latin-1")), payload)
