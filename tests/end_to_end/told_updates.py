"""What a run through a tap has in its verdicts: when an update was asked for and answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def check_told(out: Path) -> None:
    """Check the times of the updates of containers in the records of a run through a tap."""
    lines = (out / "records.jsonl").read_text().splitlines()
    records: list[dict[str, Any]] = [json.loads(line) for line in lines]
    facts = [each["facts"] for each in records if each["type"] == "verdict" and each.get("facts")]
    # A container that is started anew for its resize gets no update.
    granted = [each for each in facts if each.get("kernel", 0) > 0 and "asked" in each]
    assert granted
    for times in granted:
        # The kernel has the values before the runtime answers, and is read now and then.
        assert times["asked"] <= times["kernel"]
        assert times["kernel"] <= times["answered"] + times["sampling_gap"] + 0.1
        assert times["asked"] < times["answered"]
