"""PATCH: the verb that asks for a resize.

The answer is evidence, accepted or refused, so a refusal is returned and never raised.
"""

from __future__ import annotations

import enum
from typing import Any

from podresize.cluster.api import Answer, Api, resource_path


class PatchType(enum.StrEnum):
    """How the body is to be read; the value is its content type."""

    # Merges lists by their key: one container can be named alone.
    STRATEGIC = "application/strategic-merge-patch+json"
    # Replaces lists: the body must name every container in full.
    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    # JSON is YAML; the content type for JSON proper came with Kubernetes 1.32 only.
    APPLY = "application/apply-patch+yaml"


def patch(
    api: Api,
    *,
    kind: str,
    name: str,
    body: dict[str, Any] | list[dict[str, Any]],
    namespace: str | None = None,
    subresource: str | None = None,
    patch_type: PatchType = PatchType.STRATEGIC,
    field_manager: str | None = None,
    force: bool = False,
    dry_run: bool = False,
    user: str | None = None,
) -> Answer:
    """Send the patch once and return the answer: ``code`` and raw ``body``.

    A JSON patch's ``body`` is a list of operations. ``PatchType.APPLY`` needs ``field_manager``;
    ``force`` takes fields over from other managers and belongs to it alone; ``user`` is
    impersonated. Raises
    ``ApiUnreachableError`` when no answer came.
    """
    if isinstance(body, list) != (patch_type is PatchType.JSON):
        raise ValueError(f"a {patch_type.name} patch cannot be a {type(body).__name__}")
    if patch_type is PatchType.APPLY and not field_manager:
        raise ValueError("an apply patch needs a field_manager")
    params: dict[str, str] = {}
    if field_manager:
        params["fieldManager"] = field_manager
    if force:
        params["force"] = "true"
    if dry_run:
        params["dryRun"] = "All"
    return api.request(
        "PATCH",
        path=resource_path(kind, namespace=namespace, name=name, subresource=subresource),
        params=params,
        body=body,
        content_type=patch_type.value,
        user=user,
    )
