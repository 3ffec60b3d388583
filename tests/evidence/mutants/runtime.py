"""What the judges of runtime must catch."""

from __future__ import annotations

from tests.evidence.mutants.spoiling import (
    C01,
    C1,
    V134,
    Mutant,
    api,
    cri,
    kernel,
    old_again,
    status_of,
)

from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change

PD02 = {"kubernetes": "1.37.2", "kubelet": "1.37.2", "runtime_version": "1.6.8", "filled": True}

MUTANTS: list[Mutant] = [
    ("CRI-03", {}, "silent", cri(lambda data: data.update(resources=None), -1)),
    ("CRI-03", {}, "quota", cri(lambda data: data["resources"].update(cpu_quota="20000"))),
    ("CRI-03", {}, "shares", cri(lambda data: data["resources"].update(cpu_shares="204"))),
    ("CRI-03", V134, "memory", cri(lambda data: data["resources"].update(memory_limit_in_bytes=1))),
    ("CRI-02", {}, "silent-at-first", cri(lambda data: data.update(resources=None), -1)),
    ("CRI-02", {}, "other-shares", cri(lambda data: data["resources"].update(cpu_shares="2"), -1)),
    ("CRI-05", {}, "period", cri(lambda data: data["resources"].update(cpu_period="50000"))),
    ("CRI-05", {}, "cpuset", cri(lambda data: data["resources"].update(cpuset_cpus="0-1"))),
    (
        "CRI-05",
        V134,
        "huge-pages",
        cri(lambda data: data["resources"].update(hugepage_limits={"2MB": 0})),
    ),
    ("CRI-05", {}, "silent", cri(lambda data: data.update(resources=None))),
    ("CRI-06", {}, "half-of-cpu", cri(lambda data: data["resources"].update(cpu_shares="204"))),
    ("CRI-06", {}, "third", cri(lambda data: data["resources"].update(memory_limit_in_bytes=1))),
    ("CRI-06", {}, "back", old_again(Witness.CRI, C1)),
    ("CRI-06", V134, "silent", cri(lambda data: data.update(resources=None))),
    (
        "CRI-07",
        {"change": Change(memory="+1000001")},
        "in-pages",
        cri(lambda data: data["resources"].update(memory_limit_in_bytes=68108288)),
    ),
    ("CRI-07", {}, "other-quota", cri(lambda data: data["resources"].update(cpu_quota="31000"))),
    ("CRI-07", {}, "silent", cri(lambda data: data.update(resources=None))),
    ("CRI-09", PD02, "reports", cri(lambda data: data.update(resources={"cpu_shares": 1}), -1)),
    ("CRI-09", PD02, "kernel", kernel("pod", "cpu.shares", "2")),
    (
        "CRI-09",
        PD02,
        "not-filled",
        api(lambda pod: status_of(pod)["resources"]["limits"].update(cpu="200m"), 1),
    ),
    ("CRI-09", C01, "reports", cri(lambda data: data.update(resources={"cpu_shares": 1}))),
    ("CRI-09", C01, "kernel", kernel(C1, "cpu.shares", "204")),
    ("CRI-09", C01, "clears", api(lambda pod: pod["status"].pop("resize", None), 60)),
    (
        "CRI-09",
        C01,
        "follows",
        api(lambda pod: status_of(pod)["resources"]["limits"].update(cpu="300m"), 60),
    ),
    (
        "CRI-09",
        C01,
        "not-allocated",
        api(lambda pod: status_of(pod)["allocatedResources"].update(cpu="200m")),
    ),
    ("CRI-09", C01, "not-watched", lambda resize: setattr(resize, "ended", 50.0)),
]
