"""Each catalogued deviation of a runtime alone: what it explains, and what it does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.evidence.updates.seen import BEFORE, GOOD
from tests.evidence.updates.stacks import (
    ALONE,
    CRUN,
    MOVED,
    OLD,
    OLD_RUNC,
    OTHER,
    RUNC,
    SYSTEMD,
    V2,
    explained,
)
from tests.evidence.updates.test_refusal_deviations import CASES as OF_REFUSALS
from tests.oracle.test_container_update import MIB, V1
from tests.targets import TARGET

from podresize.evidence.claim_signatures import explanation
from podresize.evidence.claims import Claim
from podresize.evidence.updates.claims import CLAIMS
from podresize.oracle.container_update import files_after
from podresize.requirements.loader import load_catalogue

LISTED = "how many limits of huge pages are in the OCI specification"
STATE = "what was not asked for in the OCI runtime's state"
LACKS = "what the kernel lacks of what was granted last"
WHAT_IS_LOST = [
    "the kernel's cpu.shares is '512', expected '1025'",
    "the kernel's cpu.cfs_quota_us is '50000', expected '80000'",
    "the kernel's memory.limit_in_bytes is '134217728', expected '201326592'",
]

CASES: list[tuple[str, str, dict[str, Any], str, Any, Any]] = [
    ("C-01", "RT-11", OLD, "cpu_shares in the runtime's ContainerStatus", None, 5),
    (
        *("C-01", "RT-10", OLD),
        *("cpu_quota in the runtime's ContainerStatus, as created (CONTAINER_CREATED)", None, 5),
    ),
    ("PD-50", "RT-28", {}, LACKS, WHAT_IS_LOST, []),
    (
        *("PD-53", "RT-02", CRUN, "the answer to the update of c1 (cpu_quota -1)"),
        *("UNKNOWN: writing file: Numerical result out of range", "OK"),
    ),
    (
        *("PD-54", "RT-20", CRUN, "whether the update of c1 (cpu_shares 300000) was refused"),
        *(False, True),
    ),
    (
        *("PD-54", "RT-22", CRUN),
        *("the kernel's cpu.shares, of which the runtime reports cpu_shares 1", "2", "1"),
    ),
    (
        *("PD-55", "RT-20", CRUN),
        *("whether the update of c1 (unified {'memory.high': '1'}) was refused", False, True),
    ),
    ("PD-56", "RT-08", {}, "the first process's oom_score_adj", 0, 500),
    (
        *("PD-57", "RT-20", {}),
        *("whether the update of c1 (hugepage_limits {'2MB': 4}) was refused", False, True),
    ),
    ("PD-57", "RT-06", {}, LISTED, 0, 1),
    ("PD-57", "RT-06", {}, "the limits that are reported", None, {"2MB": 4}),
    ("PD-57", "RT-06", CRUN | {"cgroup_version": 2}, "the kernel's hugetlb.2MB.max", "max", "4"),
    ("C-04", "RT-06", {}, LISTED, 2, 1),
    (
        *("PD-58", "RT-19", {}, "the code of the answer", "UNKNOWN"),
        ["NOT_FOUND", "INVALID_ARGUMENT"],
    ),
]


CASES += [
    *(
        (id_, requirement, runtime | ALONE, what, {}, {"cpu_quota": 5})
        for id_, runtime in (("PD-59", OLD_RUNC), ("PD-79", RUNC))
        for requirement, what in (
            ("RT-14", STATE),
            ("RT-15", "the OCI runtime's state after the update of c1 (no field)"),
        )
    ),
    (
        *("PD-60", "RT-20", RUNC | ALONE),
        *("whether the update of c1 (hugepage_limits {'2MB': 4}) was refused", False, True),
    ),
    ("PD-60", "RT-06", RUNC, "the kernel's hugetlb.2MB.limit_in_bytes", "6291456", "8388608"),
    ("PD-66", "RT-33", RUNC | ALONE, "how many of them every witness has as a whole", 0, 1),
]

RUNSC = {"oci_runtime": "runsc", "oci_runtime_version": "0.0.0-20260905035102-160fafc42237"}
CASES += [
    ("PD-61", "RT-01", RUNSC, "the kernel's cpu.shares", "1024", "256"),
    ("PD-61", "CRI-01", RUNSC, "the kernel's cpu.cfs_quota_us", "-1", "80000"),
    ("PD-61", "RT-33", RUNSC, "how many of them the kernel has as a whole", 0, 1),
    (
        *("PD-61", "RT-22", RUNSC),
        *("the kernel's cpu.cfs_quota_us, of which the runtime reports cpu_quota 5", "-1", "5"),
    ),
    (
        *("PD-62", "RT-26", RUNSC | ALONE, "the answer to the update of c1 (cpu_shares 5)"),
        *('UNKNOWN: cannot set resources for container "x" in state paused', "OK"),
    ),
    (
        *("PD-63", "RT-05", RUNSC | ALONE),
        "the answer to the update of c1 (memory_limit_in_bytes 5, memory_swap_limit_in_bytes 5)",
        *("UNKNOWN: write /x/memory.limit_in_bytes: invalid argument", "OK"),
    ),
    (
        *("PD-64", "RT-20", RUNSC | ALONE, "whether the update of c1 (cpu_shares 1) was refused"),
        *(False, True),
    ),
    ("PD-65", "RT-24", RUNSC | ALONE, "whether it was refused", False, True),
]


LOWERED = (
    "settings that changed though the update of c1 (memory_limit_in_bytes 33554432) was refused"
)
GONE = {"cpu.max": ["50000 100000", None], "hugetlb.1GB.max": ["max", None]}
CRUN_SYSTEMD = SYSTEMD | {"oci_runtime": "crun", "oci_runtime_version": "1.21"}
SWAP = "memory_swap_limit_in_bytes 268435456"
BOTH = f"memory_limit_in_bytes 134217728, {SWAP}"
NO_SWAP = "UNKNOWN: unable to set swap limit without memory limit"
FORGOTTEN = {"cpu.max": ["max 200000", "max 100000"]}
CASES += [
    ("R-01", "RT-23", RUNC | V2, LOWERED, GONE, {}),
    ("R-01", "RT-21", CRUN | V2, LOWERED, GONE, {}),
    ("R-02", "RT-02", CRUN_SYSTEMD, "the kernel's cpu.max", "1000 100000", "max 100000"),
    ("R-05", "RT-14", RUNC | ALONE | SYSTEMD, MOVED, FORGOTTEN, {}),
    *(
        (
            *("PD-73", "RT-05", runtime | ALONE | V2),
            f"the answer to the update of c1 ({SWAP})",
            *(f"UNKNOWN: {text}", "OK"),
        )
        for runtime, text in (
            (OLD_RUNC, 'level=error msg="unable to set swap limit without memory limit"'),
            (CRUN, "cannot set swap limit without the memory limit"),
        )
    ),
]


OLD_KUBERNETES = {"kubernetes": "1.27.4", "kubelet": "1.27.4"}
CASES.append(
    (
        *("PD-13", "KL-05", OLD_KUBERNETES, "how its next run began"),
        'StartError: failed to write "15000": write /x/cpu.cfs_quota_us: invalid argument: unknown',
        "started",
    )
)

HOLDS = "what does not hold what was granted"
POD_STAYS = ["pod memory.limit_in_bytes: 134217728"]
CASES.append(("PD-80", "PR-23", OLD_KUBERNETES, HOLDS, POD_STAYS, []))

OLD_SYSTEMD = OLD_KUBERNETES | {"cgroup_driver": "systemd"}
CASES += [
    (
        *("K-20", "PR-61", OLD_SYSTEMD),
        "what a daemon-reload after the resize made of the limits of the pod",
        *({"cpu.max": ["5 100", "6 100", "5 100"]}, {"cpu.max": ["5 100", "6 100", "6 100"]}),
    ),
    (
        *("PD-72", "PR-64", OLD_SYSTEMD | V2 | RUNC),
        "what a daemon-reload after the resize made of the limit of swap of container c1",
        *({"memory.swap.max": ["0", "0", "max"]}, {"memory.swap.max": ["0", "0", "0"]}),
    ),
    (
        *("PD-74", "PR-65", SYSTEMD | RUNC | {"kubernetes": "1.37.2"}),
        "what a daemon-reload before the resize made of the end as a whole of container c1",
        *({"memory.oom.group": ["1", "0"]}, {"memory.oom.group": ["1", "1"]}),
    ),
    (
        *("PD-75", "PR-62", SYSTEMD | {"kubernetes": "1.33.13"}),
        "cpu.max of the pod before and after an update of memory alone",
        {"exact": "41700 100", "rounded": "42000 100", "seen": ["41700 100", "42000 100"]},
        {"exact": "41700 100", "rounded": "42000 100", "seen": ["41700 100", "41700 100"]},
    ),
    (
        *("R-03", "PR-62", OLD_SYSTEMD),
        "cpu.max of container c1 before and after an update of memory alone",
        {"exact": "41700 100", "rounded": "42000 100", "seen": ["41700 100", "42000 100"]},
        {"exact": "41700 100", "rounded": "42000 100", "seen": ["41700 100", "41700 100"]},
    ),
    (
        *("R-03", "PR-62", OLD_SYSTEMD),
        "cpu.max of container c1 before and after an update of memory alone",
        {"exact": "41700 100", "rounded": "42000 100", "seen": ["42000 100", "41700 100"]},
        {"exact": "41700 100", "rounded": "42000 100", "seen": ["42000 100", "42000 100"]},
    ),
]


@pytest.mark.parametrize(("deviation", "id_", "stack", "what", "got", "want"), CASES)
def test_what_it_explains_and_where(
    deviation: str, id_: str, stack: dict[str, Any], what: str, got: Any, want: Any
) -> None:
    claim = Claim(requirement=id_, what=what, got=got, want=want)

    assert explained(id_, stack, claim) == deviation
    assert explained(id_, OTHER, claim) is None
    assert explained(id_, stack, dataclasses.replace(claim, what="anything else")) is None


def test_all_that_have_such_a_signature_are_here() -> None:
    known = {item.id for item in load_catalogue().deviations.values() if item.shows}

    assert known == {case[0] for case in (*CASES, *OF_REFUSALS)}


@pytest.mark.parametrize(
    ("id_", "stack", "what", "got"),
    [
        # A report that is there and wrong is no silence.
        ("RT-11", OLD, "cpu_shares in the runtime's ContainerStatus", 4),
        ("KL-05", OLD_KUBERNETES, "how its next run began", "StartError: no such file"),
        ("KL-05", {"kubernetes": "1.37.2"}, "how its next run began", "StartError: x"),
        # It is the pod's cgroup alone, and no container's, that is forgotten.
        ("PR-23", OLD_KUBERNETES, HOLDS, [*POD_STAYS, "c1 cpu.shares: 51"]),
        ("PR-23", {"kubernetes": "1.37.2"}, HOLDS, POD_STAYS),
        # Half of an update is not one that was lost.
        ("RT-28", {}, LACKS, WHAT_IS_LOST[:1]),
        ("RT-19", {}, "the code of the answer", "OK"),
        # Neither the limit that was there nor none, neither all limits nor one too many.
        ("RT-06", RUNC, "the kernel's hugetlb.2MB.limit_in_bytes", "4194304"),
        ("RT-06", {}, "the limits that are reported", {"2MB": 6}),
        ("RT-06", {}, LISTED, 3),
        ("RT-06", RUNC | ALONE, LISTED, 2),
        # A report that is wrong after an update that was granted.
        ("RT-22", RUNC, "the kernel's cpu.shares, of which the runtime reports cpu_shares 7", "8"),
        ("RT-02", CRUN, "the answer to the update of c1 (cpu_quota 5)", "UNKNOWN: x"),
        # A container that ended is not one of which something is left.
        ("RT-23", RUNC | V2, LOWERED, GONE | {"memory.max": ["9", "5"]}),
        ("RT-23", RUNC | V2, "the answer to the update of c1 (memory_limit_in_bytes 5)", "UNKNOWN"),
        ("RT-23", RUNC, LOWERED, GONE),
        ("RT-21", RUNC | V2, LOWERED.replace("33554432", "-5"), GONE),
        # A quota that was there and went is not a period that was there without one.
        ("RT-14", RUNC | ALONE | SYSTEMD, MOVED, {"cpu.max": ["9 200000", "max 100000"]}),
        ("RT-14", RUNC | ALONE | SYSTEMD, MOVED, {"cpu.max": ["max 100000", "max 200000"]}),
        ("RT-14", RUNC | ALONE | SYSTEMD, MOVED, FORGOTTEN | {"cpu.weight": ["1", "2"]}),
        ("RT-14", RUNC | SYSTEMD, MOVED, FORGOTTEN),
        ("RT-14", RUNC | ALONE | V2, MOVED, FORGOTTEN),
        # Of swap beside memory nothing was lacking, nor is it on v1, nor behind a CRI runtime.
        ("RT-05", OLD_RUNC | ALONE | V2, f"the answer to the update of c1 ({BOTH})", NO_SWAP),
        ("RT-05", OLD_RUNC | ALONE, f"the answer to the update of c1 ({SWAP})", NO_SWAP),
        ("RT-05", OLD_RUNC | V2, f"the answer to the update of c1 ({SWAP})", NO_SWAP),
        # runc 1.2 takes it beside the limit that it stored.
        ("RT-05", RUNC | ALONE | V2, f"the answer to the update of c1 ({SWAP})", NO_SWAP),
        # A value that was made up is not one that was kept.
        ("RT-08", {}, "the first process's oom_score_adj", -999),
        ("RT-02", CRUN_SYSTEMD, "the kernel's cpu.max", "1000 100000"),
        # A kernel that has parts of two updates is not one whose state is of another.
        ("RT-33", RUNC | ALONE, "how many of them the kernel has as a whole", 0),
        # A value that somebody wrote is not one that nobody wrote.
        ("RT-01", RUNSC, "the kernel's cpu.shares", "257"),
        ("RT-22", RUNSC, "the kernel's cpu.shares, of which the runtime reports cpu_shares 5", "7"),
        ("RT-26", RUNSC | ALONE, "the answer to the update of c1 (cpu_shares 5)", "UNKNOWN: x"),
    ],
)
def test_what_is_near_and_something_else(
    id_: str, stack: dict[str, Any], what: str, got: Any
) -> None:
    assert explained(id_, stack, Claim(requirement=id_, what=what, got=got, want=0)) is None


FOLLOWS = [
    (
        *("PD-53", "RT-02", CRUN),
        ("the answer to the update of c1 (cpu_quota -1)", "x: Numerical result out of range", "OK"),
        ("the kernel's cpu.cfs_quota_us", "50000", "-1"),
    ),
    (
        *("PD-62", "RT-26", RUNSC | ALONE),
        (
            "the answer to the update of c1 (cpu_shares 5)",
            'UNKNOWN: cannot set resources for container "x" in state paused',
            "OK",
        ),
        ("the kernel's cpu.shares", "512", "5"),
    ),
    (
        *("PD-63", "RT-05", RUNSC | ALONE),
        (
            f"the answer to the update of c1 ({BOTH})",
            "UNKNOWN: write /x/memory.limit_in_bytes: invalid argument",
            "OK",
        ),
        ("the kernel's memory.memsw.limit_in_bytes", "9", "5"),
    ),
    (
        *("PD-65", "RT-24", RUNSC | ALONE),
        ("whether it was refused", False, True),
        (
            "what another container has",
            {"state": "CONTAINER_RUNNING", "kernel": {"cpu.shares": "1024"}},
            {"state": "CONTAINER_RUNNING", "kernel": {"cpu.shares": "512"}},
        ),
    ),
    (
        *("PD-73", "RT-05", OLD_RUNC | ALONE | V2),
        (
            f"the answer to the update of c1 ({SWAP})",
            "UNKNOWN: unable to set swap limit without memory limit",
            "OK",
        ),
        ("the kernel's memory.swap.max", "max", "5"),
    ),
]


@pytest.mark.parametrize(("deviation", "id_", "stack", "first", "then"), FOLLOWS)
def test_what_follows_is_nothing_by_itself(
    deviation: str,
    id_: str,
    stack: dict[str, Any],
    first: tuple[str, Any, Any],
    then: tuple[str, Any, Any],
) -> None:
    """The kernel's value of an update that was answered OK is no consequence of a refusal."""
    answer, kernel = (
        Claim(requirement=id_, what=what, got=got, want=want) for what, got, want in (first, then)
    )
    found = explanation(id_, [answer, kernel], dataclasses.replace(V1, **stack))

    assert found is not None
    assert found.id == deviation
    assert explained(id_, stack, kernel) is None


KEPT = {"cpu_shares": 9, "cpu_quota": 5, "cpu_period": 6, "memory_limit_in_bytes": 7}


def state(*lacking: str, **more: Any) -> Claim:
    """Return a claim of a state that lacks some of what it had, and has something else."""
    got = {name: value for name, value in KEPT.items() if name not in lacking} | more
    return Claim(requirement="RT-14", what=STATE, got=got, want=KEPT)


@pytest.mark.parametrize("runtime", [OLD_RUNC, RUNC])
@pytest.mark.parametrize(
    "claim",
    [
        state(cpu_quota=4),
        state("cpu_quota", "cpu_period", memory_limit_in_bytes=6),
        state("cpu_quota", "cpu_period", cpuset_cpus="1"),
        state(),
        dataclasses.replace(state(), got="a word"),
        dataclasses.replace(state(), want=KEPT | {"hugepage_limits": {"2MB": 4}}),
    ],
)
def test_what_runc_forgets_is_fields_that_are_gone_alone(
    runtime: dict[str, Any], claim: Claim
) -> None:
    assert explained("RT-14", runtime | ALONE, claim) is None


def test_a_later_runc_forgets_less() -> None:
    shares, quota = state("cpu_shares"), state("cpu_quota", "cpu_period")

    assert explained("RT-14", OLD_RUNC | ALONE, shares) == "PD-59"
    assert explained("RT-14", RUNC | ALONE, shares) is None
    assert explained("RT-14", OLD_RUNC | ALONE, quota) == "PD-59"
    assert explained("RT-14", RUNC | ALONE, quota) == "PD-79"
    assert explained("RT-14", RUNC, quota) is None


SPLIT_STATES = [
    ("R-05", RUNC | ALONE | SYSTEMD, FORGOTTEN),
    ("R-05", OLD_RUNC | ALONE | SYSTEMD, FORGOTTEN),
    ("PD-77", OLD_RUNC | ALONE | SYSTEMD, {"cpuset.cpus": ["", "0"]}),
]


@pytest.mark.parametrize(("deviation", "stack", "moved"), SPLIT_STATES)
def test_a_state_is_explained_by_what_became_of_the_kernel_and_as_far_as_it_is_that(
    deviation: str, stack: dict[str, Any], moved: dict[str, Any]
) -> None:
    kernel = Claim(requirement="RT-14", what=MOVED, got=moved, want={})

    assert explained("RT-14", stack, kernel, state("cpu_quota", "cpu_period")) == deviation
    assert explained("RT-14", stack, kernel, state(cpu_quota=4)) is None
    # By itself it is what runc forgets, where that can be.
    assert explained("RT-14", stack, state("cpu_quota", "cpu_period")) in ("PD-59", "PD-79")


def test_the_pods_quota_and_a_containers_may_be_rounded_in_one_check() -> None:
    """Of two deviations that it takes, the one that is no race is told."""
    exact, rounded = "41700 100", "42000 100"
    claims = [
        Claim(
            requirement="PR-62",
            what=f"cpu.max of {subject} before and after an update of memory alone",
            got={"exact": exact, "rounded": rounded, "seen": [exact, rounded]},
            want={"exact": exact, "rounded": rounded, "seen": [exact, exact]},
        )
        for subject in ("container c1", "the pod")
    ]
    stack: dict[str, Any] = SYSTEMD | {"kubernetes": "1.33.13", "oci_runtime": "runc"}
    both = dataclasses.replace(TARGET, **stack, oci_runtime_version="1.2.8")
    fixed = dataclasses.replace(both, oci_runtime_version="1.3.3")

    found = explanation("PR-62", claims, both)

    assert found is not None
    assert found.id == "PD-75"
    assert explanation("PR-62", claims, fixed) is None


def test_a_race_of_an_oci_runtime_is_none_behind_a_runtime_that_asks_in_turn() -> None:
    what = "how many of them every witness has as a whole"
    claim = Claim(requirement="RT-33", what=what, got=0, want=1)

    assert explained("RT-33", RUNC | ALONE, claim) == "PD-66"
    assert explained("RT-33", RUNC, claim) is None


def test_a_container_that_ended_is_none_that_was_updated_by_an_empty_id() -> None:
    granted = Claim(requirement="RT-24", what="whether it was refused", got=False, want=True)
    other = dataclasses.replace(granted, what="what another container has", got={"state": None})

    assert explained("RT-24", RUNSC | ALONE, granted) == "PD-65"
    assert explained("RT-24", RUNSC | ALONE, granted, other) is None


@pytest.mark.parametrize(("release", "version"), [("1.1.5", 1), ("1.1.5", 2), ("1.5.3", 2)])
def test_a_lost_update_has_the_texts_of_the_oracle(release: str, version: int) -> None:
    """The names of the files, the weights and the order are those of the check's own comparison."""
    found = dataclasses.replace(V1, cgroup_version=version, oci_runtime_version=release)
    had = {"cpu_shares": 512, "cpu_quota": 50_000, "memory_limit_in_bytes": 128 * MIB}
    asked = {"cpu_shares": 1024, "cpu_quota": 80_000, "memory_limit_in_bytes": 192 * MIB}
    kernel = {
        file: allowed[0].value
        for files in files_after(had, {}, found).values()
        for file, allowed in files.items()
    }
    before = dataclasses.replace(BEFORE, kernel=kernel)
    lost = dataclasses.replace(GOOD, asked=asked, before=before, after=before)
    lacks = [str(each) for each in CLAIMS["RT-09"]("RT-09", lost, found) if not each.holds]

    claim = Claim(requirement="RT-28", what=LACKS, got=lacks, want=[])
    half = dataclasses.replace(claim, got=lacks[1:])

    stack = {"cgroup_version": version, "oci_runtime_version": release}
    assert len(lacks) == 3
    assert explained("RT-28", stack, claim) == "PD-50"
    assert explained("RT-28", stack, half) is None


def test_the_fix_ends_it() -> None:
    fixed = {"oci_runtime": "crun", "oci_runtime_version": "1.8.4"}
    claim = Claim(requirement="RT-02", what="the kernel's cpu.cfs_quota_us", got="5", want="-1")

    assert explained("RT-02", fixed, claim) is None
