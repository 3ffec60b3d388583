"""Readings and witnesses of an OCI runtime alone: nothing blames or quotes a CRI runtime."""

from __future__ import annotations

import dataclasses

import pytest
from tests.evidence.updates.seen import BEFORE, GOOD, KERNEL, STATUS, after
from tests.oracle.test_container_update import V1

from podresize.evidence.updates.claims import CLAIMS
from podresize.evidence.updates.update import Answer, Update
from podresize.evidence.updates.witnesses import phrases
from podresize.requirements.runtime_target import NO_RUNTIME

ALONE = dataclasses.replace(V1, runtime=NO_RUNTIME, runtime_version=NO_RUNTIME, cri_version="")
DONE = after(GOOD, status=None, spec=None)
SILENT = dataclasses.replace(DONE, before=dataclasses.replace(BEFORE, status=None, spec=None))
FORGOTTEN = after(SILENT, oci={"cpu_shares": 1024})
REFUSED = dataclasses.replace(
    SILENT, answer=Answer(code="UNKNOWN", message="device or resource busy")
)
LOST = after(SILENT, kernel=KERNEL)
MOVED = after(SILENT, kernel=SILENT.after.kernel | {"memory.swappiness": "5"})
AROUND = after(SILENT, around={"the pod's cgroup": {"cpu.shares": "2"}})
RESTARTED = after(SILENT, process={"pid": 8, "start_ticks": 90})


def readings(update: Update, *ids: str) -> list[str]:
    found = [claim for id_ in ids for claim in CLAIMS[id_](id_, update, ALONE) if not claim.holds]
    assert found
    return [claim.reading for claim in found]


@pytest.mark.parametrize(
    ("update", "ids"),
    [
        (FORGOTTEN, ("RT-13",)),
        (FORGOTTEN, ("RT-14",)),
        (LOST, ("RT-01", "RT-04", "RT-09")),
        (dataclasses.replace(LOST, after=dataclasses.replace(LOST.after, oci=STATUS)), ("RT-01",)),
        (REFUSED, ("RT-01", "RT-21")),
        (SILENT, ("RT-20",)),
        (MOVED, ("RT-14",)),
        (AROUND, ("RT-16",)),
        (RESTARTED, ("RT-17",)),
    ],
)
def test_whatever_is_wrong_is_the_oci_runtimes(update: Update, ids: tuple[str, ...]) -> None:
    for reading in readings(update, *ids):
        assert reading.startswith("At fault is the OCI runtime, which"), reading
        assert "CRI runtime" not in reading


def test_what_cri_would_say_is_no_witness() -> None:
    assert phrases(SILENT, ALONE).keys() == {"client", "oci", "kernel"}
    assert phrases(GOOD, V1).keys() == {"client", "cri", "spec", "oci", "kernel"}
