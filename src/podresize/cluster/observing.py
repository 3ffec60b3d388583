"""The API as a witness: the pod and its Events, as the watches deliver them."""

from __future__ import annotations

from typing import Any

from podresize.cluster.api import Api
from podresize.cluster.watch import Interruption, Watch
from podresize.evidence.observer import Observer, ObserverGroup
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness

SUBJECT = "pod"


class PodObserver(Observer):
    """Records each version of one pod, without ``metadata.managedFields``."""

    def __init__(self, api: Api, *, namespace: str, name: str, recorder: Recorder) -> None:
        super().__init__(name=f"pod {namespace}/{name}", recorder=recorder)
        self._watch = Watch(api, kind="pods", namespace=namespace, name=name)

    @property
    def interruptions(self) -> tuple[Interruption, ...]:
        """Return the times without a connection; what changed in them was seen late."""
        return tuple(self._watch.interruptions)

    def _run(self) -> None:
        last_version = None
        with self._watch:
            for event in self._watch.events():
                if event.type == "SYNCED":
                    self._looked()
                    continue
                version = event.object["metadata"]["resourceVersion"]
                # A list after a 410 brings again what was seen.
                if event.type == "LISTED" and version == last_version:
                    continue
                last_version = version
                pod = without_managed_fields(event.object)
                self.recorder.observe(Witness.API, SUBJECT, pod, at=event.at)

    def _interrupt(self) -> None:
        self._watch.stop()


class PodEventsObserver(Observer):
    """Records the Kubernetes Events on one pod, each time one is new or counted up."""

    def __init__(self, api: Api, *, namespace: str, name: str, recorder: Recorder) -> None:
        super().__init__(name=f"the Events on pod {namespace}/{name}", recorder=recorder)
        selector = f"involvedObject.kind=Pod,involvedObject.name={name}"
        self._watch = Watch(api, kind="events", namespace=namespace, field_selector=selector)

    def _run(self) -> None:
        seen: dict[str, str] = {}
        with self._watch:
            for event in self._watch.events():
                if event.type == "SYNCED":
                    self._looked()
                    continue
                metadata = event.object["metadata"]
                # Events expire, which says nothing of the pod.
                if (
                    event.type == "DELETED"
                    or seen.get(metadata["name"]) == (metadata["resourceVersion"])
                ):
                    continue
                seen[metadata["name"]] = metadata["resourceVersion"]
                data = event_data(event.object)
                self.recorder.observe(Witness.EVENT, SUBJECT, data, at=event.at)

    def _interrupt(self) -> None:
        self._watch.stop()


def observe_pod(api: Api, *, namespace: str, name: str, recorder: Recorder) -> ObserverGroup:
    """Return an observer of a pod and of the Events on it, not started yet.

    What is there at the start is recorded first; a pod of this name that is yet to be created is
    recorded when it is. A deleted pod's last observation is its last version, which carries a
    ``deletionTimestamp``.
    """
    return ObserverGroup(
        [
            PodObserver(api, namespace=namespace, name=name, recorder=recorder),
            PodEventsObserver(api, namespace=namespace, name=name, recorder=recorder),
        ]
    )


def without_managed_fields(body: dict[str, Any]) -> dict[str, Any]:
    """Return a shallow copy of an object without ``metadata.managedFields``."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return body | {"metadata": metadata}


def event_data(body: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"reason", "type", "message", "count"}`` of a Kubernetes Event.

    ``count`` is that of its series where it has one (events.k8s.io), else its own, else 1.
    """
    series = body.get("series") or {}
    return {
        "reason": body.get("reason", ""),
        "type": body.get("type", ""),
        "message": body.get("message") or body.get("note") or "",
        "count": series.get("count") or body.get("count") or 1,
    }
