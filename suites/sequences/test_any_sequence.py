"""Whatever happens to a pod in whatever order: after each step every witness is where it must be.

Hypothesis makes the sequences, the same ones in each run, and cuts a failing one down to the fewest
steps; the failure prints them as a check of its own.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from podresize_fixtures import Change, Pods, Walk, Walks, requirement

# More than the nodes of these clusters have: infeasible, or refused where the apiserver looks.
TOO_MUCH = Change(cpu="64")
CHANGES = [
    Change(cpu="+50m"),
    Change(cpu="-20m"),
    Change(memory="+32Mi"),
    Change(cpu="+30m", memory="+16Mi"),
    Change(cpu="+20m", scope="limits"),
    TOO_MUCH,
]
COMMON = settings(
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def machine(walks: Walks) -> type[RuleBasedStateMachine]:
    """Return the steps and when each may be taken; every sequence has a pod of its own."""

    class Sequence(RuleBasedStateMachine):
        """One live pod."""

        @initialize(qos=st.sampled_from(["Burstable", "Guaranteed"]))
        def begin(self, qos: str) -> None:
            """Make the pod."""
            walks.begin(qos)

        @rule(change=st.sampled_from(CHANGES))
        def resize(self, change: Change) -> None:
            """Granted, infeasible or refused, as the oracle says."""
            walks.take("resize", change)

        @rule()
        def revert(self) -> None:
            """Back to the beginning, from wherever."""
            walks.take("revert")

        @rule()
        def refused(self) -> None:
            """A request that no apiserver takes."""
            walks.take("refused")

        @precondition(lambda _: walks.may_crash)
        @rule()
        def crash(self) -> None:
            """SIGKILL to the workload."""
            walks.take("crash")

        @rule(component=st.sampled_from(["kubelet", "containerd"]))
        def restart(self, component: str) -> None:
            """Stop and start, while the pod runs."""
            walks.take("restart", component)

        def teardown(self) -> None:
            """Delete the pod."""
            walks.end()

    return Sequence


def search(pods: Pods, *, examples: int, steps: int) -> None:
    """Try so many sequences of so many steps at most."""
    walks = Walks(pods)
    how = settings(COMMON, max_examples=examples, stateful_step_count=steps)
    walks.search(lambda: run_state_machine_as_test(machine(walks), settings=how))


@requirement("PR-08")
# Failed in one core run on a loaded host (1.37.2) and is not core until it was measured again.
@pytest.mark.profile("extended")
@pytest.mark.own_cluster(kubelet={"syncFrequency": "5s"})
def test_a_few_sequences(pods: Pods) -> None:
    """Short ones, the same in each run."""
    search(pods, examples=4, steps=5)


@requirement("PR-08")
@pytest.mark.profile("extended")
@pytest.mark.own_cluster(kubelet={"syncFrequency": "5s"})
def test_many_sequences(pods: Pods) -> None:
    """Longer ones, and more of them."""
    search(pods, examples=20, steps=12)


@requirement("PR-08")
# Failed in one core run on a loaded host (1.37.2) and is not core until it was measured again.
@pytest.mark.profile("extended")
@pytest.mark.own_cluster(kubelet={"syncFrequency": "5s"})
def test_one_of_each(pods: Pods) -> None:
    """Every kind of step once, and a resize after each."""
    walk = Walk(pods, qos="Burstable")
    walk.resize(Change(cpu="+50m", memory="+32Mi"))
    walk.restart("kubelet")
    walk.resize(Change(cpu="+30m"))
    walk.crash()
    walk.resize(Change(memory="+16Mi"))
    walk.refused()
    walk.restart("containerd")
    walk.resize(TOO_MUCH)
    walk.revert()
