"""Upstream's cases of 1.34 and later in which a resize is granted, with what they ask for.

Source: kubernetes v1.37.2, test/e2e/common/node/pod_resize.go. Each is asked for and undone, but
for those in ``ONE_WAY``.
"""

from __future__ import annotations

from podresize_fixtures import Change, Form
from upstream_cases.case import (
    CPU,
    CPU_STEP,
    MEMORY,
    MEMORY_LIMIT,
    MEMORY_STEP,
    NOT_REQUIRED,
    RESTART,
    SIDECAR,
    Case,
    burstable,
    guaranteed,
)

_MORE_CPU, _LESS_CPU = f"+{CPU_STEP}", f"-{CPU_STEP}"
_MORE_MEMORY, _LESS_MEMORY = f"+{MEMORY_STEP}", f"-{MEMORY_STEP}"

POLICIES = {
    "no restart": (NOT_REQUIRED, NOT_REQUIRED),
    "mem restart": (NOT_REQUIRED, RESTART),
    "cpu restart": (RESTART, NOT_REQUIRED),
    "cpu & mem restart": (RESTART, RESTART),
}
_WITH_SIDECAR = " + resize initContainers"

_GUARANTEED: dict[str, tuple[str | None, str | None]] = {
    "cpu": (_MORE_CPU, None),
    "mem": (None, _MORE_MEMORY),
    "cpu & mem in the same direction": (_MORE_CPU, _MORE_MEMORY),
    "cpu & mem in opposite directions": (_MORE_CPU, _LESS_MEMORY),
}
_BURSTABLE = {
    "cpu requests": Change(cpu=_MORE_CPU, scope="requests"),
    "cpu limits": Change(cpu=_MORE_CPU, scope="limits"),
    "mem requests": Change(memory=_MORE_MEMORY, scope="requests"),
    "mem limits": Change(memory=_MORE_MEMORY, scope="limits"),
    "all resources in the same direction": Change(cpu=_MORE_CPU, memory=_MORE_MEMORY),
    "cpu & mem in opposite directions": Change(cpu=_MORE_CPU, memory=_LESS_MEMORY),
    "requests & limits in opposite directions": (
        Change(cpu=_LESS_CPU, memory=_MORE_MEMORY, scope="requests")
        & Change(cpu=_MORE_CPU, memory=_LESS_MEMORY, scope="limits")
    ),
}
_THREE = (guaranteed("40m", "64Mi"), guaranteed("50m", "72Mi"), guaranteed("60m", "80Mi"))


def _both(name: str, cpu: str | None = None, memory: str | None = None) -> Change:
    return Change(cpu=cpu, memory=memory, container=name)


def _guaranteed(policy: str, what: str, *, with_sidecar: bool) -> Case:
    cpu, memory = _GUARANTEED[what]
    change = _both("c1", cpu, memory)
    return Case(
        name="guaranteed qos - 1 container with resize policy "
        f"{policy}{_WITH_SIDECAR if with_sidecar else ''} resizing {what}",
        resources=(guaranteed(),),
        change=change & _both(SIDECAR, cpu, memory) if with_sidecar else change,
        policies=(POLICIES[policy],),
        sidecar=True,
    )


THERE_AND_BACK = (
    *(_guaranteed(policy, what, with_sidecar=False) for policy in POLICIES for what in _GUARANTEED),
    *(
        _guaranteed(policy, what, with_sidecar=True)
        for policy in ("no restart", "cpu & mem restart")
        for what in _GUARANTEED
    ),
    Case(
        name="guaranteed pods with multiple containers 3 containers - "
        "increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase",
        resources=_THREE,
        change=_both("c1", _MORE_CPU, _MORE_MEMORY)
        & _both("c2", _MORE_CPU, _MORE_MEMORY)
        & _both("c3", _LESS_CPU, _LESS_MEMORY),
    ),
    Case(
        name="guaranteed pods with multiple containers 3 containers - "
        "increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease",
        resources=_THREE,
        change=_both("c1", _MORE_CPU, _MORE_MEMORY)
        & _both("c2", _LESS_CPU, _LESS_MEMORY)
        & _both("c3", _LESS_CPU, _LESS_MEMORY),
    ),
    Case(
        name="guaranteed pods with multiple containers 3 containers - "
        "increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2)",
        resources=_THREE,
        change=_both("c1", _MORE_CPU)
        & _both("c2", _LESS_CPU, _MORE_MEMORY)
        & _both("c3", _MORE_CPU, _MORE_MEMORY),
    ),
    *(
        Case(
            name="burstable pods - 1 container with all requests & limits set and resize policy "
            f"{policy} resizing {what}",
            resources=(burstable(),),
            change=change,
            policies=(restarts,),
        )
        for policy, restarts in POLICIES.items()
        for what, change in _BURSTABLE.items()
    ),
    # 2m and 1m are the same for the kernel, and so are 10m and 5m: only the status can tell.
    Case(
        name="burstable pods - extended resize with equivalents",
        resources=({"requests": {"cpu": "2m"}, "limits": {"cpu": "10m"}},),
        change=Change(cpu="-1m", scope="requests") & Change(cpu="-5m", scope="limits"),
    ),
)

ONE_WAY = (
    Case(
        name="burstable pods - extended 6 containers - various operations performed "
        "(including adding limits and requests)",
        resources=(
            {"requests": {"cpu": CPU}},
            {"requests": {"memory": MEMORY}},
            {"requests": {"cpu": CPU, "memory": MEMORY}},
            {"requests": {"cpu": CPU}},
            {"requests": {"memory": MEMORY}},
        ),
        change=Change(cpu=_MORE_CPU, scope="requests", container="c1")
        & Change(cpu="80m", scope="limits", container="c1")
        & Change(memory=_LESS_MEMORY, scope="requests", container="c2")
        & Change(memory=MEMORY_LIMIT, scope="limits", container="c2")
        & Change(memory=_LESS_MEMORY, scope="requests", container="c3")
        & Change(cpu=_LESS_CPU, memory=MEMORY, scope="requests", container="c4")
        & Change(cpu=CPU, memory=_MORE_MEMORY, scope="requests", container="c5"),
    ),
    Case(
        name="resize pod via the replace endpoint",
        resources=({"requests": {"cpu": CPU, "memory": MEMORY}},),
        change=Change(cpu=_MORE_CPU, memory=_MORE_MEMORY, scope="requests"),
        form=Form.PUT,
    ),
)
