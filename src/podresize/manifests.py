"""Files that go to a cluster as they are: beside the source in a checkout, else installed."""

from __future__ import annotations

from pathlib import Path

import podresize
from podresize.errors import HarnessError


def manifests(subject: str) -> Path:
    """Return the directory, or the file, of ``manifests/`` that has this name.

    Raises ``HarnessError`` where the installation lacks it.
    """
    root = Path(podresize.__file__).parent
    for place in (root.parents[1] / "manifests", root.parent / "podresize_manifests"):
        if (place / subject).exists():
            return place / subject
    raise HarnessError(
        "the manifests are not installed with podresize",
        value=str(root),
        next_command="pip install --force-reinstall podresize",
    )
