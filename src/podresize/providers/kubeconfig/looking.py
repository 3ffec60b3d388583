"""Detecting what an existing cluster is, with a user's rights: from the API and from inside a pod.

One pod is made, looked at and deleted. It tells on which node the checks will run, whether the
image is there and may run under the restricted Pod Security Standard, and which cgroup version the
containers see; a dry run of a resize tells whether the gate is on.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from podresize.cluster.api import Api, ApiError
from podresize.cluster.create import create
from podresize.cluster.delete import delete_pod
from podresize.cluster.exec import run
from podresize.cluster.get import get, get_json, server_version
from podresize.cluster.patch import patch
from podresize.cluster.wait import wait_for
from podresize.errors import HarnessError, UsageError
from podresize.oracle.versions import V1_32
from podresize.requirements.target import UNKNOWN, Fingerprint
from podresize.requirements.versions import parse_release

LIMITS = (
    "no cri (no node access)",
    "no cgroup (no node access: a container sees its own cgroup alone)",
    "no control (no node access)",
    "no node-systemd (no node access)",
    "no metrics (reading them would take rights on nodes/proxy)",
    "no namespace-rules (the checks share a namespace, and a quota would bind all of them)",
    "no swap (nothing tells of a node's)",
    "no workloads (only pods are made on an existing cluster)",
    "no impersonation (nobody but the kubeconfig's user asks)",
)
"""What is withheld on any cluster that is reached by a kubeconfig alone."""
_RUNNING_SECONDS = 120.0
_NO_IMAGE = (
    *("ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName"),
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
)


def look(api: Api, *, namespace: str, body: dict[str, Any]) -> tuple[Fingerprint, dict[str, Any]]:
    """Run the pod ``body``, return the fingerprint and the raw node that it ran on.

    The pod is deleted. Raises ``UsageError`` when its RuntimeClass is not there or its image cannot
    run, ``ApiError``, and ``HarnessError`` when it does not run in time.
    """
    name = body["metadata"]["name"]
    _create(api, namespace=namespace, body=body)
    try:
        pod = _running(api, namespace=namespace, name=name, image=_image(body))
        container = pod["spec"]["containers"][0]["name"]
        said = run(
            api, namespace=namespace, pod=name, container=container, command=["/probe", "cgroup"]
        )
        if said.exit_code != 0:
            raise UsageError(
                "the image's /probe does not say what its cgroup is",
                value=f"{_image(body)}: exit code {said.exit_code}: {said.stderr.strip()}",
                origin="--image",
                causes=("it is not podresize's workload image, or that of another podresize",),
                next_command="podresize artifacts get images",
            )
        node = get(api, kind="nodes", name=pod["spec"]["nodeName"])
        return _fingerprint(api, pod, node, json.loads(said.stdout)), node
    finally:
        delete_pod(api, namespace=namespace, name=name)


def _create(api: Api, *, namespace: str, body: dict[str, Any]) -> None:
    try:
        create(api, kind="pods", namespace=namespace, body=body)
    except ApiError as error:
        wanted = body["spec"].get("runtimeClassName")
        # The words of the apiserver's RuntimeClass admission.
        if wanted is None or f'RuntimeClass "{wanted}" not found' not in error.message:
            raise
        raise UsageError(
            "the cluster has no such RuntimeClass",
            value=str(wanted),
            origin="--runtime-class",
            causes=("a typing error in its name", "it was never made in this cluster"),
            next_command="kubectl get runtimeclasses",
        ) from error


def _fingerprint(
    api: Api, pod: dict[str, Any], node: dict[str, Any], inside: dict[str, Any]
) -> Fingerprint:
    version = server_version(api)["gitVersion"].removeprefix("v")
    info: dict[str, str] = node["status"]["nodeInfo"]
    runtime, _, runtime_version = info["containerRuntimeVersion"].partition("://")
    return Fingerprint(
        provider="kubeconfig",
        kubernetes=version,
        kubelet=info["kubeletVersion"].removeprefix("v"),
        runtime=runtime,
        runtime_version=runtime_version.removeprefix("v"),
        oci_runtime=UNKNOWN,
        oci_runtime_version="",
        cgroup_version=int(inside["version"]),
        cgroup_driver=driver(str(inside.get("path", ""))),
        gate=gate(api, pod, version),
        cpu_manager_policy=UNKNOWN,
        kernel=info["kernelVersion"],
        os_image=info["osImage"],
        arch=info["architecture"],
        host_limits=LIMITS,
        memory_manager_policy=UNKNOWN,
        view="container",
    )


def driver(path: str) -> str:
    """Return the cgroup driver that a container's ``/proc/self/cgroup`` shows.

    Without a cgroup namespace of its own the path holds the pod's slice or directory; with one it
    is ``/``, which says nothing.
    """
    if ".slice" in path:
        return "systemd"
    return "cgroupfs" if "/pod" in path else UNKNOWN


def gate(api: Api, pod: dict[str, Any], version: str) -> bool:
    """Return whether InPlacePodVerticalScaling is on, by what the apiserver does.

    From 1.32 on the subresource is served with the gate alone; before, a change of cpu is refused
    without it, which a dry run tells.
    """
    if parse_release(version) >= V1_32:
        served = get_json(api, path="/api/v1")["resources"]
        return any(item["name"] == "pods/resize" for item in served)
    container = pod["spec"]["containers"][0]
    answer = patch(
        api,
        kind="pods",
        namespace=pod["metadata"]["namespace"],
        name=pod["metadata"]["name"],
        body={
            "spec": {
                "containers": [{"name": container["name"], "resources": {"limits": {"cpu": "90m"}}}]
            }
        },
        dry_run=True,
    )
    if answer.code not in (200, 422):
        answer.accepted()
    return answer.ok


def _running(api: Api, *, namespace: str, name: str, image: str) -> dict[str, Any]:
    def is_decided(pod: dict[str, Any]) -> bool:
        statuses = pod["status"].get("containerStatuses") or ()
        return any("running" in each["state"] or _why(each) for each in statuses)

    last: dict[str, Any] = {}
    try:
        pod = last = wait_for(
            api,
            kind="pods",
            namespace=namespace,
            name=name,
            predicate=is_decided,
            deadline=_RUNNING_SECONDS,
            what="Running",
        )
    except HarnessError as error:
        with contextlib.suppress(HarnessError):
            last = get(api, kind="pods", namespace=namespace, name=name)
        said = [
            str(each.get("message"))
            for each in (last.get("status") or {}).get("conditions") or ()
            if each.get("status") == "False" and each.get("message")
        ]
        raise UsageError(
            "the first pod does not run on this cluster",
            value="; ".join(said) or str(error),
            origin="the scheduler or the kubelet",
            causes=("--node-selector fits no node", "the nodes have no room", "a taint"),
            next_command="kubectl get nodes --show-labels",
        ) from error
    why = _why(pod["status"]["containerStatuses"][0])
    if why:
        raise UsageError(
            "the workload's image does not run on this cluster",
            value=f"{image}: {why}",
            origin="--image, or its default",
            causes=("the node's runtime cannot get it", "it was not pushed where the node pulls"),
            next_command="podresize artifacts get images",
        )
    return pod


def _why(status: dict[str, Any]) -> str:
    waiting = (status.get("state") or {}).get("waiting") or {}
    if waiting.get("reason") in _NO_IMAGE:
        return f"{waiting['reason']}: {waiting.get('message', '')}"
    return ""


def _image(body: dict[str, Any]) -> str:
    return str(body["spec"]["containers"][0]["image"])
