"""PD-30: an apiserver that hangs up on an added container, and what is not that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.asked import Asked
from tests.evidence.conftest import GUARANTEED, make_pod

from podresize.evidence.judging import verify
from podresize.evidence.timeline import Witness
from podresize.oracle.edit import Edit, Form
from podresize.resizing.asking import How

ADDED = Edit(
    name="adds a container",
    operations=({"op": "add", "path": "/spec/containers/-", "value": {"name": "c2"}},),
)
RENAMED = Edit(
    name="renames", operations=({"op": "replace", "path": "/spec/containers/0/name", "value": "x"},)
)


def hung_up(resized: Callable[..., Any], edit: Edit, form: Form, kubernetes: str) -> Any:
    asked = Asked(change=edit, how=How(form=form), pod=make_pod({"c1": GUARANTEED}))
    resize = resized(asked=asked, kubernetes=kubernetes)

    def none(data: dict[str, Any]) -> None:
        if "answer" in data:
            data["answer"] = {"code": 0, "message": "no answer", "reason": ""}

    resize.edit(Witness.CLIENT, none)
    return resize


@pytest.mark.parametrize("form", [Form.MERGE, Form.JSON, Form.PUT])
def test_it_is_known_in_every_form(resized: Callable[..., Any], form: Form) -> None:
    resize = hung_up(resized, ADDED, form, "1.27.4")

    judgements = verify(resize.timeline, resize.expectation, ["PR-42", "API-10"])

    assert [item.deviation for item in judgements] == ["PD-30", "PD-30"]


@pytest.mark.parametrize(
    ("edit", "kubernetes", "spoil"),
    [(RENAMED, "1.27.4", False), (ADDED, "1.28.0", False), (ADDED, "1.27.4", True)],
    ids=["another edit", "another release", "the pod changed"],
)
def test_anything_else_is_a_failure(
    resized: Callable[..., Any], edit: Edit, kubernetes: str, spoil: bool
) -> None:
    resize = hung_up(resized, edit, Form.MERGE, kubernetes)
    if spoil:
        resize.edit(Witness.API, lambda pod: pod["spec"]["containers"].clear())

    judgement = verify(resize.timeline, resize.expectation, ["PR-42"])[0]

    assert judgement.kind == "failed"
