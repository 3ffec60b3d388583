"""Upstream's cases of 1.27 in which a resize is granted, with what they ask for.

Source: kubernetes v1.27.4, test/e2e/node/pod_resize.go. They are asked for and not undone.
"""

from __future__ import annotations

from podresize_fixtures import Change
from upstream_cases.case import (
    CPU,
    CPU_STEP,
    MEMORY,
    MEMORY_STEP,
    NOT_REQUIRED,
    RESTART,
    Case,
    burstable,
    guaranteed,
)

_MORE_CPU, _LESS_CPU = f"+{CPU_STEP}", f"-{CPU_STEP}"
_MORE_MEMORY, _LESS_MEMORY = f"+{MEMORY_STEP}", f"-{MEMORY_STEP}"
_NO_RESTART = (NOT_REQUIRED, NOT_REQUIRED)
_RESTART_FOR_MEMORY = (NOT_REQUIRED, RESTART)
_RESTART_FOR_CPU = (RESTART, NOT_REQUIRED)


def _requests(cpu: str | None = None, memory: str | None = None) -> Change:
    return Change(cpu=cpu, memory=memory, scope="requests")


def _limits(cpu: str | None = None, memory: str | None = None) -> Change:
    return Change(cpu=cpu, memory=memory, scope="limits")


_GUARANTEED = {
    "increase CPU & memory": Change(cpu=_MORE_CPU, memory=_MORE_MEMORY),
    "decrease CPU & memory": Change(cpu=_LESS_CPU, memory=_LESS_MEMORY),
    "increase CPU & decrease memory": Change(cpu=_MORE_CPU, memory=_LESS_MEMORY),
    "decrease CPU & increase memory": Change(cpu=_LESS_CPU, memory=_MORE_MEMORY),
}
_BURSTABLE = {
    "decrease memory requests only": _requests(memory=_LESS_MEMORY),
    "decrease memory limits only": _limits(memory=_LESS_MEMORY),
    "increase memory requests only": _requests(memory=_MORE_MEMORY),
    "increase memory limits only": _limits(memory=_MORE_MEMORY),
    "decrease CPU requests only": _requests(cpu=_LESS_CPU),
    "decrease CPU limits only": _limits(cpu=_LESS_CPU),
    "increase CPU requests only": _requests(cpu=_MORE_CPU),
    "increase CPU limits only": _limits(cpu=_MORE_CPU),
    "decrease CPU requests and limits": Change(cpu=_LESS_CPU),
    "increase CPU requests and limits": Change(cpu=_MORE_CPU),
    "decrease memory requests and limits": Change(memory=_LESS_MEMORY),
    "increase memory requests and limits": Change(memory=_MORE_MEMORY),
    "decrease CPU requests and increase CPU limits": (
        _requests(cpu=_LESS_CPU) & _limits(cpu=_MORE_CPU)
    ),
    "increase CPU requests and decrease CPU limits": (
        _requests(cpu=_MORE_CPU) & _limits(cpu=_LESS_CPU)
    ),
    "decrease memory requests and increase memory limits": (
        _requests(memory=_LESS_MEMORY) & _limits(memory=_MORE_MEMORY)
    ),
    "increase memory requests and decrease memory limits": (
        _requests(memory=_MORE_MEMORY) & _limits(memory=_LESS_MEMORY)
    ),
    "decrease CPU requests and increase memory limits": (
        _requests(cpu=_LESS_CPU) & _limits(memory=_MORE_MEMORY)
    ),
    "increase CPU requests and decrease memory limits": (
        _requests(cpu=_MORE_CPU) & _limits(memory=_LESS_MEMORY)
    ),
    "decrease memory requests and increase CPU limits": (
        _requests(memory=_LESS_MEMORY) & _limits(cpu=_MORE_CPU)
    ),
    "increase memory requests and decrease CPU limits": (
        _requests(memory=_MORE_MEMORY) & _limits(cpu=_LESS_CPU)
    ),
}
_THREE = (
    burstable("40m", "64Mi", "80m", "128Mi"),
    burstable("50m", "72Mi", "90m", "136Mi"),
    burstable("60m", "80Mi", "100m", "144Mi"),
)


def _container(name: str, cpu: str, memory: str) -> Change:
    return Change(cpu=cpu, memory=memory, container=name)


ONE_WAY = (
    *(
        Case(
            name=f"Guaranteed QoS pod, one container - {what}",
            resources=(guaranteed(),),
            change=change,
        )
        for what, change in _GUARANTEED.items()
    ),
    Case(
        name="Guaranteed QoS pod, three containers (c1, c2, c3) - "
        "increase: CPU (c1,c3), memory (c2) ; decrease: CPU (c2), memory (c1,c3)",
        resources=(guaranteed("40m", "64Mi"), guaranteed("50m", "72Mi"), guaranteed("60m", "80Mi")),
        change=_container("c1", _MORE_CPU, _LESS_MEMORY)
        & _container("c2", _LESS_CPU, _MORE_MEMORY)
        & _container("c3", _MORE_CPU, _LESS_MEMORY),
        policies=(_NO_RESTART,),
    ),
    *(
        Case(
            name="Burstable QoS pod, one container with cpu & memory requests + limits - " + what,
            resources=(burstable(),),
            change=change,
        )
        for what, change in _BURSTABLE.items()
    ),
    Case(
        name="Burstable QoS pod, one container with cpu & memory requests - "
        "decrease memory request",
        resources=({"requests": {"cpu": CPU, "memory": MEMORY}},),
        change=_requests(memory=_LESS_MEMORY),
    ),
    Case(
        name="Guaranteed QoS pod, one container - "
        "increase CPU (NotRequired) & memory (RestartContainer)",
        resources=(guaranteed(),),
        change=Change(cpu=_MORE_CPU, memory=_MORE_MEMORY),
        policies=(_RESTART_FOR_MEMORY,),
    ),
    Case(
        name="Burstable QoS pod, one container - "
        "decrease CPU (RestartContainer) & memory (NotRequired)",
        resources=(burstable(),),
        change=Change(cpu=_LESS_CPU, memory=_LESS_MEMORY),
        policies=(_RESTART_FOR_CPU,),
    ),
    Case(
        name="Burstable QoS pod, three containers - increase c1 resources, no change for c2, "
        "decrease c3 resources (no net change for pod)",
        resources=_THREE,
        change=_container("c1", _MORE_CPU, _MORE_MEMORY)
        & _container("c3", _LESS_CPU, _LESS_MEMORY),
        policies=(_NO_RESTART, _RESTART_FOR_MEMORY, _NO_RESTART),
    ),
    Case(
        name="Burstable QoS pod, three containers - decrease c1 resources, increase c2 resources, "
        "no change for c3 (net increase for pod)",
        resources=_THREE,
        change=_container("c1", _LESS_CPU, _LESS_MEMORY) & _container("c2", "+40m", "+32Mi"),
        policies=(_NO_RESTART, _RESTART_FOR_MEMORY, _NO_RESTART),
    ),
    Case(
        name="Burstable QoS pod, three containers - no change for c1, increase c2 resources, "
        "decrease c3 (net decrease for pod)",
        resources=_THREE,
        change=_container("c2", _MORE_CPU, _MORE_MEMORY) & _container("c3", "-40m", "-32Mi"),
        policies=((RESTART, RESTART), _RESTART_FOR_CPU, _RESTART_FOR_MEMORY),
    ),
)
