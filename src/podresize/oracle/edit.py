"""What is asked for, in each of the forms in which an apiserver takes it.

A ``Change`` speaks of resources and is what most checks need. An ``Edit`` is anything else that
someone may try: a JSON Patch (RFC 6902) with a name. Both say which pod is wanted; ``body`` turns
that into a strategic merge patch, a JSON merge patch (RFC 7386), a JSON patch, an apply
configuration or the whole object for PUT.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

import jsonpatch

from podresize.errors import UsageError
from podresize.oracle.change import Change, apply, changes_of, patch_body
from podresize.oracle.json_value import copied
from podresize.oracle.resources import KINDS, normalised


class Form(enum.StrEnum):
    """How a change of an object is written down."""

    STRATEGIC = "strategic"
    MERGE = "merge"
    JSON = "json"
    APPLY = "apply"
    PUT = "put"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change of anything in a pod: a stable name and JSON Patch operations.

    ``operations`` are as RFC 6902 has them, for example
    ``{"op": "replace", "path": "/spec/containers/0/image", "value": "other"}``.
    """

    name: str
    operations: tuple[dict[str, Any], ...]

    def __str__(self) -> str:
        return self.name


def wanted(pod: dict[str, Any], change: Change | Edit) -> dict[str, Any]:
    """Return the pod that is asked for; the input is left alone.

    Nothing is defaulted, dropped or refused here: that is the apiserver's part (``admission``).
    Raises ``UsageError`` when the change speaks of something that the pod does not have.
    """
    if isinstance(change, Edit):
        try:
            result: dict[str, Any] = jsonpatch.apply_patch(pod, list(change.operations))
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise UsageError(
                "the edit does not fit the pod", value=str(error), origin=change.name
            ) from error
        return result
    result = copied(pod)
    for one, container in changes_of(result, change):
        after = apply(one, normalised(container.get("resources")))
        kept = dict(container.get("resources") or {})
        container["resources"] = kept | {kind: after[kind] for kind in KINDS if after[kind]}
        for kind in KINDS:
            if not after[kind]:
                container["resources"].pop(kind, None)
    return result


def body(
    pod: dict[str, Any], change: Change | Edit, form: Form
) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the request body that asks for the change in this form.

    JSON patch bodies are lists of operations. Raises ``UsageError`` for a form that cannot say it:
    a strategic merge patch and an apply configuration name list entries by key, so they can neither
    rename, reorder nor remove one, and what an apply configuration leaves out stays.
    """
    new = wanted(pod, change)
    if form is Form.PUT:
        return new
    if form is Form.JSON:
        return list(jsonpatch.make_patch(pod, new).patch)
    if form is Form.MERGE:
        merged: dict[str, Any] = _merge_patch(pod, new)
        return merged
    if isinstance(change, Edit):
        raise UsageError(
            "this form cannot say this edit",
            value=str(form),
            origin=change.name,
            causes=("merge, json and put can say any edit",),
        )
    if form is Form.STRATEGIC:
        return patch_body(pod, change)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod["metadata"]["name"]},
        "spec": {
            key: [
                {"name": item["name"], "resources": item.get("resources") or {}}
                for item in new["spec"][key]
                if any(item["name"] == one["name"] for _, one in changes_of(new, change))
            ]
            for key in ("initContainers", "containers")
            if any(
                item["name"] == one["name"]
                for item in new["spec"].get(key) or ()
                for _, one in changes_of(new, change)
            )
        },
    }


def _merge_patch(old: Any, new: Any) -> Any:
    """Return the JSON merge patch from one JSON object to another (RFC 7386)."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif old[key] != value:
            patch[key] = _merge_patch(old[key], value)
    return patch
