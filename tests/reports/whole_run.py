"""A run whose verdicts follow from its evidence: a resize of a cluster's pod, and claims."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.evidence.conftest import build
from tests.reports import records_builder

import podresize
from podresize.evidence.claim_judging import judge
from podresize.evidence.claims import Claim
from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.requirements.loader import load_catalogue

CHECK = "suites/x.py::test_x"
ASKED = ("ST-21", "KL-30")


def records(*, silent: bool = False, holds: bool = True) -> list[dict[str, Any]]:
    """Return the records: ``silent`` is a runtime that reports nothing; a claim that ``holds``."""
    resize = build(silent=silent)
    fingerprint = resize.expectation.fingerprint
    label = str(fingerprint)
    claim = Claim(requirement="API-30", what="the code", got=422 if holds else 201, want=422)
    timeline = resize.timeline.to_json() | {
        "check": CHECK,
        "target": label,
        "expectation": resize.expectation.to_json(),
    }
    judged = verify(resize.timeline, resize.expectation, ASKED)
    said = [(each, str(timeline["id"])) for each in judged]
    said.append((judge("API-30", [claim], fingerprint, check=CHECK), None))  # type: ignore[arg-type]
    verdicts = [
        _verdict(each.requirement, each.kind, label, each.reading)
        | {"deviation": each.deviation, "timeline": id_, "text": each.text}
        for each, id_ in said
    ]
    verdicts.append(_verdict("ST-40", VerdictKind.UNSUPPORTED, label, "no such version"))
    counts = dict(Counter(str(each["verdict"]) for each in verdicts))
    return [
        records_builder.run_record(
            version=podresize.__version__,
            options={"profiles": [], "requirements": [*ASKED, "API-30", "ST-40"]},
        ),
        {"type": "target", "target": label, "fingerprint": fingerprint.to_json(), "notes": []},
        timeline,
        {"type": "claims", "check": CHECK, "target": label, "claims": [claim.to_json()]},
        *verdicts,
        records_builder.end_record(counts=counts),
    ]


def write(out: Path, seen: list[dict[str, Any]]) -> Path:
    """Write the records of a run into its directory, with the log of a component."""
    log = out / "logs" / "one" / "kubelet.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    records_builder.write(out / "records.jsonl", seen)
    log.write_text("the kubelet said something\n")
    return out


def _verdict(id_: str, kind: VerdictKind, target: str, reading: str) -> dict[str, Any]:
    known = load_catalogue().requirement(id_)
    return VerdictRecord(
        requirement=id_,
        level=str(known.level),
        title=known.title,
        clause=known.clause,
        check=CHECK,
        verdict=kind,
        reading=reading,
        target=target,
        seconds=1.0,
    ).to_json()
