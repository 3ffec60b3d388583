"""The Go source that podresize carries: of what it runs in pods, in containers and in guests."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable


def go_source(directory: str) -> dict[str, bytes]:
    """Return the Go files and go.mod of a directory beside this file by relative path, sorted.

    Its tests are left out. Empty where there is no such directory.
    """
    found: dict[str, bytes] = {}

    def collect(place: Traversable, prefix: str) -> None:
        for item in place.iterdir():
            if item.is_dir():
                collect(item, f"{prefix}{item.name}/")
            elif item.name.endswith((".go", "go.mod")) and not item.name.endswith("_test.go"):
                found[f"{prefix}{item.name}"] = item.read_bytes()

    root = resources.files("podresize.artifacts") / directory
    if root.is_dir():
        collect(root, "")
    return dict(sorted(found.items()))
