"""Several changes of one pod, one after the other: what must be seen of all of them together.

Between the first and the last the node may take up each of the values that were asked for, or skip
it: the last write before the allocation wins (KL-01). What counts is where it ends.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from podresize.oracle import admission
from podresize.oracle.change import Change
from podresize.oracle.deadlines import SYNC_JITTER, follows_the_sync
from podresize.oracle.edit import Edit, wanted
from podresize.oracle.expectation import Expectation, expectation
from podresize.oracle.model import Passing, Progress
from podresize.oracle.question import question
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.requirements.loader import Catalogue
from podresize.requirements.target import Fingerprint

Series = Sequence[Change | Edit]


def series_expectation(
    pod: dict[str, Any],
    changes: Series,
    fingerprint: Fingerprint,
    *,
    surroundings: Surroundings = NOTHING_KNOWN,
    catalogue: Catalogue | None = None,
) -> Expectation:
    """Return what must be seen when the changes are asked of the pod in this order.

    Each change counts from what the one before it left in the spec. The containers, cgroups and
    runtime numbers are those before the first and after the last accepted one; ``passing`` holds
    the others. Any course of the progress signal that the changes could have one after the other
    is legal, and none of it must be seen. Raises ``UsageError`` as ``expectation`` does,
    ``ValueError`` for no change at all.
    """
    if not changes:
        raise ValueError("a series of changes has at least one")
    current = pod
    stages: list[Expectation] = []
    for change in changes:
        stage = expectation(
            current, change, fingerprint, surroundings=surroundings, catalogue=catalogue
        )
        stages.append(stage)
        admitted = admission.admit(current, wanted(current, change), fingerprint, surroundings)
        current = pod | {"spec": admitted.pod["spec"], "metadata": _next(current, stage)}
    whole = expectation(
        pod,
        _edit(pod, current, changes),
        fingerprint,
        surroundings=surroundings,
        catalogue=catalogue,
    )
    return dataclasses.replace(
        whole,
        answer=stages[0].answer,
        generation=stages[-1].generation,
        progress=Progress(
            style=whole.progress.style,
            chain=tuple(value for stage in stages for value in stage.progress.chain),
            required=(),
        ),
        deadline=max(stage.deadline for stage in [whole, *stages]) + _one_more_sync(fingerprint),
        passing=tuple(_passing(stage) for stage in stages[:-1]),
        # Whether those in between are enacted, and told of, is the kubelet's to choose.
        events=(),
        metrics=(),
        question=question(pod, tuple(changes), surroundings, is_series=True),
    )


def _one_more_sync(fingerprint: Fingerprint) -> float:
    """Return the time in which the status catches up with a change that overtook another.

    Seen on 1.27.4: the sync after a quick revert writes what it had seen of the container before
    the revert, and the next one mends it.
    """
    return SYNC_JITTER * fingerprint.sync_seconds if follows_the_sync(fingerprint) else 0.0


def _next(pod: dict[str, Any], stage: Expectation) -> dict[str, Any]:
    metadata: dict[str, Any] = pod["metadata"]
    return metadata if stage.generation is None else metadata | {"generation": stage.generation}


def _edit(old: dict[str, Any], new: dict[str, Any], changes: Series) -> Edit:
    """Return the edit that does at once what the changes do one after the other."""
    operations = tuple(
        {
            "op": "add",
            "path": f"/spec/{key}/{index}/resources",
            "value": container.get("resources") or {},
        }
        for key in ("containers", "initContainers")
        for index, container in enumerate(new["spec"].get(key) or ())
        if container.get("resources") != old["spec"][key][index].get("resources")
    )
    return Edit(name=" then ".join(map(str, changes)), operations=operations)


def _passing(stage: Expectation) -> Passing:
    return Passing(
        accepted=stage.answer.accepted,
        asked={item.name: item.asked for item in stage.containers},
        after={item.name: item.after for item in stage.containers},
        runtime={item.name: item.runtime_after for item in stage.containers},
        cgroups=stage.cgroups_after,
    )
