"""A walk's script is Python that takes the same steps."""

from __future__ import annotations

import ast

import pytest

from podresize.oracle.change import Change
from podresize.sequences.script import Step, change_text, check_text


@pytest.mark.parametrize(
    "change",
    [
        Change(cpu="+50m"),
        Change(cpu="200m", memory="-32Mi", scope="limits", container="c1"),
        Change(cpu="100m", scope="requests") & Change(memory="none", scope="limits"),
    ],
    ids=str,
)
def test_the_text_of_a_change_makes_an_equal_one(change: Change) -> None:
    assert eval(change_text(change), {"Change": Change}) == change  # noqa: S307  # our own text


def test_the_check_takes_the_steps_in_their_order() -> None:
    steps = (Step("resize", Change(cpu="+50m")), Step("restart", "kubelet"), Step("crash"))

    text = check_text(steps, requirement="PR-08", qos="Burstable", settings="(gate=True)")

    function = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    assert [ast.unparse(line) for line in function.body] == [
        "walk = Walk(pods, qos='Burstable')",
        "walk.resize(Change(cpu='+50m'))",
        "walk.restart('kubelet')",
        "walk.crash()",
    ]
    assert "@pytest.mark.own_cluster(gate=True)" in text
    assert '@requirement("PR-08")' in text


def test_a_walk_without_a_step_is_a_check_too() -> None:
    ast.parse(check_text((), requirement="PR-08", qos="Guaranteed"))
