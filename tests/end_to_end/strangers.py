"""A cluster as a stranger has it: the rights of the manifest, a token, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from podresize.cluster.api import Api
from podresize.cluster.create import create
from podresize.manifests import manifests

_RBAC = "rbac.authorization.k8s.io/v1"
_KINDS = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "Role": f"{_RBAC}/roles",
    "RoleBinding": f"{_RBAC}/rolebindings",
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
}
NAMESPACE = "podresize"
USER = f"system:serviceaccount:{NAMESPACE}:podresize"
"""As the apiserver calls the account of the manifest."""


def documents(name: str = "rbac.yaml") -> list[dict[str, Any]]:
    """Return the objects of a manifest."""
    return list(yaml.safe_load_all((manifests("kubeconfig") / name).read_text()))


def apply(api: Api, name: str = "rbac.yaml") -> None:
    """Create the objects of a manifest, as an administrator."""
    for body in documents(name):
        namespace = body["metadata"].get("namespace")
        create(api, kind=_KINDS[body["kind"]], namespace=namespace, body=body)


def token_kubeconfig(admin: Path, api: Api, out: Path, *, account: str = "podresize") -> Path:
    """Write a kubeconfig that holds a token of the account and return its path."""
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = api.request("POST", path=path, body=body).accepted()["status"]["token"]
    document = yaml.safe_load(admin.read_text())
    document["users"] = [{"name": "stranger", "user": {"token": token}}]
    document["contexts"] = [
        {
            "name": "stranger",
            "context": {"cluster": document["clusters"][0]["name"], "user": "stranger"},
        }
    ]
    document["current-context"] = "stranger"
    out.touch(mode=0o600)
    out.write_text(yaml.safe_dump(document))
    return out
