"""Waiting on a watch: for an object to match, or to be gone.

A waiter returns the object that matched, as the watch delivered it: a GET afterwards would see
another one.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

from podresize.cluster.api import Api
from podresize.cluster.watch import Watch, WatchEvent
from podresize.errors import HarnessError

LONGEST_STATE = 900


def wait_for(
    api: Api,
    *,
    kind: str,
    name: str,
    predicate: Callable[[dict[str, Any]], object],
    deadline: float,
    what: str,
    namespace: str | None = None,
) -> dict[str, Any]:
    """Return the raw object as soon as ``predicate`` is true of it.

    ``deadline`` is in seconds from now; ``what`` says in words what is waited for ("Ready"). An
    object that is not there yet is waited for; one that is deleted while waiting ends the wait.
    Raises ``HarnessError`` with the last state, ``ApiError`` or ``ApiUnreachableError``.
    """
    last: dict[str, Any] | None = None
    with _events(api, kind=kind, namespace=namespace, name=name, deadline=deadline) as events:
        for event in events:
            if event.type == "SYNCED":
                continue
            last = event.object
            if event.type == "DELETED":
                raise _error(kind, namespace, name, f"was deleted before it was {what}", last)
            if predicate(last):
                return last
    raise _error(kind, namespace, name, f"was not {what} within {deadline:g} s", last)


def wait_settled(
    api: Api,
    *,
    kind: str,
    name: str,
    predicate: Callable[[dict[str, Any]], object],
    quiet: float,
    deadline: float,
    what: str,
    namespace: str | None = None,
) -> dict[str, Any]:
    """Return the raw object once ``predicate`` is true of it and nobody changed it for a while.

    ``quiet`` is that while and ``deadline`` the longest wait, in seconds. Raises as ``wait_for``.
    """
    last: dict[str, Any] | None = None
    settled = threading.Event()
    with (
        Watch(api, kind=kind, namespace=namespace, name=name) as watch,
        bounded(watch, deadline=deadline),
        contextlib.closing(watch.events()) as events,
        contextlib.ExitStack() as silence,
    ):
        for event in events:
            if event.type == "SYNCED":
                continue
            silence.close()
            last = event.object
            if event.type == "DELETED":
                raise _error(kind, namespace, name, f"was deleted before it was {what}", last)
            if predicate(last):
                silence.enter_context(bounded(watch, deadline=quiet, then=settled.set))
    if settled.is_set() and last is not None and predicate(last):
        return last
    raise _error(kind, namespace, name, f"was not {what} within {deadline:g} s", last)


def wait_gone(
    api: Api,
    *,
    kind: str,
    name: str,
    deadline: float,
    namespace: str | None = None,
    uid: str | None = None,
) -> None:
    """Return when the object is gone; with ``uid``, when a namesake took its place, too.

    ``deadline`` is in seconds from now. Raises as ``wait_for`` does.
    """
    last: dict[str, Any] | None = None
    with _events(api, kind=kind, namespace=namespace, name=name, deadline=deadline) as events:
        for event in events:
            if event.type == "SYNCED":
                if last is None:
                    return
            elif event.type == "DELETED" or uid not in (None, event.object["metadata"]["uid"]):
                return
            else:
                last = event.object
    raise _error(kind, namespace, name, f"was not gone within {deadline:g} s", last)


def describe_state(body: dict[str, Any] | None) -> str:
    """Return what a person needs of an object's state, in one line."""
    if body is None:
        return "it was never there"
    status = body.get("status") or {}
    words = [f"phase {status['phase']}"] if "phase" in status else []
    words += [f"resize {status['resize']}"] if status.get("resize") else []
    if body.get("metadata", {}).get("deletionTimestamp"):
        words.append("being deleted")
    for condition in status.get("conditions") or []:
        text = f"{condition.get('type')}={condition.get('status')}"
        text += f" ({condition['reason']})" if condition.get("reason") else ""
        text += f": {condition['message']}" if condition.get("message") else ""
        words.append(text)
    for container in status.get("containerStatuses") or []:
        state = json.dumps(container.get("state"), separators=(",", ":"))
        restarts = container.get("restartCount")
        words.append(f"container {container.get('name')} {state}, {restarts} restarts")
    text = "; ".join(words) or json.dumps(status, separators=(",", ":"))
    return text if len(text) <= LONGEST_STATE else text[:LONGEST_STATE] + "..."


@contextlib.contextmanager
def _events(
    api: Api, *, kind: str, namespace: str | None, name: str, deadline: float
) -> Iterator[Generator[WatchEvent]]:
    with (
        Watch(api, kind=kind, namespace=namespace, name=name) as watch,
        bounded(watch, deadline=deadline),
        contextlib.closing(watch.events()) as events,
    ):
        yield events


@contextlib.contextmanager
def bounded(
    watch: Watch, *, deadline: float, then: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Stop ``watch`` at the deadline, whatever it is doing then, and note it with ``then``."""

    def end() -> None:
        then()
        watch.stop()

    timer = threading.Timer(deadline, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # A timer that has begun to cut must be done with the channel before it is closed.
        timer.join()


def _error(
    kind: str, namespace: str | None, name: str, what: str, last: dict[str, Any] | None
) -> HarnessError:
    subject = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    return HarnessError(
        f"{subject} {what}", value=describe_state(last), origin="the last state the watch saw"
    )
