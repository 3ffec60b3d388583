"""A memory limit below what is used is not enacted (KEP-1287, "Memory Limit Decreases").

The probe holds the memory, so nothing can be reclaimed. Memory comes before cpu, so that the cpu of
the same patch stays as it was too; with the old limit back in the spec all is well again. Where
nobody refuses, which is on cgroup v2 to 1.32, the kernel makes room.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, holding, lower, requirement, squeeze

# Half a minute each: the kubelet's look at usage may be 10 s old, and it is to try twice.
pytestmark = [
    pytest.mark.own_cluster(kubelet=QUICK_SYNC),
    pytest.mark.profile("extended"),
]

HELD = 60
HOLDS = ["serve", "--hold-mib", str(HELD)]
SIZE = {"cpu": "100m", "memory": "128Mi"}
GUARANTEED = {"requests": SIZE, "limits": SIZE}
IN_MEMORY = {"name": "memory", "emptyDir": {"medium": "Memory"}}
WHERE = "/memory"
OF_ONE = Change(cpu="+50m", memory="-96Mi", container="c1")
LOWER, BACK = Change(cpu="+50m", memory="-96Mi"), Change(cpu="-50m", memory="+96Mi")


@requirement("KL-35")
def test_a_limit_below_what_the_pod_uses(pods: Pods) -> None:
    """One container, so the pod's limit is its own: the kubelet compares before it writes."""
    pod = pods.running(resources=[GUARANTEED], arguments=HOLDS)

    seen = lower(pods, pod, LOWER, held_mib={"c1": HELD})

    refused = f"({seen.wanted.by} refuses)"
    claim("KL-35", f"the API {refused}", got=seen.progress, want=seen.wanted.progress)
    claim("KL-35", "what its message lacks", got=seen.unsaid, want=[])
    claim("KL-35", "the requests are allocated", got=seen.is_allocated, want=True)
    claim("KL-35", "what was enacted of it", got=seen.moved, want={})

    pod.ask(BACK)
    seen.settle()

    claim("KL-35", "the API after the way back", got=seen.progress, want="")
    claim("KL-35", "what is not as before", got=seen.moved, want={})
    claim("KL-35", "restarts of the container", got=pod.restarts, want=0)


@requirement("KL-15", "KL-35")
def test_it_is_tried_again_until_the_memory_is_free(pods: Pods) -> None:
    """A second process holds the memory for a while: what failed is enacted once it has ended."""
    pod = pods.running(resources=[GUARANTEED])

    with holding(pods, pod, HELD):
        seen = lower(pods, pod, LOWER, held_mib={"c1": HELD})
        claim("KL-35", "the API", got=seen.progress, want=seen.wanted.progress)
        claim("KL-35", "what its message lacks", got=seen.unsaid, want=[])
        claim("KL-35", "what was enacted of it", got=seen.moved, want={})
    seen.settle()

    claim("KL-15", "the API once the memory is free", got=seen.progress, want="")
    claim("KL-15", "what does not hold the new values", got=seen.unenacted, want=[])
    claim("KL-15", "restarts of the container", got=pod.restarts, want=0)


@requirement("KL-35")
def test_a_limit_below_what_a_volume_in_memory_holds(pods: Pods) -> None:
    """Pages of an emptyDir with the medium Memory count as the container's that wrote them."""
    body = pods.body(resources=[GUARANTEED], volumes=[IN_MEMORY])
    body["spec"]["containers"][0]["volumeMounts"] = [{"name": "memory", "mountPath": WHERE}]
    pod = pods.make(body)

    with holding(pods, pod, HELD, where=WHERE):
        seen = lower(pods, pod, LOWER, held_mib={"c1": HELD})

        claim("KL-35", "the API", got=seen.progress, want=seen.wanted.progress)
        claim("KL-35", "what its message lacks", got=seen.unsaid, want=[])
        claim("KL-35", "what was enacted of it", got=seen.moved, want={})
        claim("KL-35", "restarts of the container", got=pod.restarts, want=0)


@requirement("KL-36")
def test_a_limit_below_what_one_container_uses(pods: Pods) -> None:
    """The pod's new limit is enough for what both use, that of the first container is not."""
    pod = pods.running(resources=[GUARANTEED, GUARANTEED], arguments=HOLDS)

    seen = lower(pods, pod, OF_ONE, held_mib={"c1": HELD, "c2": HELD})

    refused = f"({seen.wanted.by} refuses)"
    claim("KL-36", f"the API {refused}", got=seen.progress, want=seen.wanted.progress)
    claim("KL-36", "what its message lacks", got=seen.unsaid, want=[])
    claim("KL-36", "the runtime failed", got=seen.runtime_failed, want=seen.wanted.by_kernel)
    claim("KL-36", "what was enacted of it", got=seen.moved, want={})
    claim("KL-36", "restarts of the containers", got=pod.restarts, want=0)


@requirement("KL-36")
def test_a_limit_below_what_one_container_uses_that_nobody_refuses(pods: Pods) -> None:
    """The kernel ends what holds the memory; then everyone has the new values, cpu as well."""
    pod = pods.running(resources=[GUARANTEED, GUARANTEED])

    with holding(pods, pod, HELD):
        seen = squeeze(pods, pod, OF_ONE, held_mib={"c1": HELD})

    claim("KL-36", "restarts by container", got=seen.restarts, want=seen.wanted_restarts)
    ended = dict.fromkeys(seen.wanted.containers, seen.wanted.ended_by)
    claim("KL-36", "why the last run ended", got=seen.ended_by, want=ended)
    claim("KL-36", "the API when it is over", got=seen.progress, want="")
    claim("KL-36", "the requests are allocated", got=seen.is_allocated, want=True)
    claim("KL-36", "whose status is not as asked for", got=seen.unshown, want=[])
    claim("KL-36", "what does not hold the new values", got=seen.unenacted, want=[])
