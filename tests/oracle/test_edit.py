"""Each form of a request asks for the pod that is wanted, as whoever applies it would see it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracle import forms
from tests.oracle.pods import changes, pods

from podresize.errors import UsageError
from podresize.oracle.change import Change
from podresize.oracle.edit import Edit, Form, body, wanted

some = settings(max_examples=120, deadline=None)
APPLY: dict[Form, Callable[[Any, Any], Any]] = {
    Form.JSON: forms.json_patch,
    Form.MERGE: forms.merge_patch,
    Form.STRATEGIC: forms.strategic_merge,
    Form.APPLY: forms.server_side_apply,
    Form.PUT: lambda _, sent: sent,
}
POD: dict[str, Any] = {
    "metadata": {"name": "p", "labels": {"app": "a"}},
    "spec": {
        "containers": [
            {
                "name": "c1",
                "image": "one",
                "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}},
            },
            {"name": "c2", "image": "two"},
        ],
        "initContainers": [
            {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}}
        ],
    },
}


def settled(pod: dict[str, Any]) -> dict[str, Any]:
    """The pod without empty maps of resources: absent, null and empty mean one thing there."""
    result = copy.deepcopy(pod)
    for key in ("containers", "initContainers"):
        for item in result["spec"].get(key) or ():
            own = {
                name: value for name, value in (item.pop("resources", None) or {}).items() if value
            }
            if own:
                item["resources"] = own
    return result


@some
@given(st.data(), pods, st.sampled_from([form for form in Form if form is not Form.APPLY]))
def test_every_form_asks_for_the_pod_that_is_wanted(
    data: st.DataObject, pod: dict[str, Any], form: Form
) -> None:
    change = data.draw(changes(pod))
    before = copy.deepcopy(pod)

    after = APPLY[form](pod, body(pod, change, form))

    assert settled(after) == settled(wanted(pod, change))
    assert pod == before, "the input is left alone"


@some
@given(st.data(), pods)
def test_an_apply_configuration_sets_what_it_names(
    data: st.DataObject, pod: dict[str, Any]
) -> None:
    change = data.draw(changes(pod, removing=False))
    configuration = body(pod, change, Form.APPLY)

    assert isinstance(configuration, dict)
    after = forms.server_side_apply(pod, configuration)
    assert settled(after) == settled(wanted(pod, change))


@some
@given(st.data(), pods)
def test_a_change_touches_cpu_and_memory_of_its_containers_alone(
    data: st.DataObject, pod: dict[str, Any]
) -> None:
    change = data.draw(changes(pod))
    old, new = settled(pod), settled(wanted(pod, change))

    for side in (old, new):
        for key in ("containers", "initContainers"):
            for item in side["spec"].get(key) or ():
                named = {None, item["name"]} if key == "containers" else {item["name"]}
                if any(part.container in named for part in change.parts):
                    for kind in ("requests", "limits"):
                        for name in ("cpu", "memory"):
                            (item.get("resources", {}).get(kind) or {}).pop(name, None)
    assert settled(new) == settled(old)


@some
@given(st.data(), pods)
def test_a_strategic_patch_names_no_container_that_stays(
    data: st.DataObject, pod: dict[str, Any]
) -> None:
    change = data.draw(changes(pod))
    patch = body(pod, change, Form.STRATEGIC)

    assert isinstance(patch, dict)
    assert patch["spec"].keys() <= {"containers", "initContainers"}
    for entries in patch["spec"].values():
        assert all(item.keys() == {"name", "resources"} for item in entries)
        assert all(item["resources"] for item in entries)


EDITS = [
    Edit(
        name="image",
        operations=({"op": "replace", "path": "/spec/containers/0/image", "value": "other"},),
    ),
    Edit(name="label", operations=({"op": "add", "path": "/metadata/labels/a~1b", "value": "c"},)),
    Edit(name="no-label", operations=({"op": "remove", "path": "/metadata/labels"},)),
    Edit(
        name="storage",
        operations=(
            {
                "op": "add",
                "path": "/spec/containers/0/resources/limits/ephemeral-storage",
                "value": "1Gi",
            },
        ),
    ),
    Edit(
        name="reorder",
        operations=({"op": "move", "from": "/spec/containers/1", "path": "/spec/containers/0"},),
    ),
    Edit(name="remove", operations=({"op": "remove", "path": "/spec/containers/1"},)),
    Edit(
        name="add-container",
        operations=({"op": "add", "path": "/spec/containers/-", "value": {"name": "c3"}},),
    ),
    Edit(
        name="several",
        operations=(
            {"op": "replace", "path": "/spec/containers/0/name", "value": "renamed"},
            {"op": "add", "path": "/spec/tolerations", "value": [{"key": "k"}]},
        ),
    ),
]


@pytest.mark.parametrize("form", [Form.JSON, Form.MERGE, Form.PUT])
@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_every_edit_in_every_form_that_can_say_it(edit: Edit, form: Form) -> None:
    by_hand = forms.json_patch(POD, list(edit.operations))

    assert wanted(POD, edit) == by_hand
    assert APPLY[form](POD, body(POD, edit, form)) == by_hand


@pytest.mark.parametrize("change", [Change(cpu="+10m"), EDITS[0]], ids=str)
def test_who_sends_the_whole_pod_may_change_it(change: Change | Edit) -> None:
    before = copy.deepcopy(POD)

    sent = body(POD, change, Form.PUT)
    assert isinstance(sent, dict)
    sent["metadata"].clear()

    assert before == POD


@pytest.mark.parametrize("form", [Form.STRATEGIC, Form.APPLY])
def test_a_form_that_cannot_say_an_edit_refuses(form: Form) -> None:
    with pytest.raises(UsageError, match="cannot say this edit") as caught:
        body(POD, EDITS[4], form)
    assert caught.value.origin == "reorder"


def test_an_edit_that_does_not_fit_names_itself() -> None:
    edit = Edit(name="lost", operations=({"op": "remove", "path": "/spec/containers/7"},))

    with pytest.raises(UsageError, match="does not fit") as caught:
        wanted(POD, edit)
    assert caught.value.origin == "lost"


@pytest.mark.parametrize(
    ("change", "patch"),
    [
        (
            Change(cpu="none", scope="limits", container="c1"),
            {"containers": [{"name": "c1", "resources": {"limits": {"cpu": None}}}]},
        ),
        (
            Change(cpu="+10m", container="side"),
            {
                "initContainers": [{"name": "side", "resources": {"requests": {"cpu": "60m"}}}],
                "containers": [],
            },
        ),
        (
            Change(cpu="+10m", container="c1") & Change(memory="64Mi", container="c2"),
            {
                "containers": [
                    {
                        "name": "c1",
                        "resources": {"requests": {"cpu": "110m"}, "limits": {"cpu": "210m"}},
                    },
                    {
                        "name": "c2",
                        "resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "64Mi"}},
                    },
                ]
            },
        ),
        # The second part counts from what the first one left.
        (
            Change(cpu="1", container="c1") & Change(cpu="-400m", scope="requests", container="c1"),
            {
                "containers": [
                    {
                        "name": "c1",
                        "resources": {"requests": {"cpu": "600m"}, "limits": {"cpu": "1"}},
                    }
                ]
            },
        ),
        (Change(cpu="+10m") & Change(cpu="-10m"), None),
        (Change(memory="none"), {"containers": []}),
    ],
    ids=str,
)
def test_the_strategic_patch_by_hand(change: Change, patch: dict[str, Any] | None) -> None:
    found = body(POD, change, Form.STRATEGIC)

    if patch is None:
        # c2 had no cpu: there and back again is an explicit zero, which is not the same as none.
        zero = {"requests": {"cpu": "0"}, "limits": {"cpu": "0"}}
        patch = {"containers": [{"name": "c2", "resources": zero}]}
    assert found == {"spec": patch}


def test_a_combined_change_has_the_names_of_its_parts() -> None:
    change = Change(cpu="+10m", container="c1") & Change(memory="none") & Change()

    assert str(change) == "cpu+10m@c1&memory=none&nothing"
    assert [str(part) for part in change.parts] == ["cpu+10m@c1", "memory=none", "nothing"]
    assert (Change() & change).parts[1:] == change.parts


def test_init_containers_are_changed_by_name_alone() -> None:
    everyone = wanted(POD, Change(cpu="+10m"))

    assert everyone["spec"]["initContainers"] == POD["spec"]["initContainers"]
    with pytest.raises(UsageError, match="c1, c2, side"):
        wanted(POD, Change(cpu="+10m", container="nobody"))
