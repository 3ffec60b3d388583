"""Kubernetes Events on an object, for failure texts; a resize's own are observed by a watch."""

from __future__ import annotations

from typing import Any

from podresize.cluster.api import Api
from podresize.cluster.get import list_objects


def events_of(
    api: Api, *, namespace: str, name: str, kind: str = "Pod", uid: str | None = None
) -> list[dict[str, Any]]:
    """Return the raw Events on an object, oldest first.

    ``kind`` is the object's kind (``Pod``); ``uid`` leaves out those on earlier namesakes. Events
    on a node are in the namespace ``default``. Raises ``ApiError``.
    """
    selector = f"involvedObject.kind={kind},involvedObject.name={name}"
    if uid is not None:
        selector += f",involvedObject.uid={uid}"
    found = list_objects(api, kind="events", namespace=namespace, field_selector=selector)
    return sorted(found, key=last_seen)


def last_seen(event: dict[str, Any]) -> str:
    """Return when an Event was seen last, as RFC 3339 text; "" when it does not say."""
    series = event.get("series") or {}
    return (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event.get("firstTimestamp")
        or ""
    )
