"""The process that lets a kept guest go on and makes it a cluster's node: ``python -m ... ORDERS``.

It is a component of the cluster's init, and ends with everything else of it.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podresize.errors import HarnessError, PodresizeError
from podresize.providers.local.conditions import accepts
from podresize.providers.local.layout import Layout
from podresize.providers.vm.guest_agent import Guest, connected, wait_answers
from podresize.providers.vm.keeping import tell_failure
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.personalise import personalise, start_kubelet
from podresize.providers.vm.qmp import Qmp
from podresize.providers.vm.silence import silence_told
from podresize.providers.vm.steps import Steps

# Native seconds. Measured with emulation: 4 s in all until the agent answers.
_MEMORY_SECONDS = 60.0
_ANSWER_SECONDS = 30.0
_APISERVER_SECONDS = 120.0
_LOOK_SECONDS = 0.05


UNANSWERED = "the kept guest went on and does not answer"

Orders = dict[str, Any]
"""What the making wrote for the process: ``MachineMaking.write_orders``."""


def carry_out(arguments: list[str], do: Callable[[GuestLayout, Orders], None]) -> int:
    """Do what is ordered to a guest, and tell what went wrong. Returns the exit code."""
    orders: Orders = json.loads(Path(arguments[0]).read_text())
    layout = GuestLayout(Layout(name=orders["name"], index=orders["index"]))
    try:
        do(layout, orders)
    except PodresizeError as error:
        tell_failure(error, layout)
        return 1
    return 0


def resume(layout: GuestLayout, orders: Orders) -> None:
    """Do it; every step is noted in the layout's file of steps. Raises ``HarnessError``."""
    steps = Steps(layout.steps)
    with silence_told(layout, patience=orders["slowness"]):
        guest = go_on(layout, steps, slowness=orders["slowness"])
        personalise(guest, layout.cluster, driver=orders["driver"], swap=orders["swap"])
    steps.done("guest personalised")
    _wait_for_apiserver(layout.cluster.node_address)
    with silence_told(layout, patience=orders["slowness"]):
        start_kubelet(guest)
    steps.done("kubelet started")


def go_on(layout: GuestLayout, steps: Steps, *, slowness: float) -> Guest:
    """Let a guest that has its memory go on; return it once its agent answers.

    Raises ``HarnessError``: of one whose memory QEMU does not take QEMU itself says so, in its log
    and at its end; one that went on and is silent is ``UNANSWERED``.
    """
    with Qmp(layout.qmp) as qmp:
        qmp.go_on(within=_MEMORY_SECONDS * slowness)
    steps.done("guest goes on")
    try:
        wait_answers(layout.agent, within=_ANSWER_SECONDS * slowness)
    except HarnessError as error:
        raise HarnessError(UNANSWERED, origin=error.origin, causes=(error.what,)) from error
    steps.done("agent answers")
    return connected(layout.agent, patience=slowness)


def _wait_for_apiserver(address: str) -> None:
    """Wait until the apiserver listens: a kubelet that finds none starts over, which takes long."""
    end = time.monotonic() + _APISERVER_SECONDS
    while not accepts(socket.AF_INET, (address, 6443)):
        if time.monotonic() > end:
            raise HarnessError(
                f"the apiserver does not listen after {_APISERVER_SECONDS:.0f} s",
                value=f"{address}:6443",
                causes=("the host is overloaded", "it has ended: its log says why"),
                next_command="podresize doctor",
            )
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(carry_out(sys.argv[1:], resume))
