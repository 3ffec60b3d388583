"""What the judges of times and of the end must catch."""

from __future__ import annotations

from tests.evidence.mutants.spoiling import (
    C1,
    V134,
    Mutant,
    answer_code,
    api,
    cri,
    kernel,
    late_kernel,
    spec_cpu,
    status_of,
)

MUTANTS: list[Mutant] = [
    ("KL-41", {}, "never", api(lambda pod: status_of(pod).update(resources={}))),
    ("KL-41", V134, "never", api(lambda pod: status_of(pod).update(resources={}))),
    ("KL-41", {}, "no-kernel", kernel(C1, "cpu.shares", "204")),
    ("PR-03", {}, "refused", answer_code(409)),
    ("PR-03", {}, "spec", spec_cpu("1")),
    ("PR-03", {}, "status", api(lambda pod: status_of(pod).update(resources={}), 60)),
    ("PR-03", {}, "runtime", cri(lambda data: data["resources"].update(cpu_shares="204"))),
    ("PR-03", {}, "runtime-silent", cri(lambda data: data.update(resources=None))),
    ("PR-03", {}, "kernel", kernel(C1, "cpu.shares", "204")),
    ("PR-03", {}, "pod-cgroup", kernel("pod", "cpu.shares", "204")),
    ("PR-04", {}, "late", late_kernel),
    ("PR-04", {}, "never", kernel(C1, "cpu.shares", "204")),
]
