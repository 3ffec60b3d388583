"""Synthetic requests: question, answer and pod as a good apiserver would give them."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from podresize.evidence.timeline import Observation, Witness
from podresize.oracle.admission import admit
from podresize.oracle.change import Change
from podresize.oracle.edit import Edit, body, wanted
from podresize.oracle.expectation import Expectation, expectation
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.requirements.target import Fingerprint
from podresize.resizing.asking import How


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: what is asked for, how, of which pod, in which surroundings."""

    change: Change | Edit
    pod: dict[str, Any]
    how: How = dataclasses.field(default_factory=How)
    surroundings: Surroundings = NOTHING_KNOWN


def evidence(asked: Asked, target: Fingerprint) -> tuple[Expectation, list[Observation]]:
    """Return what is expected of the request, and the observations that show it."""
    before = copy.deepcopy(asked.pod)
    before["metadata"] |= {"generation": 1}
    how, around = asked.how, asked.surroundings
    around = dataclasses.replace(
        around, endpoint=how.endpoint, is_dry_run=how.dry_run, is_put=how.form == "put"
    )
    expected = expectation(before, asked.change, target, surroundings=around)
    in_earnest = dataclasses.replace(around, is_dry_run=False)
    stored = admit(before, wanted(before, asked.change), target, in_earnest).pod
    after = copy.deepcopy(before if how.dry_run else stored)
    if expected.generation is not None:
        after["metadata"]["generation"] = expected.generation
    request = {
        "method": "PUT" if how.form == "put" else "PATCH",
        "path": "/api/v1/namespaces/pr-1/pods/p" + expected.endpoint.removeprefix("pods"),
        "form": str(how.form),
        "dry_run": how.dry_run,
        "user": how.user,
        "body": body(before, asked.change, how.form),
    }
    answer: dict[str, Any] = {
        "code": expected.answer.code,
        "message": f"it says: {expected.answer.fragment}.",
        "reason": "",
        "causes": [{"reason": "NodeCapacity"}] if expected.answer.rule == "API-41" else [],
    }
    if expected.answer.accepted:
        answer["spec"] = copy.deepcopy(stored["spec"])
    seen = [
        (-0.1, Witness.API, before),
        (0.0, Witness.CLIENT, {"request": request}),
        (0.01, Witness.CLIENT, {"request": request, "answer": answer}),
        (0.02, Witness.API, after),
    ]
    return expected, [
        Observation(t=t, witness=witness, subject="pod", data=data) for t, witness, data in seen
    ]
