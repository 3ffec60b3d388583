"""What was detected on a target of a run, as the engine's own value."""

from __future__ import annotations

from typing import Any

from podresize.requirements.matching import AnyFingerprint
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize.requirements.target import Fingerprint
from podresize_reports.loading import Run


def fingerprint_of(run: Run, label: str) -> AnyFingerprint | None:
    """Return what was detected on a target of the run; None where its record does not say."""
    raw: dict[str, Any] = next(
        (target.fingerprint for target in run.targets if target.label == label), {}
    )
    kind = Fingerprint if "kubernetes" in raw else RuntimeFingerprint
    try:
        return kind.from_json(raw)
    except (TypeError, ValueError):
        return None
