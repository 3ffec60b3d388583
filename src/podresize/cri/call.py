"""A call of CRI that went through a tap."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that has ended.

    ``method`` is its full name (``/runtime.v1.RuntimeService/Version``), ``began`` and ``ended``
    seconds of ``CLOCK_MONOTONIC``: when the client's message was here, and when the last of the
    runtime's was. ``code`` is the name of its gRPC status, ``message`` that status's details.
    ``request`` is the client's message as it came, empty for a stream.
    """

    method: str
    began: float
    ended: float
    code: str
    message: str
    request: bytes


Tell = Callable[[Call], None]
"""Hears of each call that has ended."""
