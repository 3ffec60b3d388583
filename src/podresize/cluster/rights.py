"""What the user of a connection may do, asked of the apiserver itself.

A suite that finds out right by right, a failure each, wastes its user's time: what is missing is
named at once, before anything is created (SelfSubjectAccessReview, authorization.k8s.io/v1).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from podresize.cluster.api import Api


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A verb on a resource: ``Right(verb="patch", resource="pods", subresource="resize")``.

    ``namespaced`` is False for what belongs to the cluster.
    """

    verb: str
    resource: str
    subresource: str = ""
    namespaced: bool = True

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f"/{self.subresource}" if self.subresource else "")


FOR_A_CHECK = (
    *(Right(verb=verb, resource="pods") for verb in ("create", "get", "list", "watch", "patch")),
    Right(verb="delete", resource="pods"),
    Right(verb="get", resource="pods", subresource="log"),
    *(Right(verb=verb, resource="events") for verb in ("list", "watch")),
    *(Right(verb=verb, resource="namespaces", namespaced=False) for verb in ("create", "delete")),
    Right(verb="get", resource="nodes", namespaced=False),
)
"""What any check needs."""
FOR_A_RESIZE = Right(verb="patch", resource="pods", subresource="resize")
"""What a check needs besides where the resize has a subresource of its own (1.32 and later)."""


def missing_rights(
    api: Api, rights: Iterable[Right], *, namespace: str, user: str | None = None
) -> list[Right]:
    """Return the rights that the user lacks in the namespace, in their order.

    ``user`` is impersonated. Raises ``ApiError`` when the apiserver does not answer the question.
    """
    return [right for right in rights if not _may(api, right, namespace, user)]


def _may(api: Api, right: Right, namespace: str, user: str | None) -> bool:
    attributes = {
        "verb": right.verb,
        "resource": right.resource,
        "subresource": right.subresource,
        "namespace": namespace if right.namespaced else "",
    }
    answer = api.request(
        "POST",
        path="/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        },
        user=user,
    )
    return bool(answer.accepted().get("status", {}).get("allowed"))
