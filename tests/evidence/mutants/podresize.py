"""What the judges of podresize must catch."""

from __future__ import annotations

from tests.evidence.mutants.saying import V137, cleared_twice, events, other_event
from tests.evidence.mutants.spoiling import (
    C1,
    V134,
    Mutant,
    api,
    condition,
    count_falls,
    kernel_spike,
    late_kernel,
    old_again,
    status_of,
)

from podresize.evidence.timeline import Witness

MUTANTS: list[Mutant] = [
    ("PR-01", {}, "status-back", old_again(Witness.API, "pod")),
    ("PR-01", {}, "kernel-back", old_again(Witness.KERNEL, C1)),
    ("PR-01", {}, "pod-cgroup-back", old_again(Witness.KERNEL, "pod")),
    ("PR-01", {}, "runtime-back", old_again(Witness.CRI, C1)),
    ("PR-01", {}, "third-value", kernel_spike(C1, "cpu.shares", "2")),
    ("PR-01", {}, "count-falls", count_falls),
    ("PR-01", {}, "done-before-kernel", late_kernel),
    ("PR-10", {}, "unknown", api(lambda pod: pod["status"].update(resize="Ready"), 0.04)),
    ("PR-10", {}, "cleared", cleared_twice),
    ("PR-10", V134, "unknown", condition("PodResizePending", 0.04, "Perhaps")),
    (
        "PR-11",
        V137,
        "allocated",
        api(lambda pod: status_of(pod)["allocatedResources"].update(cpu="1m"), 20),
    ),
    (
        "PR-11",
        V137,
        "resources",
        api(lambda pod: status_of(pod)["resources"]["limits"].update(cpu="1m"), 20),
    ),
    ("PR-12", V137, "falls", api(lambda pod: pod["status"].update(observedGeneration=0), 20)),
    ("PR-12", V137, "ahead", api(lambda pod: pod["status"].update(observedGeneration=3), 20)),
    ("PR-13", V137, "other-resources", events(containers=[])),
    ("PR-13", V137, "other", other_event),
    ("PR-13", {}, "none-promised", other_event),
    ("PR-14", {}, "slow", lambda resize: resize.sampling.update(hertz=199.0)),
    ("PR-14", {}, "not-measured", lambda resize: setattr(resize, "sampling", None)),
]
