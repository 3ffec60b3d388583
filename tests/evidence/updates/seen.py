"""An update as a good runtime does it, for tests that change one thing about it."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.oracle.test_container_update import MIB, V1

from podresize.evidence.claims import Claim
from podresize.evidence.updates.claims import CLAIMS
from podresize.evidence.updates.update import Answer, Snapshot, Update

STATUS = {
    "cpu_shares": 512,
    "cpu_quota": 50_000,
    "cpu_period": 100_000,
    "memory_limit_in_bytes": 128 * MIB,
    "memory_swap_limit_in_bytes": 128 * MIB,
}
KERNEL = {
    "cpu.shares": "512",
    "cpu.cfs_quota_us": "50000",
    "cpu.cfs_period_us": "100000",
    "cpuset.cpus": "0-1",
    "memory.limit_in_bytes": str(128 * MIB),
    "memory.memsw.limit_in_bytes": str(128 * MIB),
    "memory.swappiness": "60",
}
BEFORE = Snapshot(
    state="CONTAINER_RUNNING",
    started_at=1,
    status=STATUS,
    spec=STATUS,
    oci=STATUS,
    kernel=KERNEL,
    around={"the pod's cgroup": {"cpu.shares": "1024"}},
    process={"pid": 7, "start_ticks": 70},
    oom_score_adj=0,
)
ASKED = {"cpu_shares": 1024, "memory_limit_in_bytes": 192 * MIB}
_DONE = {
    "cpu_shares": 1024,
    "memory_limit_in_bytes": 192 * MIB,
    "memory_swap_limit_in_bytes": 192 * MIB,
}
GOOD = Update(
    container="c",
    asked=ASKED,
    before=BEFORE,
    answer=Answer(code="OK"),
    after=dataclasses.replace(
        BEFORE,
        status=STATUS | _DONE,
        spec=STATUS | _DONE,
        oci=STATUS | _DONE,
        kernel=KERNEL
        | {
            "cpu.shares": "1024",
            "memory.limit_in_bytes": str(192 * MIB),
            "memory.memsw.limit_in_bytes": str(192 * MIB),
        },
    ),
)
REFUSED = dataclasses.replace(
    GOOD, answer=Answer(code="UNKNOWN", message="runc did not terminate"), after=BEFORE
)
REPEATED = dataclasses.replace(GOOD, before=GOOD.after)


def after(update: Update, **changes: Any) -> Update:
    """Return the update with another end."""
    return dataclasses.replace(update, after=dataclasses.replace(update.after, **changes))


def broken(update: Update, *ids: str) -> dict[str, list[Claim]]:
    """Return by requirement the claims that do not hold, of these or of all that speak."""
    found: dict[str, list[Claim]] = {}
    for id_ in ids or CLAIMS:
        wrong = [claim for claim in CLAIMS[id_](id_, update, V1) if not claim.holds]
        if wrong:
            found[id_] = wrong
    return found
