"""What is seen of a memory limit that is to be lower than what is used (KL-35, KL-36).

Nobody can take used memory away, so such a resize is granted and not enacted: neither its memory
nor its cpu, of no container. Who refuses, and what the API says of it, differs by version. Where
nobody does, cgroup v2 takes the limit and the kernel ends processes until it holds.
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
from podresize.oracle.versions import V1_28, V1_33, V1_34
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


OOM_KILLED = "OOMKilled"
"""The reason of a container that the kernel ended for want of memory."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What must be seen where the kernel makes room for a limit that nobody refuses.

    ``containers`` are those whose limit is below what they use. ``restarts``: whether the kernel
    ends such a container as a whole, so that it is started anew, once, with its new resources; else
    it ends processes, the largest first, and a container whose first process is small goes on.
    """

    containers: tuple[str, ...]
    restarts: bool

    @property
    def ended_by(self) -> str | None:
        """The reason of the last run of each of these containers; None where it goes on."""
        return OOM_KILLED if self.restarts else None

    def restarts_of(self, container: str) -> int:
        """Return how often a container of the pod is restarted by it."""
        return int(self.restarts and container in self.containers)


def killed(
    old: dict[str, Any], new: dict[str, Any], usage: Mapping[str, int], fingerprint: Fingerprint
) -> Killed | None:
    """Return what the kernel does to the pod ``new``, or None where it is never asked, or refuses.

    The arguments are as those of ``kept``. To 1.32 nobody looks at a single container's limit, and
    cgroup v2 takes any. Since 1.28 (kubernetes#117793) the kubelet has the kernel end all processes
    of a container with the first (memory.oom.group).
    """
    version = parse_release(fingerprint.kubernetes)
    if version >= V1_33 or fingerprint.cgroup_version != 2:
        return None
    too_low = tuple(_too_low(old, new, usage))
    if not too_low or kept(old, new, usage, fingerprint) is not None:
        return None
    return Killed(containers=too_low, restarts=version >= V1_28)


def kept(
    old: dict[str, Any], new: dict[str, Any], usage: Mapping[str, int], fingerprint: Fingerprint
) -> Kept | None:
    """Return what must be seen of the pod ``new``, or None when its memory can be lowered.

    ``usage`` are bytes by container that are in use at least, ``old`` is what is enacted.

    * To 1.32 the kubelet compares the whole pod with its new limit. A single container's limit it
      leaves to the kernel: cgroup v1 refuses the write, v2 kills (``killed``).
    * 1.33 lets no memory limit go down whose policy is NotRequired (API-24).
    * From 1.34 on the kubelet looks at pod and containers before it writes anything, and says so.
    """
    version = parse_release(fingerprint.kubernetes)
    too_low = _too_low(old, new, usage)
    used, whole = sum(usage.values()), pod_memory_limit(new, {})
    is_pod_too_low = whole is not None and used >= whole
    if not (too_low or is_pod_too_low):
        return None
    if version >= V1_34:
        said = [f'container "{name}" memory limit ({limit})' for name, limit in too_low.items()]
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


def _too_low(old: dict[str, Any], new: dict[str, Any], usage: Mapping[str, int]) -> dict[str, int]:
    """Return the limits that are lowered, or added, to no more than what is used, by container."""
    before, after = _limits(old), _limits(new)
    return {
        name: limit
        for name, limit in after.items()
        if limit is not None
        and ((was := before.get(name)) is None or limit < was)
        and usage.get(name, 0) >= limit
    }


def _limits(pod: dict[str, Any]) -> dict[str, int | None]:
    found = {}
    for item in pod["spec"]["containers"]:
        limit = amount(normalised(item.get("resources")), LIMITS, MEMORY)
        found[item["name"]] = None if limit is None else whole_bytes(limit)
    return found
