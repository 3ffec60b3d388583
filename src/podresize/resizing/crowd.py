"""Many resizes: one pod many times, or many pods at once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from podresize.cluster.get import list_objects
from podresize.cluster.observing import without_managed_fields
from podresize.cluster.wait import wait_for
from podresize.errors import HarnessError
from podresize.evidence.agreement import api_is_done
from podresize.evidence.case import Case
from podresize.evidence.measuring import Load, Measurement, by_step
from podresize.evidence.recorder import Recorder
from podresize.evidence.steps import step_times
from podresize.evidence.timeline import Timeline, Witness
from podresize.oracle.admission import endpoint
from podresize.oracle.change import Change
from podresize.oracle.expectation import Expectation
from podresize.oracle.model import POD, container_subject
from podresize.resizing.asking import How, ask
from podresize.resizing.reach import Reach
from podresize.resizing.running_pod import RunningPod
from podresize.resizing.watching import container_ids

# The apiserver and one node answer these at once; more threads would only wait for each other here.
_AT_ONCE = 10

Seen = list[tuple[Timeline, Expectation]]


def back_and_forth(pod: RunningPod, there: Change, back: Change, *, times: int) -> Seen:
    """Resize one pod ``times`` times, there and back in turn; each is watched to its end."""
    seen = []
    for number in range(times):
        change = back if number % 2 else there
        timeline = pod.resize(change)
        seen.append((timeline, pod.expectation(change)))
    return seen


def all_at_once(reach: Reach, pods: Sequence[RunningPod], change: Change) -> Seen:
    """Ask the change of all pods, as fast as the apiserver answers, then look where each ends.

    Each pod is followed through the API to its end and read from runtime and kernel then: fifty
    samplers would be the load that they measure. So the times of runtime and kernel are those of
    that look, upper bounds. The pods must be as they were made.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as workers:
        recorders = list(workers.map(lambda pod: _begin(reach, pod, change), pods))
    # One watch each, all at once: what a later one missed would look like a later resize.
    with ThreadPoolExecutor(max_workers=max(1, len(pods))) as workers:
        return list(workers.map(lambda one, its: _end(reach, one, its, change), pods, recorders))


def _begin(reach: Reach, pod: RunningPod, change: Change) -> Recorder:
    recorder = reach.recorder()
    recorder.observe(Witness.API, POD, without_managed_fields(pod.raw))
    _look(reach, pod, recorder)
    recorder.mark_patch()
    where = endpoint(reach.handle.fingerprint)
    ask(reach.api, pod.raw, change, How(), endpoint=where, recorder=recorder)
    return recorder


def _end(
    reach: Reach, pod: RunningPod, recorder: Recorder, change: Change
) -> tuple[Timeline, Expectation]:
    wanted = pod.expectation(change)

    def is_done(raw: dict[str, Any]) -> bool:
        recorder.observe(Witness.API, POD, without_managed_fields(raw))
        return api_is_done(raw, wanted)

    # A pod that does not get there is for its judges, with the last states that were seen.
    with contextlib.suppress(HarnessError):
        wait_for(
            reach.api,
            kind="pods",
            namespace=pod.namespace,
            name=pod.name,
            predicate=is_done,
            deadline=wanted.deadline,
            what="resized",
        )
    _look(reach, pod, recorder)
    timeline = recorder.to_timeline(
        id=f"{reach.run_id}-{reach.handle.name}-{pod.namespace}-{pod.name}-crowd",
        pod=f"{pod.namespace}/{pod.name}",
    )
    return timeline, wanted


def _look(reach: Reach, pod: RunningPod, recorder: Recorder) -> None:
    """Read the pod's cgroups and the runtime's statuses once."""
    ids = container_ids(pod.raw)
    kernel = reach.nodes_kernel
    cgroups = kernel.pod_cgroups(
        pod_uid=pod.raw["metadata"]["uid"],
        qos_class=pod.raw["status"]["qosClass"],
        container_ids=tuple(ids.values()),
    )
    places = {POD: cgroups.pod} | {
        container_subject(name): cgroups.containers[id_] for name, id_ in ids.items()
    }
    for name, id_ in ids.items():
        recorder.observe(Witness.CRI, container_subject(name), reach.cri.container_status(id_))
    for subject, where in places.items():
        files = {name: kernel.read(path) for name, path in kernel.resource_files(where).items()}
        recorder.observe(Witness.KERNEL, subject, files)


def measured(what: str, seen: Seen, *, before: Load, after: Load) -> Measurement:
    """Return the times of many resizes as one measurement."""
    return Measurement(
        what=what,
        steps=by_step(step_times(Case(timeline, wanted)) for timeline, wanted in seen),
        before=before,
        after=after,
    )


def load_of(reach: Reach) -> Load:
    """Return what the node does now.

    Of one whose kernel is out of reach the load is this host's, which asks.
    """
    name = reach.node.name
    (node,) = list_objects(reach.api, kind="nodes", field_selector=f"metadata.name={name}")
    pods = list_objects(reach.api, kind="pods", field_selector=f"spec.nodeName={name}")
    load = os.getloadavg()[0]
    if reach.kernel is not None:
        load = float(reach.kernel.read(Path("/proc/loadavg")).split()[0])
    return Load(
        load_average=round(load, 2),
        processors=int(node["status"]["capacity"]["cpu"]),
        pods=len(pods),
    )
