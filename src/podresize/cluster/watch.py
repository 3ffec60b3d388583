"""WATCH: every change of some objects, in order, with the time of its arrival.

The traps of the watch protocol are handled here and nowhere else: the watch starts from its list's
resourceVersion, so nothing falls between; a lost or silent connection is resumed from the last
resourceVersion seen, bookmarks included; a version that the server forgot (410) means a new list,
and what vanished meanwhile is reported as deleted; the server's own timeout is no event; and
another thread can end it at once.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Generator
from typing import Any

from podresize.closing import Closing
from podresize.cluster.api import Answer, Api, ApiError, ApiUnreachableError, resource_path
from podresize.cluster.channel import Channel, ChannelCut
from podresize.cluster.get import list_items, selectors
from podresize.errors import HarnessError

# Bookmarks come about once a minute: a longer silence is a dead connection.
READ_TIMEOUT = 90.0
# An apiserver that restarts is back within this, even on a loaded host.
PATIENCE = 60.0
FIRST_DELAY, LONGEST_DELAY = 0.05, 1.0
SERVER_TIMEOUT = 600
# The server is there but busy or coming up; it will answer later.
TRANSIENT = (429, 500, 502, 503, 504)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvent:
    """One change.

    ``at`` is when its last byte arrived, in seconds of ``time.monotonic()``; ``type`` is the
    server's ``ADDED``, ``MODIFIED`` or ``DELETED``, or ``LISTED`` for an object that came with a
    list (the first one, or one after a 410); ``object`` is the raw object. ``SYNCED`` follows a
    list, also an empty one, and its ``object`` is ``{}``.
    """

    at: float
    type: str
    object: dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A time, in monotonic seconds, without a connection: what came later was seen late."""

    started: float
    ended: float
    reason: str


class Watch(Closing):
    """The changes of some objects; endless until ``stop``.

    ``kind`` is as in ``resource_path``; ``name`` narrows it to one object. ``read_timeout`` is the
    longest silence before a connection counts as dead, ``patience`` how long the apiserver may be
    away before the watch gives up; both in seconds. One whose cluster has ended is not waited for.
    ``interruptions`` lists the times without a connection. To be closed, or used in a ``with``.
    """

    def __init__(
        self,
        api: Api,
        *,
        kind: str,
        namespace: str | None = None,
        name: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        read_timeout: float = READ_TIMEOUT,
        patience: float = PATIENCE,
    ) -> None:
        if name is not None:
            wanted = f"metadata.name={name}"
            field_selector = f"{wanted},{field_selector}" if field_selector else wanted
        self._path = resource_path(kind, namespace=namespace)
        self._params = selectors(label_selector=label_selector, field_selector=field_selector)
        self._read_timeout = read_timeout
        self._patience = patience
        self._channel = Channel(api.connection)
        self._is_there = api.is_there
        self._stop = threading.Event()
        self._version: str | None = None
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        self._ever_answered = False
        self._moved = False
        self._lost: tuple[float, str] | None = None
        self.interruptions: list[Interruption] = []

    def events(self) -> Generator[WatchEvent]:
        """Yield what is there, then every change, until ``stop``.

        Raises ``ApiError`` (refused) or ``ApiUnreachableError`` (away for longer than
        ``patience``).
        """
        delay = FIRST_DELAY
        while not self._stop.is_set():
            self._moved = False
            failed = False
            began = time.monotonic()
            try:
                yield from self._round()
            except ChannelCut:
                return
            except (ApiError, ApiUnreachableError) as error:
                failed = True
                self._weigh(error)
            if self._moved:
                delay = FIRST_DELAY
            # A server that ends every watch at once must not be asked in a tight loop.
            if failed or (not self._moved and time.monotonic() - began < LONGEST_DELAY):
                self._stop.wait(delay)
                delay = min(delay * 2, LONGEST_DELAY)

    def stop(self) -> None:
        """End the iteration at once, from any thread. Idempotent; for good."""
        self._stop.set()
        self._channel.cut()

    def close(self) -> None:
        """Close the connection. Called by the thread that iterates."""
        self._stop.set()
        self._channel.close()

    def _round(self) -> Generator[WatchEvent]:
        """Watch until the server ends it, after a list when there is no version to start from."""
        if self._version is None:
            yield from self._list()
        params: dict[str, str | int | bool] = {
            **self._params,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "",
            "timeoutSeconds": SERVER_TIMEOUT,
        }
        lines = self._channel.lines(
            self._path, params=params, read_timeout=self._read_timeout, on_open=self._answered
        )
        for at, line in lines:
            kind, body = _parse(line)
            if kind == "ERROR":
                code = int(body.get("code", 500))
                text = line.decode(errors="replace")
                Answer(code=code, body=body, text=text, request=f"WATCH {self._path}").accepted()
            self._moved = True
            self._version = body["metadata"]["resourceVersion"]
            if kind == "BOOKMARK":
                continue
            if kind == "DELETED":
                self._known.pop(_key(body), None)
            else:
                self._known[_key(body)] = body
            yield WatchEvent(at=at, type=kind, object=body)

    def _list(self) -> Generator[WatchEvent]:
        answer = self._channel.get(self._path, params=self._params)
        at = time.monotonic()
        body = answer.accepted()
        self._answered()
        before, self._known = self._known, {}
        for item in list_items(body):
            before.pop(_key(item), None)
            self._known[_key(item)] = item
        # Set before the first event is handed out: a consumer may never come back for the rest.
        self._version = body["metadata"]["resourceVersion"]
        for item in list(self._known.values()):
            yield WatchEvent(at=at, type="LISTED", object=item)
        for item in before.values():
            yield WatchEvent(at=at, type="DELETED", object=item)
        yield WatchEvent(at=at, type="SYNCED", object={})

    def _answered(self) -> None:
        self._ever_answered = True
        if self._lost is not None:
            started, reason = self._lost
            self._lost = None
            self.interruptions.append(
                Interruption(started=started, ended=time.monotonic(), reason=reason)
            )

    def _weigh(self, error: ApiError | ApiUnreachableError) -> None:
        """Return when the watch can go on after ``error``; raise it when it cannot."""
        if isinstance(error, ApiError):
            if error.code == 410:
                self._version = None
                return
            if error.code not in TRANSIENT:
                raise error
        if not self._ever_answered or not self._is_there():
            raise error
        if self._lost is None:
            self._lost = (time.monotonic(), error.what)
        elif time.monotonic() - self._lost[0] > self._patience:
            raise error


def _parse(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        event = json.loads(line)
        return event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(
            "a line of a watch is not a watch event",
            value=line[:200].decode(errors="replace"),
            causes=("something between this host and the apiserver answers in its place",),
        ) from error


def _key(body: dict[str, Any]) -> tuple[str, str]:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]
