"""GET: one object, a list, or any path."""

from __future__ import annotations

from typing import Any

from podresize.cluster.api import Api, resource_path


def get(
    api: Api,
    *,
    kind: str,
    name: str,
    namespace: str | None = None,
    subresource: str | None = None,
) -> dict[str, Any]:
    """Return one raw object. Raises ``ApiError`` (404 when it is not there)."""
    path = resource_path(kind, namespace=namespace, name=name, subresource=subresource)
    return api.request("GET", path=path).accepted()


def get_or_none(
    api: Api, *, kind: str, name: str, namespace: str | None = None
) -> dict[str, Any] | None:
    """Return one raw object, or None when the apiserver says 404. Other refusals raise."""
    answer = api.request("GET", path=resource_path(kind, namespace=namespace, name=name))
    return None if answer.code == 404 else answer.accepted()


def list_objects(
    api: Api,
    *,
    kind: str,
    namespace: str | None = None,
    label_selector: str | None = None,
    field_selector: str | None = None,
) -> list[dict[str, Any]]:
    """Return the raw items of a list; ``kind`` and ``apiVersion`` are filled in, as in a watch.

    No page size is asked for, so the apiserver sends all at once.
    """
    params = selectors(label_selector=label_selector, field_selector=field_selector)
    answer = api.request("GET", path=resource_path(kind, namespace=namespace), params=params)
    return list_items(answer.accepted())


def get_json(api: Api, *, path: str) -> dict[str, Any]:
    """Return the JSON object at any path. Raises ``ApiError``."""
    return api.request("GET", path=path).accepted()


def get_text(api: Api, *, path: str) -> str:
    """Return what any path serves, as text. Raises ``ApiError``."""
    answer = api.request("GET", path=path, accept="*/*")
    answer.accepted()
    return answer.text


def server_version(api: Api) -> dict[str, Any]:
    """Return ``/version`` (``{"gitVersion": "v1.27.4", ...}``)."""
    return get_json(api, path="/version")


def selectors(*, label_selector: str | None, field_selector: str | None) -> dict[str, str]:
    """Return the query parameters of a list or a watch."""
    params = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {key: value for key, value in params.items() if value is not None}


def list_items(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a raw list's items, each with the ``apiVersion`` and ``kind`` that lists leave out."""
    kind = str(body.get("kind", "")).removesuffix("List")
    header = {"apiVersion": body.get("apiVersion"), "kind": kind}
    return [header | item for item in body.get("items") or []]
