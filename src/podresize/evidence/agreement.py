"""Does one witness show the end of the resize? One predicate per witness.

The live loop, the step times and the judges all ask these, so that "met" means the same thing while
waiting as it does when the timeline is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podresize.oracle.cgroups import Allowed, CgroupFiles
from podresize.oracle.expectation import ContainerExpectation, Expectation
from podresize.oracle.model import ProgressStyle
from podresize.oracle.progress import DONE, IN_PROGRESS
from podresize.oracle.resources import lists_equal, normalised, resources_equal

PENDING = "Pending"
ERROR = "Error"


def progress_value(pod: dict[str, Any], style: ProgressStyle) -> str:
    """Return where the API says the resize is: ``""`` when it says nothing.

    With conditions: the reason of PodResizePending (``Deferred``, ``Infeasible``), ``Error`` for a
    PodResizeInProgress with that reason, else ``InProgress``.
    """
    status = pod.get("status", {})
    if style is ProgressStyle.RESIZE_FIELD:
        return str(status.get("resize") or DONE)
    conditions = {
        item.get("type"): item
        for item in status.get("conditions") or ()
        if item.get("status") == "True"
    }
    if "PodResizePending" in conditions:
        return str(conditions["PodResizePending"].get("reason") or PENDING)
    if "PodResizeInProgress" in conditions:
        return str(conditions["PodResizeInProgress"].get("reason") or IN_PROGRESS)
    return DONE


def container_status(pod: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the raw status of one container; empty when the pod has none yet."""
    for key in ("containerStatuses", "initContainerStatuses"):
        for status in pod.get("status", {}).get(key) or ():
            if status.get("name") == name:
                return dict(status)
    return {}


def container_spec(pod: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the raw spec of one container; empty when the pod has no such container."""
    for key in ("containers", "initContainers"):
        for spec in pod.get("spec", {}).get(key) or ():
            if spec.get("name") == name:
                return dict(spec)
    return {}


def spec_is_new(pod: dict[str, Any], expectation: Expectation) -> bool:
    """Return whether the pod's spec asks for the resources after the change."""
    return all(
        resources_equal(normalised(container_spec(pod, item.name).get("resources")), item.asked)
        for item in expectation.containers
    )


def status_is_new(pod: dict[str, Any], expectation: Expectation) -> bool:
    """Return whether status.resources of every container shows the resources after."""
    return all(
        resources_equal(container_status(pod, item.name).get("resources"), item.after)
        for item in expectation.containers
    )


def allocation_is_new(pod: dict[str, Any], expectation: Expectation) -> bool:
    """Return whether allocatedResources, where this version shows them, are those after."""
    return all(
        item.allocated is None
        or lists_equal(container_status(pod, item.name).get("allocatedResources"), item.allocated)
        for item in expectation.containers
    )


def restarts_are_done(pod: dict[str, Any], expectation: Expectation) -> bool:
    """Return whether every container that must restart has, and runs again."""
    for item in expectation.containers:
        if item.restarts:
            status = container_status(pod, item.name)
            if int(status.get("restartCount") or 0) < item.restart_count + item.restarts:
                return False
            if "running" not in (status.get("state") or {}):
                return False
    return True


def api_is_done(pod: dict[str, Any], expectation: Expectation) -> bool:
    """Return whether the API shows the end of the resize in every field: done, or pending.

    Without the gate there are no resources in status to wait for.
    """
    return (
        progress_value(pod, expectation.progress.style) == expectation.progress.chain[-1]
        and spec_is_new(pod, expectation)
        and (not expectation.fingerprint.gate or status_is_new(pod, expectation))
        and allocation_is_new(pod, expectation)
        and restarts_are_done(pod, expectation)
        and generation_is_seen(pod, expectation)
    )


def generation_is_seen(pod: dict[str, Any], expectation: Expectation) -> bool:
    """Return whether the kubelet says that it has seen the spec, where it has to say so (ST-15).

    A condition can be shown a write earlier: it is set before the pod's worker gets the new spec.
    """
    if "ST-15" not in expectation.requirements:
        return True
    seen = pod.get("status", {}).get("observedGeneration")
    return bool(seen == pod["metadata"].get("generation"))


def runtime_shows(
    reported: Mapping[str, Any] | None, wanted: Mapping[str, tuple[int, ...]]
) -> bool:
    """Return whether ContainerStatus.resources has the wanted numbers.

    A field that is missing counts as 0, as protobuf has it; None (not reported) never matches.
    """
    return reported is not None and all(
        number(reported, name) in allowed for name, allowed in wanted.items()
    )


def number(reported: Mapping[str, Any], name: str) -> int:
    """Return one CRI number; protobuf's JSON writes 64-bit numbers as texts."""
    return int(reported.get(name) or 0)


def cgroup_shows(files: Mapping[str, str], wanted: CgroupFiles) -> bool:
    """Return whether the cgroup holds an allowed value in every file that is expected."""
    return all(name in files and allows(wanted[name], files[name]) for name in wanted)


def allows(allowed: tuple[Allowed, ...], content: str) -> bool:
    """Return whether a file's content is one of the allowed values."""
    return content in {item.value for item in allowed}


def runtime_changes(container: ContainerExpectation) -> bool:
    """Return whether the change is one that the runtime's report must show."""
    return container.runtime_before != container.runtime_after
