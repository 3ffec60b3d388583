"""What is seen of a memory limit that is to be lower than what is used (KL-35).

Nobody can take used memory away, so such a resize is granted and not enacted: neither its memory
nor its cpu, of no container. Who refuses, and what the API says of it, differs by version.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from podresize.oracle.cgroups import pod_memory_limit
from podresize.oracle.change import MEMORY
from podresize.oracle.progress import DONE, ERROR, IN_PROGRESS
from podresize.oracle.quantity import whole_bytes
from podresize.oracle.resources import LIMITS, amount, normalised
from podresize.oracle.versions import V1_33, V1_34
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

APISERVER, KUBELET, KERNEL = "the apiserver", "the kubelet", "the kernel"
_SAID = re.compile(r"below current usage \((\d+)\)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What must be seen as long as the memory is in use.

    ``by`` is who refuses; ``progress`` what the API shows, in the words of ``status.resize``;
    ``fragments`` are parts of the message that goes with it, and ``least`` the bytes that a usage
    in the message cannot be below.
    """

    by: str
    progress: str
    fragments: tuple[str, ...] = ()
    least: int = 0

    @property
    def by_kernel(self) -> bool:
        """Whether it is the runtime's own attempt that fails."""
        return self.by == KERNEL

    def unsaid(self, message: str) -> list[str]:
        """Return what a message lacks: fragments, and a usage that is large enough."""
        missing = [each for each in self.fragments if each not in message]
        small = [each for each in _SAID.findall(message) if int(each) < self.least]
        return missing + [f"a usage of {self.least} or more, not {each}" for each in small]


def kept(
    old: dict[str, Any], new: dict[str, Any], usage: Mapping[str, int], fingerprint: Fingerprint
) -> Kept | None:
    """Return what must be seen of the pod ``new``, or None when its memory can be lowered.

    ``usage`` are bytes by container that are in use at least, ``old`` is what is enacted.

    * To 1.32 the kubelet compares the whole pod with its new limit. A single container's limit it
      leaves to the kernel: cgroup v1 refuses the write, v2 kills.
    * 1.33 lets no memory limit go down whose policy is NotRequired (API-24).
    * From 1.34 on the kubelet looks at pod and containers before it writes anything, and says so.
    """
    version = parse_release(fingerprint.kubernetes)
    before, after = _limits(old), _limits(new)
    lowered = {
        name: limit
        for name, limit in after.items()
        if limit is not None and (before.get(name) is None or limit < before[name])  # type: ignore[operator]
    }
    too_low = [name for name, limit in lowered.items() if usage.get(name, 0) >= limit]
    used, whole = sum(usage.values()), pod_memory_limit(new, {})
    is_pod_too_low = whole is not None and used >= whole
    if not (too_low or is_pod_too_low):
        return None
    if version >= V1_34:
        said = [f'container "{name}" memory limit ({lowered[name]})' for name in too_low]
        if is_pod_too_low:
            said.insert(0, f"pod memory limit ({whole})")
        return Kept(
            by=KUBELET,
            progress=ERROR,
            fragments=(
                "cannot decrease memory limits: ",
                *(f"attempting to set {each} below current usage (" for each in said),
            ),
            least=min([used, *(usage[name] for name in too_low)]),
        )
    if version >= V1_33:
        return Kept(by=APISERVER, progress=DONE)
    if is_pod_too_low:
        return Kept(by=KUBELET, progress=IN_PROGRESS)
    return Kept(by=KERNEL, progress=IN_PROGRESS) if fingerprint.cgroup_version == 1 else None


def _limits(pod: dict[str, Any]) -> dict[str, int | None]:
    found = {}
    for item in pod["spec"]["containers"]:
        limit = amount(normalised(item.get("resources")), LIMITS, MEMORY)
        found[item["name"]] = None if limit is None else whole_bytes(limit)
    return found
