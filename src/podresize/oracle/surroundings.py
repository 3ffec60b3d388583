"""What surrounds a resize and decides with it: the node, the namespace, the request itself.

Everything is optional. Without a node the resize is taken to fit; without rules of the namespace
none are applied.
"""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Facts from just before the patch.

    ``allocatable`` is the node's status.allocatable; ``others`` the sum of the requests allocated
    to the node's other pods, by resource. ``limit_ranges`` and ``quotas`` are raw objects of the
    namespace, quotas with their status. ``usage`` maps a container to the bytes of memory that it
    uses. ``is_stale``: the request carries a resourceVersion that is not the pod's; ``may_resize``:
    the user's roles allow the verb on the endpoint. ``endpoint`` is where it is sent when that is
    not the version's own; ``is_dry_run``: nothing is to be stored; ``is_put``:
    it is a whole object and no patch; ``swaps``: the node's
    containers may use swap (swapBehavior LimitedSwap).
    """

    allocatable: dict[str, str] | None = None
    others: dict[str, str] = dataclasses.field(default_factory=dict)
    limit_ranges: tuple[dict[str, Any], ...] = ()
    quotas: tuple[dict[str, Any], ...] = ()
    usage: dict[str, int] = dataclasses.field(default_factory=dict)
    is_stale: bool = False
    may_resize: bool = True
    endpoint: str | None = None
    is_dry_run: bool = False
    is_put: bool = False
    swaps: bool = False


NOTHING_KNOWN = Surroundings()
