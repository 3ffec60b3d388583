"""PUT: a whole object, as the answer to a conflict test or an update through a subresource."""

from __future__ import annotations

from typing import Any

from podresize.cluster.api import Answer, Api, resource_path


def replace(
    api: Api,
    *,
    kind: str,
    name: str,
    body: dict[str, Any],
    namespace: str | None = None,
    subresource: str | None = None,
    dry_run: bool = False,
    user: str | None = None,
) -> Answer:
    """Replace the object and return the answer; a refusal (409, 422) is returned, not raised.

    ``user`` is impersonated.
    """
    return api.request(
        "PUT",
        path=resource_path(kind, namespace=namespace, name=name, subresource=subresource),
        params={"dryRun": "All"} if dry_run else None,
        body=body,
        user=user,
    )
