"""Giving a registry an image from an archive: the push of the OCI distribution specification.

An engine's own push goes through the engine, which would have to trust the registry first; an
archive of podresize is an OCI image layout, whose blobs are what a registry wants.
"""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import httpx

from podresize.errors import HarnessError, UsageError

_SECONDS = 120.0
# The grammar of names and tags of the distribution specification.
_NAME = re.compile(
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def push(base: str, archive: Path, repository: str, tag: str) -> str:
    """Push the one image of an OCI archive and return its manifest's digest (``sha256:...``).

    ``base`` is the registry's address, ``http://host:port``. The image is held in memory. Raises
    ``UsageError`` for a name that no registry takes or a file that is no such archive,
    ``HarnessError`` where the registry refuses.
    """
    for text, pattern, what in ((repository, _NAME, "repository"), (tag, _TAG, "tag")):
        if not pattern.fullmatch(text):
            raise UsageError(
                f"this is not the name of a {what}",
                value=text,
                origin=what,
                causes=("lower case, digits and single separators", "no registry's host in it"),
            )
    try:
        with tarfile.open(archive) as layout:
            described = json.loads(_read(layout, "index.json"))["manifests"][0]
            manifest = _blob(layout, described)
            parsed = json.loads(manifest)
            blobs = {
                each["digest"]: _blob(layout, each)
                for each in (*parsed["layers"], parsed["config"])
            }
    except (OSError, tarfile.TarError, KeyError, IndexError, ValueError) as error:
        raise UsageError(
            "this is not an archive of an OCI image",
            value=str(archive),
            origin=str(error) or type(error).__name__,
            causes=("the file is a docker save of an old engine", "it was cut off"),
            next_command="podresize artifacts get images",
        ) from error
    try:
        with httpx.Client(base_url=base, timeout=_SECONDS, trust_env=False) as client:
            for digest, data in blobs.items():
                _give(client, repository, digest, data)
            answer = client.put(
                f"/v2/{repository}/manifests/{tag}",
                content=manifest,
                headers={"Content-Type": described["mediaType"]},
            )
            _check(answer)
    except httpx.HTTPError as error:
        raise HarnessError(
            "the registry does not take an image",
            value=f"{repository}:{tag}",
            origin=base,
            causes=(str(error), "the registry's container has ended"),
            next_command="docker ps --all",
        ) from error
    return str(described["digest"])


def _give(client: httpx.Client, repository: str, digest: str, data: bytes) -> None:
    if client.head(f"/v2/{repository}/blobs/{digest}").status_code == httpx.codes.OK:
        return
    begun = client.post(f"/v2/{repository}/blobs/uploads/")
    _check(begun)
    place = client.base_url.join(begun.headers["Location"])
    _check(
        client.put(
            place.copy_merge_params({"digest": digest}),
            content=data,
            headers={"Content-Type": "application/octet-stream"},
        )
    )


def _check(answer: httpx.Response) -> None:
    if not answer.is_success:
        raise httpx.HTTPStatusError(
            f"{answer.status_code} {answer.text[:200]}", request=answer.request, response=answer
        )


def _blob(layout: tarfile.TarFile, described: dict[str, Any]) -> bytes:
    return _read(layout, "blobs/" + str(described["digest"]).replace(":", "/"))


def _read(layout: tarfile.TarFile, name: str) -> bytes:
    found = layout.extractfile(name)
    if found is None:
        raise KeyError(f"{name} is no file")
    return found.read()
