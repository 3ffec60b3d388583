"""A pod that no node gets until it is released: what a resize may meet besides a running pod."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from podresize.cluster.create import try_create
from podresize.cluster.delete import delete_pod
from podresize.cluster.get import get
from podresize.cluster.patch import PatchType, patch
from podresize.cluster.wait import wait_for
from podresize.resizing.live_pod import is_running
from podresize.resizing.reach import Reach
from podresize.resizing.running_pod import RunningPod

GATE = "podresize/waits"
_FINALIZER = "podresize/holds"
_RUNNING_SECONDS = 90.0


class WaitingPod(RunningPod):
    """A pod with a scheduling gate; it can be asked like a running one."""

    @classmethod
    def make(
        cls, reach: Reach, *, namespace: str, body: dict[str, Any], may_be_there: bool = False
    ) -> WaitingPod:
        """Create the pod and return at once. Raises ``ApiError`` when it is refused.

        With ``may_be_there`` a pod of that name is taken as it is.
        """
        body["spec"]["schedulingGates"] = [{"name": GATE}]
        answer = try_create(reach.api, kind="pods", namespace=namespace, body=body)
        if may_be_there and answer.code == 409:
            name = body["metadata"]["name"]
            return cls(reach, get(reach.api, kind="pods", namespace=namespace, name=name))
        return cls(reach, answer.accepted())

    def release(self) -> dict[str, Any]:
        """Let the pod be scheduled and return it, raw, when its containers run."""
        self._merge({"spec": {"schedulingGates": None}})
        return wait_for(
            self._reach.api,
            kind="pods",
            namespace=self.namespace,
            name=self.name,
            predicate=is_running,
            deadline=self._reach.patience(_RUNNING_SECONDS),
            what="Running",
        )

    def report_without_resources(self) -> None:
        """Write the status that a kubelet without the feature would: running, and no resources."""
        statuses = [
            {
                "name": item["name"],
                "image": item["image"],
                "imageID": "",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": self.raw["metadata"]["creationTimestamp"]}},
            }
            for item in self.raw["spec"]["containers"]
        ]
        self._merge(
            {"status": {"phase": "Running", "containerStatuses": statuses}}, subresource="status"
        )

    @contextlib.contextmanager
    def being_deleted(self) -> Iterator[None]:
        """Delete the pod and hold the object, with its deletionTimestamp, as long as this lasts."""
        self._merge({"metadata": {"finalizers": [_FINALIZER]}})
        try:
            delete_pod(self._reach.api, namespace=self.namespace, name=self.name)
            yield
        finally:
            self._merge({"metadata": {"finalizers": None}})

    def _merge(self, body: dict[str, Any], *, subresource: str | None = None) -> None:
        patch(
            self._reach.api,
            kind="pods",
            namespace=self.namespace,
            name=self.name,
            body=body,
            subresource=subresource,
            patch_type=PatchType.MERGE,
        ).accepted()
