"""A container that may swap, on a node that has swap (KEP-2400; kubernetes#130831).

The kubelet lets such a container swap in the share of the node's memory that it asks for, and
cannot set that anew: a memory request is resized by a restart alone.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, deadline, requirement, unsupported

pytestmark = [
    requirement("KL-52"),
    pytest.mark.own_cluster(
        kubelet=QUICK_SYNC | {"memorySwap": {"swapBehavior": "LimitedSwap"}},
    ),
    pytest.mark.profile("extended"),
]
MAY_SWAP = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"cpu": "100m", "memory": "128Mi"},
}
MORE = Change(memory="+32Mi", scope="requests")


def test_a_memory_request_is_not_resized_in_place(pods: Pods) -> None:
    """Infeasible, in words, and its limit of swap stays."""
    _refuse_without_swap(pods)
    pod = pods.running(resources=[MAY_SWAP])
    before = pods.node.files(pod)

    pending = pod.becomes(MORE, within=deadline(pods, "KL-52"))
    # It is told before the runtime would be asked.
    pod.observe(lambda: None, what="waiting", surroundings=None, settle=2.5)

    claim("KL-52", "what is pending", got=pending, want="Infeasible")
    said = str(pod.resize_conditions.get("PodResizePending", {}).get("message"))
    claim("KL-52", "whether the message names swap", got="swap" in said, want=True)
    swap = before.get("c1 memory.swap.max", "0")
    claim("KL-52", "whether the container may swap", got=swap in ("0", "max"), want=False)
    claim("KL-52", "the files of its cgroups", got=pods.node.files(pod), want=before)


def test_a_restart_gives_it_its_new_share(pods: Pods) -> None:
    """With RestartContainer it is granted: half as much again asked for, and to swap."""
    _refuse_without_swap(pods)
    policy = {"cpu": "NotRequired", "memory": "RestartContainer"}
    pod = pods.running(resources=[MAY_SWAP], resize_policy=policy)
    before = int(pods.node.files(pod)["c1 memory.swap.max"])

    pod.ask(MORE)
    pod.until(lambda _: pod.restarts, within=deadline(pods, "KL-52"))
    runs = pod.runs(within=deadline(pods, "KL-52"))

    claim("KL-52", "whether it runs again", got=runs, want=True)
    claim("KL-52", "restarts", got=pod.restarts, want=1)
    now = int(pods.node.files(pod)["c1 memory.swap.max"])
    # Whole pages, and the share is of what the node has.
    claim("KL-52", "how many times as much it may swap", got=round(now / before, 2), want=1.5)


def _refuse_without_swap(pods: Pods) -> None:
    if not pods.node.has_swap:
        unsupported("the node has no swap")
