"""What surrounds a resize on a node that the check has for itself."""

from __future__ import annotations

from podresize.cluster.get import get, list_objects
from podresize.oracle.cgroups import pod_amount
from podresize.oracle.change import CPU, MEMORY
from podresize.oracle.expectation import enacted_resources
from podresize.oracle.quantity import add, format_cpu, format_memory, parse_quantity
from podresize.oracle.resources import REQUESTS
from podresize.oracle.surroundings import Surroundings
from podresize.resizing.reach import Reach

_ENDED = ("Succeeded", "Failed")


def node_surroundings(reach: Reach, *, without: str | None = None) -> Surroundings:
    """Return the node's allocatable and the sum of what its pods have allocated.

    ``without`` is the uid of the pod that is to be resized. Raises ``ApiError``.
    """
    node = get(reach.api, kind="nodes", name=reach.node.name)
    pods = list_objects(reach.api, kind="pods", field_selector=f"spec.nodeName={reach.node.name}")
    total = {CPU: parse_quantity("0"), MEMORY: parse_quantity("0")}
    for pod in pods:
        if pod["metadata"]["uid"] == without or pod["status"].get("phase") in _ENDED:
            continue
        enacted = enacted_resources(pod)
        for name, sum_ in total.items():
            total[name] = add(sum_, pod_amount(pod, enacted, REQUESTS, name))
    return Surroundings(
        allocatable={name: str(node["status"]["allocatable"][name]) for name in total},
        others={CPU: format_cpu(total[CPU]), MEMORY: format_memory(total[MEMORY])},
    )
