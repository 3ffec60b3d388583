"""A JVM starts with more cpu than it needs afterwards, and gives it back (UC-05, UC-12).

The JVM is a real one, of the OS's own package. It is given a program as source: at its start it
loads its compiler, compiles the program, loads classes, interprets, compiles what is hot, and then
answers HTTP. That is the start-up work of a Java program, and a JRE does it: no JDK has to be
fetched to build one, and no class file is here that nobody can read.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    QUICK_SYNC,
    Change,
    JavaPod,
    Pods,
    claim,
    claim_times,
    expectation,
    most_cpu,
    requirement,
    verify,
)

# A tenth of the most: on a host that is busy itself, nobody gets all that its limit allows.
LITTLE = "100m"


@requirement("UC-05", "UC-12", "PR-03", "KL-30", "KL-34", "PR-01")
@pytest.mark.profile("extended")  # a JVM with so little cpu starts in half a minute on a busy host
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_jvm_starts_with_more_cpu_and_gives_it_back(pods: Pods) -> None:
    """Two start at the same time; the one that has more is ready first, shrinks and goes on."""
    less = Change(cpu=LITTLE)
    boosted = JavaPod.start(pods, cpu=most_cpu(pods))
    plain = JavaPod.start(pods, cpu=LITTLE)
    quick, slow = boosted.started("UC-05"), plain.started("UC-05")

    timeline = boosted.pod.resize(less)
    warm = boosted.works(8, within=pods.patience(30.0))

    claim_times("UC-05", "until it answers", much=slow.until_ready, little=quick.until_ready)
    claim_times("UC-12", "until its source is compiled", much=slow.compiled, little=quick.compiled)
    claim("UC-05", "work is done after the shrink", got=warm is not None, want=True)
    if warm is not None:
        claim_times(
            "UC-12", "cpu of a piece of work, cold and compiled", much=quick.cold, little=warm
        )
    numbers = boosted.numbers
    claim("UC-05", "the pieces of work, by one JVM", got=numbers, want=list(range(len(numbers))))
    claim("UC-05", "restarts", got=boosted.pod.restarts, want=0)
    claim("UC-05", "it is ready", got=boosted.pod.runs(within=pods.patience(30.0)), want=True)
    verify(timeline, expectation(boosted.pod, less))
