"""When is a new node of use?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from podresize.cluster.api import Api, ApiUnreachableError
from podresize.cluster.wait import wait_for
from podresize.errors import HarnessError
from podresize.providers.interface import OWN_NODE

READY_DEADLINE_SECONDS = 60.0
_READY_TURN_SECONDS = 2.0
_LOOK_SECONDS = 0.1


def wait_node(
    api: Api,
    node: str,
    *,
    has_ended: Callable[[], bool],
    deadline: float = READY_DEADLINE_SECONDS,
) -> None:
    """Wait for the node in turns: a watch does not notice that the whole cluster has ended.

    Raises ``HarnessError`` when it is not Ready in time, or ``has_ended`` says that it never will.
    """
    end = time.monotonic() + deadline
    while True:
        left = max(0.1, end - time.monotonic())
        try:
            wait_for(
                api,
                kind="nodes",
                name=node,
                predicate=is_ready,
                deadline=min(left, _READY_TURN_SECONDS),
                what="Ready",
            )
        except HarnessError:
            if has_ended() or time.monotonic() >= end:
                raise
        else:
            return


def wait_api(
    api: Api, *, has_ended: Callable[[], bool], deadline: float = READY_DEADLINE_SECONDS
) -> None:
    """Wait until the apiserver says that it is ready (``/readyz``), its roles made and all.

    Nothing announces it. Raises ``HarnessError`` as ``wait_node`` does.
    """
    end = time.monotonic() + deadline
    while True:
        try:
            if api.request("GET", path="/readyz").ok:
                return
        except ApiUnreachableError:
            if has_ended() or time.monotonic() >= end:
                raise
        if time.monotonic() >= end:
            raise HarnessError("the apiserver is not ready in time", value=f"{deadline:g} s")
        time.sleep(_LOOK_SECONDS)


def is_ready(node: dict[str, Any]) -> bool:
    """Ready, and free of the taints that the node lifecycle controller removes afterwards."""
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node["status"].get("conditions", ())
    )
    taints = {taint["key"] for taint in node["spec"].get("taints") or ()}
    return ready and taints <= {OWN_NODE}
