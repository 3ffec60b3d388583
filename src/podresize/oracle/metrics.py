"""How the metrics of kubelet and apiserver must move with a resize, by version.

They count for the whole node, and other checks run beside this one: a difference is exact only
where the check has the node for itself, and a lower bound elsewhere. What other pods may move in
both directions (a gauge) is expected only there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from podresize.oracle.model import Answer, ContainerExpectation, MetricExpectation
from podresize.oracle.progress import DEFERRED, DONE
from podresize.oracle.quantity import parse_quantity
from podresize.oracle.resources import changed_keys
from podresize.oracle.versions import V1_32, V1_34
from podresize.requirements.model import Outcome
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release, parse_version

KUBELET = "kubelet"
APISERVER = "apiserver"
_V1_37 = parse_version("1.37")
_DETAILS = {
    "KL-02": "insufficient_node_allocatable",
    "KL-50": "guaranteed_pod_cpu_manager_static_policy",
    "KL-51": "guaranteed_pod_memory_manager_static_policy",
    "KL-52": "swap_limitation",
}
FAMILIES = {
    KUBELET: (
        "kubelet_container_requested_resizes_total",
        "kubelet_pod_resize_duration_milliseconds_count",
        "kubelet_pod_pending_resizes",
        "kubelet_pod_infeasible_resizes_total",
        "kubelet_pod_in_progress_resizes",
        "kubelet_pod_deferred_accepted_resizes_total",
        "kubelet_pod_deferred_resize_duration_seconds_count",
        "kubelet_runtime_operations_total",
    ),
    APISERVER: ("apiserver_request_total",),
}
"""What is read of each component. Of a histogram the count says how often it was observed."""


def expected_metrics(
    fingerprint: Fingerprint,
    containers: Sequence[ContainerExpectation],
    *,
    answer: Answer,
    outcome: Outcome,
    rule: str,
    start: str,
    has_node_alone: bool,
) -> tuple[MetricExpectation, ...]:
    """Return how the metrics must move; ``start`` is what the API showed before, as ``progress``.

    Requests by PATCH and not as a dry run: that is how a timeline of a resize asks.
    """
    version = parse_release(fingerprint.kubernetes)
    asked = any(item.is_asked for item in containers)
    changed = any(item.is_changed for item in containers)
    granted = outcome is Outcome.GRANTED

    def found() -> Iterator[tuple[str, str, dict[str, str], float]]:
        if version >= V1_32 and asked:
            labels = {"resource": "pods", "subresource": "resize", "verb": "PATCH"}
            yield "ST-47", "apiserver_request_total", labels | {"code": str(answer.code)}, 1
        if granted and (calls := _runtime_calls(containers)):
            labels = {"operation_type": "update_container"}
            yield "ST-47", "kubelet_runtime_operations_total", labels, calls
        if version < V1_34:
            return
        if outcome is not Outcome.REFUSED and asked:
            for (resource, kind, operation), number in sorted(_operations(containers).items()):
                labels = {"resource": resource, "requirement": kind, "operation": operation}
                yield "ST-40", "kubelet_container_requested_resizes_total", labels, number
        if granted and changed:
            family = "kubelet_pod_resize_duration_milliseconds_count"
            yield "ST-41", family, {"success": "true"}, 1
            if start == DEFERRED:
                yield "ST-45", "kubelet_pod_deferred_accepted_resizes_total", {}, 1
        if start == DEFERRED and granted and version >= _V1_37:
            labels = {"resolution": "accepted" if changed else "reverted"}
            yield "ST-46", "kubelet_pod_deferred_resize_duration_seconds_count", labels, 1
        if outcome is Outcome.INFEASIBLE and rule in _DETAILS:
            labels = {"reason_detail": _DETAILS[rule]}
            yield "ST-43", "kubelet_pod_infeasible_resizes_total", labels, 1
        if has_node_alone and outcome is not Outcome.REFUSED:
            for reason in (Outcome.DEFERRED, Outcome.INFEASIBLE):
                by = (outcome is reason) - (start == str(reason).title())
                yield "ST-42", "kubelet_pod_pending_resizes", {"reason": str(reason)}, by
            if start in (DONE, DEFERRED):
                yield "ST-44", "kubelet_pod_in_progress_resizes", {}, 0

    return tuple(
        MetricExpectation(
            requirement=requirement,
            component=APISERVER if family in FAMILIES[APISERVER] else KUBELET,
            family=family,
            labels=labels,
            by=by,
            # The kubelet may repeat an update; and others may ask the apiserver.
            is_exact=has_node_alone and requirement != "ST-47",
        )
        for requirement, family, labels, by in found()
    )


def _operations(containers: Sequence[ContainerExpectation]) -> Counter[tuple[str, str, str]]:
    """Count (resource, requests or limits, operation) over what is asked of the containers."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for item in containers:
        for kind, name in changed_keys(item.asked_before, item.asked):
            old, new = item.asked_before[kind].get(name), item.asked[kind].get(name)
            counted[name, kind, _operation(old, new)] += 1
    return counted


def _operation(old: str | None, new: str | None) -> str:
    if old is None or new is None:
        return "add" if old is None else "remove"
    return "increase" if parse_quantity(new) > parse_quantity(old) else "decrease"


def _runtime_calls(containers: Sequence[ContainerExpectation]) -> int:
    """Return the least number of updates: one for each resource of each container (KL-32)."""
    calls = 0
    for item in containers:
        moved = {
            name.partition("_")[0]
            for name in item.runtime_after
            if item.runtime_before.get(name) not in (None, item.runtime_after[name])
        }
        calls += 0 if item.restarts else len(moved)
    return calls
