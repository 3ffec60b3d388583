"""What surrounds a good synthetic resize: generations, conditions in full, Events, metrics."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from packaging.version import Version

from podresize.evidence.timeline import Witness
from podresize.oracle.expectation import Expectation
from podresize.oracle.model import EventExpectation
from podresize.oracle.pod_level import pod_sums
from podresize.oracle.resources import REQUESTS
from podresize.requirements.target import Fingerprint

GOOD_SAMPLING = {"hertz": 249.0, "largest_gap": 0.02, "seconds": 61.0}


def number_pod(pod: dict[str, Any], target: Fingerprint) -> None:
    """Give the pod before the patch its first generation, where this release counts them."""
    if target.minor >= Version("1.33"):
        pod["metadata"]["generation"] = 1
        pod["status"]["observedGeneration"] = 1


def add_around(resize: Any) -> None:
    """Complete the states of the API, and add what the kubelet tells and counts."""
    wanted: Expectation = resize.expectation
    for item in resize.of(Witness.API):
        if item.t >= 0 and wanted.generation is not None:
            item.data["metadata"]["generation"] = wanted.generation
            if item.t >= 0.04:
                item.data["status"]["observedGeneration"] = wanted.generation
        for condition in item.data["status"].get("conditions") or ():
            if condition["type"].startswith("PodResize"):
                condition["observedGeneration"] = wanted.generation
                condition["lastTransitionTime"] = "2026-01-01T00:00:00Z"
                if condition["type"] == "PodResizePending":
                    condition["message"] = f"it is so: {wanted.why}"
        if wanted.fingerprint.minor >= Version("1.36") and wanted.answer.accepted:
            sums = pod_sums(wanted.containers)
            item.data["status"]["resources"] = sums
            item.data["status"]["allocatedResources"] = dict(sums[REQUESTS])
    for number, event in enumerate(wanted.events):
        resize.add(0.06 + number / 10, Witness.EVENT, "pod", event_data(event))
    _add_metrics(resize, wanted)


def event_data(event: EventExpectation, **changes: Any) -> dict[str, Any]:
    """Return the Event as the watch has it; ``changes`` replace keys of the JSON."""
    message = event.error
    if event.containers is not None:
        said: dict[str, Any] = {
            "containers": [
                {"name": name, "resources": resources}
                for name, resources in event.containers.items()
            ],
            "generation": event.generation,
            "error": event.error,
        }
        message = f"Pod resize: {json.dumps(said | changes)}"
    return {"reason": event.reason, "type": event.type, "message": message, "count": 1}


def _add_metrics(resize: Any, wanted: Expectation) -> None:
    after: dict[str, dict[str, float]] = defaultdict(dict)
    for item in wanted.metrics:
        labels = ",".join(f'{name}="{value}"' for name, value in item.labels.items())
        after[item.component][f"{item.family}{{{labels}}}"] = 5 + item.by
    for component, series in after.items():
        before = dict.fromkeys(series, 5.0)
        resize.add(-0.2, Witness.METRIC, component, before)
        resize.add(resize.ended, Witness.METRIC, component, series)
