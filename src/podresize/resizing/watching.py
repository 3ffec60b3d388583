"""Every witness of one pod's resize, started and stopped together."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from podresize.cluster.observing import observe_pod
from podresize.cri.call_observer import CallObserver
from podresize.cri.client import RuntimeClient
from podresize.cri.observing import PATIENCE, observe_containers
from podresize.evidence.kernel_observers import Sampler
from podresize.evidence.kernel_view import KernelView
from podresize.evidence.observer import Observer, ObserverGroup
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import QOS, Witness, settings_subject
from podresize.oracle.model import POD, container_subject
from podresize.resizing.inside import Inside
from podresize.resizing.reach import Reach

# A container that is being made has a cgroup with the kernel's defaults, and no process yet.
_HAS_RUN = ("CONTAINER_RUNNING", "CONTAINER_EXITED")

Directories = dict[str, Path]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Look:
    """What a resize needs to know of its observers.

    ``sampler`` is that of the node's cgroups, None where the node is out of reach and ``inside``
    reads the files in the containers.
    """

    sampler: Sampler | None = None
    inside: Inside | None = None
    kernel: KernelView | None = None

    def hurry(self) -> None:
        """Have the cgroups sampled as fast as the witness can."""
        if self.sampler is not None:
            self.sampler.hurry()

    @property
    def clock_ahead(self) -> float:
        """Seconds by which this host's monotonic clock is ahead of the workload's."""
        if self.inside is not None:
            return self.inside.clock_ahead
        return 0.0 if self.kernel is None else self.kernel.clock_ahead


@contextlib.contextmanager
def observers(
    reach: Reach, pod: dict[str, Any], *, containers: dict[str, str], recorder: Recorder
) -> Iterator[Look]:
    """Observe a running pod; what is handed out hurries the sampler and knows its clock.

    ``containers`` maps the names of the containers to the runtime's ids; one that is started anew
    is followed. Inside the ``with`` every witness has looked once. What can be set in the pod's
    cgroups is noted before and after. Raises ``HarnessError`` when a witness could not look.
    """
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    uid = pod["metadata"]["uid"]
    if reach.runtime is None:
        inside = Inside(
            reach.api, namespace=namespace, pod=name, containers=containers, recorder=recorder
        )
        watch = observe_pod(reach.api, namespace=namespace, name=name, recorder=recorder)
        with ObserverGroup([watch, *inside.observers]):
            yield Look(inside=inside)
        return
    kernel = reach.nodes_kernel
    cgroups = kernel.pod_cgroups(
        pod_uid=uid,
        qos_class=pod["status"]["qosClass"],
        container_ids=tuple(containers.values()),
    )
    places: dict[str, Directories] = {POD: cgroups.pod, QOS: cgroups.qos} | {
        container_subject(each): cgroups.containers[id_] for each, id_ in containers.items()
    }
    # At full rate to the end: a kubelet that takes the resize for unfinished writes again at each
    # sync, and what it undoes meanwhile lasts for milliseconds (deviation PD-01).
    files = {
        subject: kernel.resource_files(where) for subject, where in places.items() if subject != QOS
    }
    sampler = kernel.sampler(files, recorder=recorder)
    processes = kernel.processes(
        {container_subject(each): _one(places[container_subject(each)]) for each in containers},
        recorder=recorder,
    )

    def moved(subject: str, old: str, new: str) -> None:
        where = {
            controller: path.with_name(path.name.replace(old, new))
            for controller, path in places[subject].items()
        }
        places[subject] = where
        sampler.follow(subject, kernel.resource_files(where))
        processes.follow(subject, _one(where))

    ids = _Containers(reach.cri, uid, containers, moved)
    found: list[Observer | ObserverGroup] = [
        observe_pod(reach.api, namespace=namespace, name=name, recorder=recorder),
        observe_containers(
            reach.cri, ids=ids, recorder=recorder, patience=reach.patience(PATIENCE)
        ),
        sampler,
        processes,
    ]
    if reach.node.calls is not None:
        *_, sandbox = reach.cri.list_pod_sandboxes(uid)
        found.append(
            CallObserver(
                reach.node.calls,
                ids=lambda: ids.latest,
                sandbox=sandbox["id"],
                recorder=recorder,
            )
        )
    group = ObserverGroup(found)
    _note_settings(kernel, places, recorder)
    with group:
        yield Look(sampler=sampler, kernel=kernel)
    _note_settings(kernel, places, recorder)


class _Containers:
    """Asked before each round which container of the runtime a container of the pod is now."""

    def __init__(
        self,
        client: RuntimeClient,
        uid: str,
        first: Mapping[str, str],
        moved: Callable[[str, str, str], None],
    ) -> None:
        self._client = client
        self._uid = uid
        self._ids = dict(first)
        self._moved = moved

    def __call__(self) -> dict[str, str]:
        newest = dict(self._ids)
        for each in self._client.list_containers(self._uid):
            if each["name"] in newest and each["state"] in _HAS_RUN:
                newest[each["name"]] = each["id"]
        for name, id_ in newest.items():
            if id_ != self._ids[name]:
                self._moved(container_subject(name), self._ids[name], id_)
        self._ids = newest
        return self.latest

    @property
    def latest(self) -> dict[str, str]:
        """Subject -> id, as the last round found them."""
        return {container_subject(name): id_ for name, id_ in self._ids.items()}


def _one(directories: Directories) -> Path:
    return directories.get("memory") or directories["unified"]


def _note_settings(
    kernel: KernelView, places: Mapping[str, Directories], recorder: Recorder
) -> None:
    for subject, where in places.items():
        found: dict[str, Any] = dict(kernel.settings(where))
        recorder.observe(Witness.KERNEL, settings_subject(subject), found)


def container_ids(pod: dict[str, Any]) -> dict[str, str]:
    """Return name -> the runtime's id, without its scheme, of the containers that run."""
    status = pod["status"]
    return {
        each["name"]: each["containerID"].partition("://")[2]
        for key in ("containerStatuses", "initContainerStatuses")
        for each in status.get(key) or ()
        if "running" in (each.get("state") or {})
    }
