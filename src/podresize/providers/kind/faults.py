"""Why kind did not make a cluster, from what it printed."""

from __future__ import annotations

import re

from podresize.errors import HarnessError, HostError, PodresizeError

_LINES = 12
# kubeadm prints the stack of its own call with an error, and every request that it made.
_NOISE = re.compile(r"\t|I\d{4} \d\d:|(github\.com|k8s\.io|sigs\.k8s\.io|main|runtime)[./]\S*$")
# What kind, the engine and kubeadm print, what it means, and the next command, where ENGINE stands
# for the engine's program, IMAGE for the nodes' image. The first that is found counts.
_SIGNS: tuple[tuple[str, str, str, type[PodresizeError]], ...] = (
    (
        "no space left on device",
        "the container engine's disk is full",
        "ENGINE system df",
        HostError,
    ),
    (
        "could not find a log line that matches",
        "the node image did not boot as kind expects (docs/kind-node.md)",
        "podresize artifacts get node-image",
        HarnessError,
    ),
    (
        "privileged mode",
        "the container engine starts no privileged containers",
        "ENGINE run --rm --privileged --entrypoint true IMAGE",
        HostError,
    ),
    (
        "setting rlimit",
        "the engine gives its containers higher limits than this host may (default_ulimits in "
        "containers.conf, or the daemon's)",
        "sh -c 'ulimit -H -a'",
        HostError,
    ),
    (
        "operation not permitted",
        "the container engine may not do what a privileged container needs",
        "ENGINE run --rm --privileged --entrypoint true IMAGE",
        HostError,
    ),
    (
        "validate CRI v1 runtime API",
        "the kubelet refuses this containerd: it serves no CRI v1",
        "podresize run --provider kind --containerd 1.6.36",
        HostError,
    ),
    (
        "timed out waiting for the condition",
        "kubeadm waited in vain for the control plane: the kubelet or containerd did not start it",
        "podresize doctor",
        HarnessError,
    ),
    (
        "error execution phase wait-control-plane",
        "kubeadm waited in vain for the control plane: the kubelet or containerd did not start it",
        "podresize doctor",
        HarnessError,
    ),
)


def creation_failed(name: str, log: str, *, engine: str, image: str) -> PodresizeError:
    """Return the error for a failed ``kind create cluster`` with the last lines of what it said.

    ``engine`` is the name of its program, ``image`` the nodes' image.
    """
    lines = [line for line in log.splitlines() if line.strip() and not _NOISE.match(line)]
    tail = "\n      ".join(["the last lines of its log:", *lines[-_LINES:]])
    for sign, cause, next_command, error in _SIGNS:
        if sign in log:
            return error(
                "kind did not create the cluster",
                value=name,
                origin="kind create cluster",
                causes=(cause, tail),
                next_command=next_command.replace("ENGINE", engine).replace("IMAGE", image),
            )
    return HarnessError(
        "kind did not create the cluster",
        value=name,
        origin="kind create cluster",
        causes=(tail,),
        next_command="podresize doctor",
    )
