"""What an apiserver does with each form of a request, written down a second time.

Nothing here is podresize's: the forms are applied from their definitions (RFC 6902, RFC 7386, the
merge keys of a PodSpec), so that a body is proved by what it does to a pod.
"""

from __future__ import annotations

import copy
from typing import Any

_BY_NAME = ("containers", "initContainers")


def json_patch(document: Any, operations: list[dict[str, Any]]) -> Any:
    """RFC 6902: the operations, one after the other."""
    for operation in operations:
        document = _operate(copy.deepcopy(document), operation)
    return document


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    kind, path = operation["op"], operation["path"]
    if kind == "move":
        value = _look(document, operation["from"])
        document = _operate(document, {"op": "remove", "path": operation["from"]})
        return _operate(document, {"op": "add", "path": path, "value": value})
    if kind == "copy":
        value = copy.deepcopy(_look(document, operation["from"]))
        return _operate(document, {"op": "add", "path": path, "value": value})
    *way, last = _keys(path)
    parent = document
    for key in way:
        parent = parent[_key(parent, key)]
    if kind == "test":
        assert parent[_key(parent, last)] == operation["value"]
    elif kind == "remove":
        del parent[_key(parent, last)]
    elif kind == "add" and isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), operation["value"])
    else:
        assert kind in ("add", "replace")
        assert kind == "add" or _key(parent, last) in (
            parent if isinstance(parent, dict) else range(len(parent))
        )
        parent[_key(parent, last)] = operation["value"]
    return document


def _look(document: Any, path: str) -> Any:
    for key in _keys(path):
        document = document[_key(document, key)]
    return document


def _keys(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _key(parent: Any, key: str) -> Any:
    return int(key) if isinstance(parent, list) else key


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2: the pseudocode."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def strategic_merge(pod: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A merge in which the entries of container lists find each other by name."""
    result = copy.deepcopy(pod)
    for key, entries in patch["spec"].items():
        assert key in _BY_NAME
        for entry in entries:
            (found,) = [item for item in result["spec"][key] if item["name"] == entry["name"]]
            found.update(merge_patch(found, entry))
    return result


def server_side_apply(pod: dict[str, Any], configuration: dict[str, Any]) -> dict[str, Any]:
    """What is in the configuration is set; what it leaves out, and others own, stays."""
    assert (configuration["apiVersion"], configuration["kind"]) == ("v1", "Pod")
    assert configuration["metadata"] == {"name": pod["metadata"]["name"]}
    return strategic_merge(pod, {"spec": configuration["spec"]})
