"""POST: a new object."""

from __future__ import annotations

from typing import Any

from podresize.cluster.api import Answer, Api, resource_path


def create(
    api: Api,
    *,
    kind: str,
    body: dict[str, Any],
    namespace: str | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Create ``body`` and return the object as stored. Raises ``ApiError`` when refused."""
    return try_create(api, kind=kind, body=body, namespace=namespace, dry_run=dry_run).accepted()


def try_create(
    api: Api,
    *,
    kind: str,
    body: dict[str, Any],
    namespace: str | None = None,
    subresource: str | None = None,
    name: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """Create ``body`` and return the answer, for checks whose evidence is a refusal.

    ``name`` and ``subresource`` reach what is created below an object (``pods/<name>/eviction``).
    """
    return api.request(
        "POST",
        path=resource_path(kind, namespace=namespace, name=name, subresource=subresource),
        params={"dryRun": "All"} if dry_run else None,
        body=body,
    )


def create_namespace(
    api: Api, *, name: str, labels: dict[str, str] | None = None
) -> dict[str, Any]:
    """Create a namespace and return it."""
    metadata = {"name": name, "labels": labels or {}}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return create(api, kind="namespaces", body=body)
