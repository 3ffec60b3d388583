"""A running pod that can be resized under observation.

``resize`` is the way of one check: observers first, then the patch, then a wait until the
expectation is decided or its time is over. It returns a timeline and judges nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

from podresize.cluster.api import Api
from podresize.cluster.create import create
from podresize.cluster.get import get
from podresize.cluster.logs import log_text
from podresize.cluster.observing import observe_pod
from podresize.cluster.patch import patch
from podresize.cluster.wait import wait_for
from podresize.cri.client import RuntimeClient
from podresize.cri.observing import observe_containers
from podresize.errors import HarnessError
from podresize.evidence.cgroup_paths import find_pod_cgroups, resource_files
from podresize.evidence.cgroup_sampler import FAST_RATE, CgroupSampler
from podresize.evidence.decider import is_decided
from podresize.evidence.heartbeat import summarise
from podresize.evidence.observer import ObserverGroup
from podresize.evidence.process_identity import ProcessIdentity
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Observation, Timeline, Witness
from podresize.oracle.change import Change, patch_body
from podresize.oracle.expectation import Expectation, expectation
from podresize.oracle.model import POD, container_subject
from podresize.providers.interface import ClusterHandle, NodeHandle

# A pod of loaded images runs about a second after it is created; a busy host takes longer.
_RUNNING_SECONDS = 90.0
_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a check reaches its target: the API, the runtime, and the handle with the node."""

    api: Api
    cri: RuntimeClient
    handle: ClusterHandle
    run_id: str

    @property
    def node(self) -> NodeHandle:
        """The node whose runtime ``cri`` speaks to."""
        return self.handle.nodes[0]


class RunningPod:
    """A pod of probe containers that runs on the target's node."""

    def __init__(self, reach: Reach, body: dict[str, Any]) -> None:
        self._reach = reach
        self.raw = body
        self._before = body

    @classmethod
    def create(cls, reach: Reach, *, namespace: str, body: dict[str, Any]) -> RunningPod:
        """Create a pod on the node and return when its containers run.

        Raises ``ApiError`` when it is refused and ``HarnessError`` when it does not run in time.
        """
        name = body["metadata"]["name"]
        create(reach.api, kind="pods", namespace=namespace, body=body)
        raw = wait_for(
            reach.api,
            kind="pods",
            namespace=namespace,
            name=name,
            predicate=_is_running,
            deadline=_RUNNING_SECONDS,
            what="Running",
        )
        return cls(reach, raw)

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self.raw["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self.raw["metadata"]["name"])

    def expectation(self, change: Change) -> Expectation:
        """Return what the change must show, counted from the pod as it was before the patch."""
        return expectation(self._before, change, self._reach.handle.fingerprint)

    def resize(self, change: Change) -> Timeline:
        """Ask for the change and return everything that was seen until it was decided.

        Raises ``HarnessError`` when a witness could not look.
        """
        reach = self._reach
        self._before = get(reach.api, kind="pods", namespace=self.namespace, name=self.name)
        expected = self.expectation(change)
        recorder = Recorder()

        def decided(seen: tuple[Observation, ...]) -> bool:
            # From the first one each time: what a slower observer saw earlier is sorted in before
            # what was there already. There are some dozens of them.
            return is_decided(seen, expected)

        containers = _container_ids(self._before)
        with self._observers(recorder, containers) as sampler:
            sampler.hurry()
            self._send(change, expected, recorder)
            recorder.wait_until(decided, deadline=expected.deadline)
        self._read_heartbeats(recorder, containers)
        return recorder.to_timeline(
            id=f"{reach.run_id}-{reach.handle.name}-{self.namespace}-{self.name}-{next(_numbers)}",
            pod=f"{self.namespace}/{self.name}",
        )

    def _send(self, change: Change, expected: Expectation, recorder: Recorder) -> None:
        """Send the patch and record the question and the answer."""
        body = patch_body(self._before, change)
        subresource = expected.endpoint.partition("/")[2] or None
        request = {
            "method": "PATCH",
            "path": f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"
            + (f"/{subresource}" if subresource else ""),
            "body": body,
        }
        recorder.mark_patch()
        recorder.observe(Witness.CLIENT, POD, {"request": request})
        answer = patch(
            self._reach.api,
            kind="pods",
            namespace=self.namespace,
            name=self.name,
            body=body,
            subresource=subresource,
        )
        recorder.observe(
            Witness.CLIENT,
            POD,
            {
                "request": request,
                "answer": {
                    "code": answer.code,
                    "message": answer.message,
                    "reason": answer.reason,
                },
            },
        )

    def _observers(self, recorder: Recorder, containers: dict[str, str]) -> _Observers:
        reach = self._reach
        cgroups = find_pod_cgroups(
            reach.node.cgroup_mounts,
            pod_uid=self.raw["metadata"]["uid"],
            qos_class=self._before["status"]["qosClass"],
            container_ids=tuple(containers.values()),
        )
        files = {POD: resource_files(cgroups.pod)}
        first: dict[str, Any] = {}
        for name, identity in containers.items():
            directories = cgroups.containers[identity]
            files[container_subject(name)] = resource_files(directories)
            first[container_subject(name)] = directories.get("memory") or directories["unified"]
        # At full rate to the end: a kubelet that takes the resize for unfinished writes again at
        # each sync, and what it undoes meanwhile lasts for milliseconds (deviation PD-01).
        sampler = CgroupSampler(files, recorder=recorder, slow_rate=FAST_RATE)
        return _Observers(
            sampler,
            ObserverGroup(
                [
                    observe_pod(
                        reach.api, namespace=self.namespace, name=self.name, recorder=recorder
                    ),
                    observe_containers(
                        reach.cri,
                        ids={container_subject(name): id_ for name, id_ in containers.items()},
                        recorder=recorder,
                    ),
                    sampler,
                    ProcessIdentity(first, proc=reach.node.proc, recorder=recorder),
                ]
            ),
        )

    def _read_heartbeats(self, recorder: Recorder, containers: dict[str, str]) -> None:
        for name in containers:
            text = log_text(
                self._reach.api, namespace=self.namespace, pod=self.name, container=name
            )
            recorder.observe(
                Witness.WORKLOAD, container_subject(name), summarise(text.splitlines())
            )


class _Observers:
    """The observers of one resize, and the sampler among them, which must be told to hurry."""

    def __init__(self, sampler: CgroupSampler, group: ObserverGroup) -> None:
        self._sampler = sampler
        self._group = group

    def __enter__(self) -> CgroupSampler:
        self._group.start()
        return self._sampler

    def __exit__(self, *error: Any) -> None:
        self._group.__exit__(*error)


def _is_running(pod: dict[str, Any]) -> bool:
    status = pod.get("status", {})
    statuses = status.get("containerStatuses", [])
    if status.get("phase") == "Failed":
        raise HarnessError(
            "the pod failed before it ran",
            value=f"{status.get('reason')}: {status.get('message')}",
        )
    return (
        status.get("phase") == "Running"
        and len(statuses) == len(pod["spec"]["containers"])
        and all("running" in each["state"] and each["ready"] for each in statuses)
    )


def _container_ids(pod: dict[str, Any]) -> dict[str, str]:
    """Return container name -> the runtime's id, without the scheme (``containerd://``)."""
    return {
        each["name"]: each["containerID"].partition("://")[2]
        for each in pod["status"]["containerStatuses"]
    }
