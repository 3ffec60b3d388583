"""DELETE: what a check made, gone or going.

Deleting asks and does not wait: who needs the object gone waits with ``wait.wait_gone``. What is
already gone is no error, so that a clean-up may run twice.
"""

from __future__ import annotations

from typing import Any

from podresize.cluster.api import Api, resource_path


def delete(
    api: Api,
    *,
    kind: str,
    name: str,
    namespace: str | None = None,
    grace_seconds: int | None = None,
    uid: str | None = None,
) -> dict[str, Any] | None:
    """Ask for deletion with background propagation.

    Returns the raw answer, None when there was nothing to delete. ``grace_seconds`` None leaves the
    object's own grace period; ``uid`` guards against deleting a namesake. Raises ``ApiError``.
    """
    options: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
    }
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    if uid is not None:
        options["preconditions"] = {"uid": uid}
    path = resource_path(kind, namespace=namespace, name=name)
    answer = api.request("DELETE", path=path, body=options)
    return None if answer.code == 404 else answer.accepted()


def delete_pod(
    api: Api, *, namespace: str, name: str, grace_seconds: int | None = None
) -> dict[str, Any] | None:
    """Ask for a pod's deletion. ``grace_seconds=0`` drops it without waiting for the kubelet."""
    return delete(api, kind="pods", namespace=namespace, name=name, grace_seconds=grace_seconds)


def delete_all(api: Api, *, kind: str, namespace: str) -> dict[str, Any]:
    """Ask for the deletion of every object of a kind in a namespace; returns the raw answer."""
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    path = resource_path(kind, namespace=namespace)
    return api.request("DELETE", path=path, body=options).accepted()


def delete_namespace(api: Api, *, name: str) -> dict[str, Any] | None:
    """Ask for a namespace's deletion with all that is in it."""
    return delete(api, kind="namespaces", name=name)
