"""The rights that a run on an existing cluster uses, and the error that names those it lacks.

``manifests/kubeconfig/rbac.yaml`` grants ``IN_A_NAMESPACE`` and ``OF_THE_CLUSTER``, no more and no
less (``tests/providers/kubeconfig/test_rights.py``).
"""

from __future__ import annotations

from pathlib import Path

from podresize.cluster.api import Api
from podresize.cluster.rights import Right, missing_rights
from podresize.errors import HostError


def _rights(resource: str, *verbs: str, namespaced: bool = True) -> tuple[Right, ...]:
    name, _, subresource = resource.partition("/")
    return tuple(
        Right(verb=verb, resource=name, subresource=subresource, namespaced=namespaced)
        for verb in verbs
    )


IN_A_NAMESPACE = (
    *_rights("pods", "create", "get", "list", "watch", "patch", "update", "delete"),
    *_rights("pods/resize", "patch", "update"),
    *_rights("pods/status", "patch"),
    *_rights("pods/ephemeralcontainers", "patch"),
    *_rights("pods/log", "get"),
    *_rights("pods/exec", "get", "create"),
    *_rights("events", "list", "watch"),
)
"""On the namespace's own objects."""
OF_THE_CLUSTER = _rights("nodes", "get", namespaced=False)
"""What is asked of the cluster whatever the namespace."""
TO_MAKE_A_NAMESPACE = (
    *_rights("namespaces", "create", "delete", namespaced=False),
    *_rights("serviceaccounts", "list", "watch"),
)
"""Needed besides where no namespace is given: a pod is refused until its account is there."""


def check_rights(api: Api, *, namespace: str, makes_it: bool, kubeconfig: Path) -> None:
    """Raise ``HostError`` naming every right that the user lacks. Makes nothing."""
    needed = IN_A_NAMESPACE + OF_THE_CLUSTER + (TO_MAKE_A_NAMESPACE if makes_it else ())
    missing = missing_rights(api, needed, namespace=namespace)
    if not missing:
        return
    lines = "".join(
        f"\n    {right}" + (f" in namespace {namespace}" if right.namespaced else "")
        for right in missing
    )
    raise HostError(
        f"the kubeconfig's user lacks {len(missing)} of the {len(needed)} rights that a run uses:"
        f"{lines}",
        value=str(kubeconfig),
        origin="--kubeconfig",
        causes=(
            "manifests/kubeconfig/rbac.yaml was not applied, or binds another user",
            *(("--namespace was not given: to make one takes more rights",) if makes_it else ()),
        ),
        next_command=f"kubectl auth can-i --list --namespace {namespace}",
    )
