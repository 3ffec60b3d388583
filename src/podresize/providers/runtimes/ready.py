"""When a containerd that was started for a run takes calls and has what it needs for containers."""

from __future__ import annotations

import time
from typing import Any

from podresize.artifacts.images import PAUSE, WORKLOAD
from podresize.cri.client import CriError, RuntimeClient
from podresize.errors import HarnessError
from podresize.providers.child import Supervisor

# containerd listens before its CRI service is initialised; a loaded host took 5 s for it.
_READY_SECONDS = 60.0
_LOOK_SECONDS = 0.02


def status_when_ready(
    cri: RuntimeClient, supervisor: Supervisor, *, slowness: float = 1.0
) -> dict[str, Any]:
    """Return the verbose status of a runtime that takes calls and knows the images.

    ``slowness`` is how many times as long as on this host it may take. Raises ``CriError``, and
    ``HarnessError`` where images do not come.
    """
    seconds = _READY_SECONDS * slowness
    deadline = time.monotonic() + seconds
    cri.wait_connected(seconds=seconds)
    while True:
        try:
            info = cri.status_info()
            # The CRI side hears of an import by an event of its own.
            missing = [image for image in (PAUSE, WORKLOAD) if not cri.has_image(image)]
        except CriError:
            if time.monotonic() > deadline or supervisor.has_ended:
                raise
        else:
            if not missing:
                return info
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"the CRI does not know images {seconds:.0f} s after they were imported",
                    value=", ".join(missing),
                )
        time.sleep(_LOOK_SECONDS)
