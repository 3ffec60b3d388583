"""The status of a pod whose kubelet is stopped, written as a kubelet of its release would.

What allocation and resources in force are is the kubelet's to say, and what lies between them is
gone in a moment. While the kubelet is stopped its part can be taken: who reads the status (the
scheduler) is then looked at for as long as it takes, in states that a kubelet passes through.
"""

from __future__ import annotations

import datetime
from typing import Any

from podresize.cluster.get import get
from podresize.cluster.patch import PatchType, patch
from podresize.evidence.conditions import PENDING
from podresize.oracle.cgroups import pod_amount
from podresize.oracle.change import CPU, MEMORY
from podresize.oracle.quantity import format_cpu, format_memory
from podresize.oracle.resources import KINDS, REQUESTS, Resources
from podresize.oracle.versions import V1_33
from podresize.requirements.versions import parse_release
from podresize.resizing.reach import Reach


def report(
    reach: Reach,
    *,
    namespace: str,
    name: str,
    allocated: dict[str, Resources],
    in_force: dict[str, Resources],
    pending: str = "",
) -> dict[str, Any]:
    """Write what the containers, by name, have of both kinds, and what is pending; return the pod.

    ``pending`` is Deferred or Infeasible, empty when nothing is. Sums of the pod itself are written
    where its status has them (1.36 and later). Raises ``ApiError``.
    """
    pod = get(reach.api, kind="pods", namespace=namespace, name=name)
    status: dict[str, Any] = {
        "containerStatuses": [
            item
            | {
                "allocatedResources": allocated[item["name"]][REQUESTS],
                "resources": in_force[item["name"]],
            }
            for item in pod["status"]["containerStatuses"]
        ]
    }
    if pod["status"].get("allocatedResources") is not None:
        status["allocatedResources"] = _sums(pod, allocated, REQUESTS)
        status["resources"] = {kind: _sums(pod, in_force, kind) for kind in KINDS}
    if parse_release(reach.handle.fingerprint.kubernetes) < V1_33:
        status["resize"] = pending
    elif pending:
        status["conditions"] = [*pod["status"]["conditions"], _condition(pending)]
    return patch(
        reach.api,
        kind="pods",
        namespace=namespace,
        name=name,
        body={"status": status},
        subresource="status",
        patch_type=PatchType.MERGE,
    ).accepted()


def _sums(pod: dict[str, Any], resources: dict[str, Resources], kind: str) -> dict[str, str]:
    return {
        CPU: format_cpu(pod_amount(pod, resources, kind, CPU)),
        MEMORY: format_memory(pod_amount(pod, resources, kind, MEMORY)),
    }


def _condition(reason: str) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return {
        "type": PENDING,
        "status": "True",
        "reason": reason,
        "lastTransitionTime": now.isoformat().replace("+00:00", "Z"),
    }
