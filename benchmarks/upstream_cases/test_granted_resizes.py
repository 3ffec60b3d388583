"""The cases of upstream's e2e in which a resize is granted, seen by our witnesses.

A check's id holds upstream's name of the case, without labels: ``against_upstream.py`` pairs the
two by it. As upstream does, a case waits for its pod to be gone: a dozen cases at a time fill a
small node.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Pods, requirement
from upstream_cases import of_1_27, of_1_37
from upstream_cases.case import GRANTED, Case, verify_each

THERE_AND_BACK = of_1_37.THERE_AND_BACK
ONE_WAY = (*of_1_37.ONE_WAY, *of_1_27.ONE_WAY)


@requirement(*GRANTED)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in THERE_AND_BACK])
def test_there_and_back(pods: Pods, case: Case) -> None:
    """The resize is asked for, enacted, and undone again."""
    pod = case.running(pods)

    there, asked = pod.resize(case.change, form=case.form), pod.expectation(case.change)
    back, undone = pod.resize(case.reverse, form=case.form), pod.expectation(case.reverse)
    pod.delete()

    verify_each((there, asked), (back, undone))


@requirement(*GRANTED)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ONE_WAY])
def test_one_way(pods: Pods, case: Case) -> None:
    """The resize is asked for and enacted."""
    pod = case.running(pods)

    timeline, asked = pod.resize(case.change, form=case.form), pod.expectation(case.change)
    pod.delete()

    verify_each((timeline, asked))
