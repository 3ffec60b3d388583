"""What the pod's own status shows from 1.36 on: sums over its containers (KEP-5419)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from podresize.oracle.change import CPU, MEMORY
from podresize.oracle.model import ContainerExpectation
from podresize.oracle.quantity import add, format_cpu, format_memory, parse_quantity
from podresize.oracle.resources import KINDS, Resources


def pod_sums(containers: Sequence[ContainerExpectation]) -> Resources:
    """Return the sums of requests and of limits over the containers after the resize.

    What no container has is absent.
    """
    sums: dict[str, dict[str, Decimal]] = {kind: {} for kind in KINDS}
    for item in containers:
        for kind in KINDS:
            for name in (CPU, MEMORY):
                if name in item.after[kind]:
                    value = parse_quantity(item.after[kind][name])
                    sums[kind][name] = add(sums[kind].get(name, Decimal(0)), value)
    return {
        kind: {
            name: format_cpu(value) if name == CPU else format_memory(value)
            for name, value in values.items()
        }
        for kind, values in sums.items()
    }
