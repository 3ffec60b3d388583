"""Pod images that only some checks want: loaded into a running cluster when one does."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from podresize.artifacts.artifact import Component
from podresize.artifacts.store import get as get_artifact
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError
from podresize.providers.interface import ClusterHandle

# The archive of a JVM has 200 MB, which a loaded host writes twice.
_IMPORT_SECONDS = 300.0
_KNOWN_SECONDS = 30.0
_LOOK_SECONDS = 0.1


def load_image(handle: ClusterHandle, cri: RuntimeClient, *, name: str, archive: Path) -> None:
    """Import an archive into the runtime of the cluster's node, as its start does with others.

    Nothing is done where the runtime has the image. Raises ``HarnessError`` where it does not take
    it, and as ``artifacts.store.get`` for a cluster whose containerd is not in the cache any more.
    """
    if cri.has_image(name):
        return
    version = handle.fingerprint.runtime_version
    ctr = get_artifact(Component.CONTAINERD, version).files["ctr"]
    socket = cri.endpoint.removeprefix("unix://")
    command = [str(ctr), "-a", socket, "-n", "k8s.io", "images", "import", str(archive)]
    seconds = handle.fingerprint.patience(_IMPORT_SECONDS)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise _not_taken(name, f"not done within {seconds:.0f} s") from error
    if done.returncode != 0:
        raise _not_taken(name, done.stderr.strip())
    # The runtime's CRI side hears of the import by an event of its own.
    seconds = handle.fingerprint.patience(_KNOWN_SECONDS)
    end = time.monotonic() + seconds
    while not cri.has_image(name):
        if time.monotonic() > end:
            raise _not_taken(name, f"imported, and unknown to the CRI {seconds:.0f} s later")
        time.sleep(_LOOK_SECONDS)


def _not_taken(name: str, why: str) -> HarnessError:
    return HarnessError(
        "the runtime did not take a pod image",
        value=name,
        origin="ctr images import",
        causes=(why, "the disk is full", "the host is too busy"),
    )
