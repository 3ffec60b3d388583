"""Whatever happens to a pod in whatever order: after each step every witness is where it must be.

Hypothesis makes the sequences, the same ones in each run, and cuts a failing one down to the fewest
steps; the failure prints them as a check of its own.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, Walk, requirement, search

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


@requirement("PR-08")
# Failed in one core run on a loaded host (1.37.2) and is not core until it was measured again.
@pytest.mark.profile("extended")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_few_sequences(pods: Pods) -> None:
    """Short ones, the same in each run."""
    search(pods, CHANGES, examples=4, steps=5)


@requirement("PR-08")
@pytest.mark.profile("extended")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_many_sequences(pods: Pods) -> None:
    """Longer ones, and more of them."""
    search(pods, CHANGES, examples=20, steps=12)


@requirement("PR-08")
# Failed in one core run on a loaded host (1.37.2) and is not core until it was measured again.
@pytest.mark.profile("extended")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
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
