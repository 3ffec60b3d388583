"""The legal course of a resize in the API, by version."""

from __future__ import annotations

from collections.abc import Sequence

from podresize.oracle.admission import V1_32, V1_33
from podresize.oracle.model import ContainerExpectation, Progress, ProgressStyle
from podresize.oracle.resources import lists_equal
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

DONE = ""
PROPOSED = "Proposed"
IN_PROGRESS = "InProgress"


def progress(
    fingerprint: Fingerprint, containers: Sequence[ContainerExpectation], *, accepted: bool
) -> Progress:
    """Return what the API may and must show of a resize that fits the node.

    * 1.27 to 1.31: Proposed, InProgress, then empty, all seen; a change of limits alone shows
      nothing, since both components compare requests only (ST-01, ST-02, ST-03).
    * 1.32: as above for any change of a container that has requests; InProgress may pass between
      two writes of the status and need not be seen (ST-13).
    * 1.33 and later: the condition PodResizeInProgress may be seen and is gone at the end (ST-11).
    """
    version = parse_release(fingerprint.kubernetes)
    style = ProgressStyle.CONDITIONS if version >= V1_33 else ProgressStyle.RESIZE_FIELD
    changed = [item for item in containers if item.is_changed]
    if not accepted or not changed:
        return Progress(style=style, chain=(DONE,), required=())
    if version >= V1_33:
        return Progress(style=style, chain=(DONE, IN_PROGRESS, DONE), required=())
    full = (DONE, PROPOSED, IN_PROGRESS, DONE)
    if version >= V1_32:
        if any(item.after["requests"] for item in changed):
            return Progress(style=style, chain=full, required=(PROPOSED,))
        return Progress(style=style, chain=(DONE, IN_PROGRESS, DONE), required=())
    if any(not lists_equal(item.before["requests"], item.after["requests"]) for item in changed):
        return Progress(style=style, chain=full, required=(PROPOSED, IN_PROGRESS))
    return Progress(style=style, chain=(DONE,), required=())
