"""Objects of any kind out of files, as ``kubectl create -f`` makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from podresize.cluster.api import Api
from podresize.errors import UsageError


def read_objects(file: Path) -> list[dict[str, Any]]:
    """Return the objects of a YAML file. Raises ``UsageError`` for one that holds none."""
    try:
        found = [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _wrong(" ".join(str(error).split()), file) from None
    for each in found:
        if not isinstance(each, dict) or not {"apiVersion", "kind", "metadata"} <= each.keys():
            raise _wrong("an object has apiVersion, kind and metadata", file)
    if not found:
        raise _wrong("it is empty", file)
    return found


def create_object(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    """Create an object without a namespace, and return it as stored. Raises ``ApiError``."""
    return api.request("POST", path=collection_path(body), body=body).accepted()


def collection_path(body: dict[str, Any]) -> str:
    """Return where objects of this kind are: in the plural, by the rule of kubectl's fallback.

    ``meta.UnsafeGuessKindToResource`` (apimachinery) knows the same three endings.
    """
    kind = body["kind"].lower()
    if kind.endswith("y"):
        plural = f"{kind[:-1]}ies"
    else:
        plural = f"{kind}es" if kind.endswith("s") else f"{kind}s"
    root = "apis" if "/" in body["apiVersion"] else "api"
    return f"/{root}/{body['apiVersion']}/{plural}"


def _wrong(why: str, file: Path) -> UsageError:
    return UsageError(
        "a manifest cannot be read",
        value=f"{file}: {why}",
        origin="--manifest",
        causes=("a typing error in the path", "the file is no manifest"),
        next_command=f"head {file}",
    )
