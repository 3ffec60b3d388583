"""Upstream's names: how they are paired with our checks, which are run, and which are left out.

Facts about the cases are from kubernetes v1.37.2, test/e2e/common/node/pod_resize.go and
test/e2e/node/pod_resize.go, and v1.27.4, test/e2e/node/pod_resize.go.
"""

from __future__ import annotations

import re

from packaging.version import Version

from podresize.requirements.target import Fingerprint

FOCUS = "Pod InPlace Resize"
# Pod-level resources (KEP-5419) have a table of their own under this mark.
_POD_LEVEL = re.compile(r"\bPLR\b|InPlacePodLevelResourcesVerticalScaling")
_LABEL = re.compile(r"\[[^\]]*\]")

# Twenty-two of the 1.37 cases, every kind of them, and four of those of 1.27: ten minutes each, or
# less, on two processors. A case of 1.37 takes upstream about 20 s, one of 1.27 about 90 s.
_NO_RESTART = "guaranteed qos - 1 container with resize policy no restart"
_BURSTABLE = (
    "burstable pods - 1 container with all requests & limits set and resize policy {} resizing {}"
)
_THREE = "guaranteed pods with multiple containers 3 containers - "
SAMPLE_1_37 = (
    f"{_NO_RESTART} resizing cpu",
    f"{_NO_RESTART} resizing mem",
    f"{_NO_RESTART} resizing cpu & mem in the same direction",
    f"{_NO_RESTART} resizing cpu & mem in opposite directions",
    f"{_NO_RESTART} + resize initContainers resizing cpu",
    f"{_NO_RESTART} + resize initContainers resizing cpu & mem in opposite directions",
    f"{_THREE}increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase",
    f"{_THREE}increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2)",
    *(
        _BURSTABLE.format("no restart", what)
        for what in (
            *("cpu requests", "cpu limits", "mem requests", "mem limits"),
            *("all resources in the same direction", "cpu & mem in opposite directions"),
            "requests & limits in opposite directions",
        )
    ),
    _BURSTABLE.format("cpu restart", "cpu limits"),
    _BURSTABLE.format("mem restart", "mem limits"),
    _BURSTABLE.format("cpu & mem restart", "all resources in the same direction"),
    "burstable pods - extended 6 containers - various operations performed "
    "(including adding limits and requests)",
    "burstable pods - extended resize with equivalents",
    "resize pod via the replace endpoint",
    "apply invalid resize patch requests BestEffort pod - request cpu",
    "apply invalid resize patch requests Burstable pod - remove memory requests",
    "apply invalid resize patch requests Guaranteed pod - rename containers",
    "(limit-ranger) pod-resize-limit-ranger-test exceed maximum Memory and CPU",
    "(resource-quota) pod-resize-resource-quota-test valid increase of CPU",
)
SAMPLE_1_27 = (
    "Guaranteed QoS pod, one container - increase CPU & memory",
    "Burstable QoS pod, one container with cpu & memory requests + limits - "
    "decrease CPU requests and increase CPU limits",
    "Burstable QoS pod, one container - decrease CPU (RestartContainer) & memory (NotRequired)",
    "Burstable QoS pod, three containers - decrease c1 resources, increase c2 resources, "
    "no change for c3 (net increase for pod)",
)

# What upstream does not look at, and what it looks at where a host cannot show it, by what is said.
_KNOWN = {
    r"oom_score_adj|OOMScore": "without CAP_SYS_RESOURCE no process can have a negative one",
    r"neither asked for nor there before": "upstream looks at the end alone, we at the way as well",
}


def known_reasons(*said: str) -> list[str]:
    """Return why two sides may differ that gave these reasons for their verdicts."""
    return [why for pattern, why in _KNOWN.items() if re.search(pattern, " ".join(said))]


def stem(name: str) -> str:
    """Return upstream's full name without what all of them share and without labels."""
    bare = " ".join(_LABEL.sub(" ", name).split())
    return bare.removeprefix(FOCUS).strip().removeprefix("Container ")


def is_about_containers(name: str) -> bool:
    """Whether a full name is one of a container's resize, not of pod-level resources."""
    return FOCUS in name and not _POD_LEVEL.search(name)


def sample(fingerprint: Fingerprint) -> tuple[str, ...]:
    """Return the cases that are run when no others are named."""
    return SAMPLE_1_37 if Version(fingerprint.kubernetes) >= Version("1.34") else SAMPLE_1_27


def why_left_out(name: str, fingerprint: Fingerprint) -> str | None:
    """Return why a case can say nothing on this target, or None. ``name`` is the full one."""
    if "[Alpha]" in name:
        return "its alpha gate is off"
    if "ephemeral storage" in name and fingerprint.provider == "local":
        return "the node has no ephemeral-storage (localStorageCapacityIsolation is off)"
    restarts = " restart" in stem(name).replace("no restart", "")
    if (
        stem(name).startswith("guaranteed")
        and restarts
        and "no CAP_SYS_RESOURCE" in fingerprint.host_limits
    ):
        return (
            "upstream compares oom_score_adj after a restart, and this host lets no process have "
            "the -997 of a Guaranteed one (no CAP_SYS_RESOURCE); ours can be run alone"
        )
    return None
