"""An existing cluster as a target: used with a user's rights, left as it was.

``up`` makes no cluster. It names the rights that the user lacks, then makes a namespace unless one
was given, and one pod to see what is there; ``down`` deletes that namespace, and in a given one the
pods are deleted by the checks that made them.
"""

from __future__ import annotations

import copy
import secrets
import time
from pathlib import Path
from typing import Any

from podresize.artifacts.images import WORKLOAD
from podresize.artifacts.progress import Progress
from podresize.cluster.api import Api
from podresize.cluster.create import create_namespace
from podresize.cluster.delete import delete_namespace
from podresize.cluster.get import server_version
from podresize.cluster.kubeconfig import Connection, read_kubeconfig
from podresize.cluster.wait import wait_for
from podresize.errors import UsageError
from podresize.providers.child import Tell
from podresize.providers.compatibility import refuse_of_no_use
from podresize.providers.interface import ClusterHandle, Found, NodeHandle
from podresize.providers.kubeconfig.looking import look
from podresize.providers.kubeconfig.rights import check_rights
from podresize.requirements.target import Target

CAN_MAKE = False
CAN_JOIN = False
# No cluster is made, so none takes anything; these are divided by.
CLUSTER_BYTES = 1
CLUSTERS_PER_PROCESSOR = 2.0
CLUSTER_INSTANCES = 1
_HOSTNAME = "kubernetes.io/hostname"
_NOBODY = 65535
_ACCOUNT_SECONDS = 30.0
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
_POD = {
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": _NOBODY,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
}
_CONTAINER = {
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
}
_made: dict[str, tuple[Connection, str]] = {}
"""The namespaces that this process made, by the name of their handle."""


def check_target(target: Target) -> None:
    """Raise ``UsageError`` for options that cannot be; the kubeconfig is read, nobody is asked."""
    refuse_of_no_use(target)
    selector(target)
    connection(target)


def check_host() -> None:
    """Nothing: any host will do."""


def notes(*, accelerator: str | None = None) -> list[str]:  # noqa: ARG001 (the interface's)
    """Return what is done differently here, one sentence each."""
    return [
        "no node access: cgroups are read from inside the container, by its own workload, fifty "
        "times a second; the pod's cgroup and the runtime are not seen",
        "the kubelet's sync period is taken to be the default, since no right shows it",
    ]


def gather(target: Target, *, progress: Progress | None = None) -> None:  # the protocol's
    """Nothing: what runs there is there."""


def up(
    target: Target,
    *,
    name: str | None = None,
    owner: int | None = None,  # noqa: ARG001  # the protocol's; no process of ours runs for it
    joins: ClusterHandle | None = None,
    progress: Progress | None = None,  # noqa: ARG001  # the protocol's
    tell: Tell | None = None,
) -> ClusterHandle:
    """Return the cluster that is there, once a pod has shown what it is.

    Raises ``HostError`` naming each right that is missing, before anything is made; ``UsageError``
    when the options do not fit the cluster.
    """
    began = time.monotonic()
    tell = tell or (lambda _step, _seconds: None)
    if joins is not None:
        raise UsageError("an existing cluster joins no other", value=joins.name)
    name = name or f"podresize-{secrets.token_hex(3)}"
    reached = connection(target)
    namespace = target.namespace or name
    assert target.kubeconfig is not None
    with Api(reached) as api:
        makes_it = target.namespace is None
        check_rights(api, namespace=namespace, makes_it=makes_it, kubeconfig=target.kubeconfig)
        tell("every right is there", time.monotonic() - began)
        if makes_it:
            create_namespace(api, name=namespace, labels=RESTRICTED)
            _made[name] = (reached, namespace)
        try:
            if makes_it:
                _wait_for_account(api, namespace)
            fields = pod_fields(target)
            body = _first_pod(name, target, fields)
            fingerprint, node = look(api, namespace=namespace, body=body)
        except BaseException:
            if makes_it:
                down(name)
            raise
    tell("fingerprint taken", time.monotonic() - began)
    # All checks on the one node that was looked at: another may be another stack.
    hostname = node["metadata"]["labels"].get(_HOSTNAME, node["metadata"]["name"])
    fields["nodeSelector"] = fields.get("nodeSelector", {}) | {_HOSTNAME: hostname}
    return ClusterHandle(
        name=name,
        provider="kubeconfig",
        kubeconfig=target.kubeconfig.resolve(),
        context=target.context,
        nodes=(NodeHandle(name=node["metadata"]["name"]),),
        workload_image=target.image or WORKLOAD,
        fingerprint=fingerprint,
        is_strangers=True,
        namespace=namespace,
        pod_fields=fields,
        container_fields=container_fields(target),
    )


def down(name: str) -> None:
    """Delete the namespace that ``up`` made in this process; a given one stays."""
    made = _made.pop(name, None)
    if made is not None:
        with Api(made[0]) as api:
            delete_namespace(api, name=made[1])


def leave(handle: ClusterHandle) -> None:
    """Nothing: no node of an existing cluster is ours."""


def attach(name: str) -> ClusterHandle | None:  # noqa: ARG001  # the protocol's
    """Return None: an existing cluster is named by its kubeconfig each time."""
    return None


def find(name: str) -> Found | None:  # noqa: ARG001  # the protocol's
    """Return None: this provider makes no cluster."""
    return None


def found() -> list[Found]:
    """Return nothing: this provider makes no cluster."""
    return []


def keep_logs(handle: ClusterHandle, directory: Path) -> None:
    """Nothing: the components' logs are on nodes that are out of reach."""


def connection(target: Target) -> Connection:
    """Return how to reach the cluster. Raises ``UsageError``."""
    if target.kubeconfig is None:
        raise UsageError(
            "the provider kubeconfig needs a kubeconfig",
            origin="--kubeconfig",
            causes=("it was not given",),
            next_command="podresize run --provider kubeconfig --kubeconfig ~/.kube/config",
        )
    return read_kubeconfig(target.kubeconfig, context=target.context)


def release(target: Target) -> str:
    """Return the apiserver's version, ``1.27.4``. Raises ``UsageError`` and ``ApiError``."""
    with Api(connection(target)) as api:
        return str(server_version(api)["gitVersion"]).removeprefix("v")


def selector(target: Target) -> dict[str, str]:
    """Return the node selector. Raises ``UsageError`` for what is no ``key=value``."""
    found = {}
    for text in target.node_selector:
        key, is_there, value = text.partition("=")
        if not key or not is_there:
            raise UsageError(
                "a node selector is a label and its value",
                value=text,
                origin="--node-selector",
                causes=("the = is missing",),
                next_command="kubectl get nodes --show-labels",
            )
        found[key] = value
    return found


def pod_fields(target: Target) -> dict[str, Any]:
    """Return what the spec of every pod gets: restricted, where the user wants it."""
    fields: dict[str, Any] = copy.deepcopy(_POD)
    if target.node_selector:
        fields["nodeSelector"] = selector(target)
    if target.runtime_class is not None:
        fields["runtimeClassName"] = target.runtime_class
    return fields


def container_fields(target: Target) -> dict[str, Any]:
    """Return what every container gets. An image that was named may be pulled, ours may not."""
    fields: dict[str, Any] = copy.deepcopy(_CONTAINER)
    return fields | ({"imagePullPolicy": "IfNotPresent"} if target.image is not None else {})


def _first_pod(name: str, target: Target, fields: dict[str, Any]) -> dict[str, Any]:
    size = {"cpu": "50m", "memory": "64Mi"}
    container = {
        "name": "c1",
        "image": target.image or WORKLOAD,
        "imagePullPolicy": "Never",
        "resources": {"requests": size, "limits": {"cpu": "100m", "memory": "64Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-look", "labels": {"podresize/look": name}},
        "spec": {
            **fields,
            "containers": [container | container_fields(target)],
            "terminationGracePeriodSeconds": 2,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
        },
    }


def _wait_for_account(api: Api, namespace: str) -> None:
    wait_for(
        api,
        kind="serviceaccounts",
        namespace=namespace,
        name="default",
        predicate=lambda _: True,
        deadline=_ACCOUNT_SECONDS,
        what="there",
    )
