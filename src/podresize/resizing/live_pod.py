"""A pod that lives in the API: what is said of it, and what may happen to it besides a resize."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from podresize.cluster.delete import delete_pod
from podresize.cluster.exec import ExecInterruptedError, run
from podresize.cluster.get import get
from podresize.cluster.patch import patch
from podresize.cluster.wait import wait_for, wait_gone
from podresize.errors import HarnessError
from podresize.evidence.agreement import container_spec, container_status
from podresize.evidence.conditions import resize_conditions
from podresize.oracle.ended import fields_when_ended
from podresize.oracle.expectation import pending_reason
from podresize.oracle.resources import REQUESTS, lists_equal, normalised
from podresize.resizing.reach import Reach

# The grace period of a pod of a check is short.
_GONE_SECONDS = 60.0


class LivePod:
    """A pod of a check; ``raw`` is the object as it was when it was made."""

    def __init__(self, reach: Reach, body: dict[str, Any]) -> None:
        self._reach = reach
        self.raw = body

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self.raw["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self.raw["metadata"]["name"])

    def patience(self, seconds: float) -> float:
        """Return how long the pod's node may take for so many seconds of another's work."""
        return self._reach.patience(seconds)

    @property
    def now(self) -> dict[str, Any]:
        """The raw pod as the API has it now."""
        return self._get()

    def label(self, key: str, value: str) -> dict[str, str]:
        """Set a label of the pod, as anybody may at any time, and return all its labels."""
        answer = patch(
            self._reach.api,
            kind="pods",
            namespace=self.namespace,
            name=self.name,
            body={"metadata": {"labels": {key: value}}},
        )
        labels: dict[str, str] = answer.accepted()["metadata"]["labels"]
        return labels

    @property
    def labels(self) -> dict[str, str]:
        """The pod's labels as they are now."""
        return dict(self._get()["metadata"].get("labels") or {})

    def until(
        self, predicate: Callable[[dict[str, Any]], object], *, within: float
    ) -> dict[str, Any]:
        """Return the raw pod as soon as ``predicate`` is true of it, or as it is after ``within``.

        For statements about a pod that are no resize of it; what is returned is to be judged.
        """
        with contextlib.suppress(HarnessError):
            return wait_for(
                self._reach.api,
                kind="pods",
                namespace=self.namespace,
                name=self.name,
                predicate=predicate,
                deadline=within,
                what="as expected",
            )
        return self._get()

    @property
    def resize_conditions(self) -> dict[str, dict[str, Any]]:
        """The resize conditions of the pod by type, as the API has them now."""
        return resize_conditions(self._get())

    def fields_when_ended(self, container: str) -> dict[str, Any]:
        """Return what the status must show of a container's resources once it has ended (ST-24)."""
        spec = container_spec(self.raw, container)
        return fields_when_ended(normalised(spec.get("resources")), self._reach.handle.fingerprint)

    @staticmethod
    def is_allocated(raw: dict[str, Any]) -> bool:
        """Whether allocatedResources of each container are the requests of its spec."""
        return all(
            lists_equal(
                container_status(raw, each["name"]).get("allocatedResources"),
                normalised(each.get("resources"))[REQUESTS],
            )
            for each in raw["spec"]["containers"]
        )

    @staticmethod
    def is_under_way(raw: dict[str, Any]) -> bool:
        """Whether the API says that a resize is not done yet, in either form of the signal."""
        return bool(raw["status"].get("resize") or resize_conditions(raw))

    @property
    def restarts(self) -> int:
        """How often containers of the pod were restarted, as the API says now."""
        statuses = self._get()["status"].get("containerStatuses") or ()
        return sum(int(each.get("restartCount") or 0) for each in statuses)

    def runs(self, *, within: float) -> bool:
        """Whether all containers run, waited for ``within`` seconds."""
        pod = self.until(is_running, within=within)
        return bool(is_running(pod))

    def unschedulable(self, *, within: float) -> bool:
        """Whether the scheduler says that no node has room, waited for ``within`` seconds."""

        def says_so(pod: dict[str, Any]) -> bool:
            return any(
                (each["type"], each["status"], each.get("reason"))
                == ("PodScheduled", "False", "Unschedulable")
                for each in pod["status"].get("conditions") or ()
            )

        return says_so(self.until(says_so, within=within))

    def run(self, command: Sequence[str], *, deadline: float = 30.0) -> int | None:
        """Run a command in the first container for ``deadline`` seconds; return its exit code.

        It gets longer than that where the node is slow.

        None when the container ended with it: on cgroup v2 all its processes are killed at once.
        """
        try:
            done = run(
                self._reach.api,
                namespace=self.namespace,
                pod=self.name,
                container=self.raw["spec"]["containers"][0]["name"],
                command=command,
                deadline=self.patience(deadline),
            )
        except ExecInterruptedError:
            return None
        return done.exit_code

    @property
    def pending(self) -> str:
        """Deferred or Infeasible, as the API says now; empty when no resize is pending."""
        return pending_reason(self._get())

    def settles(self, *, within: float) -> str:
        """Wait until no resize is pending, for ``within`` seconds; return what is pending still."""
        return pending_reason(self.until(lambda pod: not pending_reason(pod), within=within))

    def finish(self) -> None:
        """Let the pod end as Failed within seconds: its object stays, its containers do not."""
        patch(
            self._reach.api,
            kind="pods",
            namespace=self.namespace,
            name=self.name,
            body={"spec": {"activeDeadlineSeconds": 1}},
        ).accepted()

    def delete(self) -> None:
        """Delete the pod and return when it is gone."""
        delete_pod(self._reach.api, namespace=self.namespace, name=self.name)
        wait_gone(
            self._reach.api,
            kind="pods",
            namespace=self.namespace,
            name=self.name,
            uid=self.raw["metadata"]["uid"],
            deadline=self._reach.patience(_GONE_SECONDS),
        )

    def _get(self) -> dict[str, Any]:
        return get(self._reach.api, kind="pods", namespace=self.namespace, name=self.name)


def is_running(pod: dict[str, Any]) -> bool:
    """Return whether every container runs and is ready.

    Raises ``HarnessError`` for a pod that failed or has ended: it never will.
    """
    status = pod.get("status", {})
    statuses = status.get("containerStatuses", [])
    if (phase := status.get("phase")) in ("Failed", "Succeeded"):
        raise HarnessError(
            f"the pod {'failed' if phase == 'Failed' else 'ended'} before it was seen to run",
            value=f"{status.get('reason')}: {status.get('message')}",
        )
    return (
        status.get("phase") == "Running"
        and len(statuses) == len(pod["spec"]["containers"])
        and all("running" in each["state"] and each["ready"] for each in statuses)
    )
