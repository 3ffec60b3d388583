"""The process that lets a kept guest go on for a runtime alone: ``python -m ... ORDERS``.

No Kubernetes comes to this guest: no keys, no kubelet, nothing that is waited for outside.
"""

from __future__ import annotations

import sys
from typing import Any

from podresize.providers.vm import oci_alone
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.personalise import set_driver, set_names
from podresize.providers.vm.resuming import carry_out, go_on
from podresize.providers.vm.silence import silence_told
from podresize.providers.vm.steps import Steps


def resume_runtime(layout: GuestLayout, orders: dict[str, Any]) -> None:
    """Do it; every step is noted in the layout's file of steps. Raises ``HarnessError``."""
    steps = Steps(layout.steps)
    with silence_told(layout, patience=orders["slowness"]):
        guest = go_on(layout, steps, slowness=orders["slowness"])
        set_names(guest, layout.cluster.node_name)
        steps.done("guest has its time and its names")
        if orders["alone"]:
            oci_alone.prepare(guest, driver=orders["driver"])
            steps.done("root file system unpacked")
        else:
            set_driver(guest, orders["driver"])
            steps.done(f"runtime has the cgroup driver {orders['driver']}")


if __name__ == "__main__":
    sys.exit(carry_out(sys.argv[1:], resume_runtime))
