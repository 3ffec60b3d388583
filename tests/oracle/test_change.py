"""A change has a stable name, changes what it says and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podresize.errors import UsageError
from podresize.oracle.change import Change, apply, defaulted, patch_body
from podresize.oracle.resources import Resources, resources_equal

BOTH: Resources = {
    "requests": {"cpu": "200m", "memory": "64Mi"},
    "limits": {"cpu": "400m", "memory": "128Mi"},
}
few = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (Change(cpu="+100m", memory="-32Mi"), "cpu+100m,memory-32Mi"),
        (Change(cpu="200m", scope="limits", container="c1"), "cpu=200m:limits@c1"),
        (Change(), "nothing"),
    ],
)
def test_names_are_stable(change: Change, name: str) -> None:
    assert str(change) == name


@pytest.mark.parametrize(
    ("change", "requests", "limits"),
    [
        (
            Change(cpu="+100m"),
            {"cpu": "300m", "memory": "64Mi"},
            {"cpu": "500m", "memory": "128Mi"},
        ),
        (Change(cpu="1"), {"cpu": "1", "memory": "64Mi"}, {"cpu": "1", "memory": "128Mi"}),
        (
            Change(memory="-32Mi", scope="requests"),
            {"cpu": "200m", "memory": "32Mi"},
            BOTH["limits"],
        ),
        (Change(cpu="-50m", scope="limits"), BOTH["requests"], {"cpu": "350m", "memory": "128Mi"}),
        (Change(), BOTH["requests"], BOTH["limits"]),
    ],
    ids=str,
)
def test_what_changes(change: Change, requests: Any, limits: Any) -> None:
    assert apply(change, BOTH) == {"requests": requests, "limits": limits}


def test_both_touches_what_is_there_and_creates_only_from_nothing() -> None:
    only_request: Resources = {"requests": {"cpu": "100m"}, "limits": {}}
    assert apply(Change(cpu="+50m"), only_request)["limits"] == {}
    assert apply(Change(memory="+1Mi"), only_request) == {
        "requests": {"cpu": "100m", "memory": "1Mi"},
        "limits": {"memory": "1Mi"},
    }


def test_a_missing_request_takes_the_limit() -> None:
    assert defaulted({"limits": {"cpu": "1"}})["requests"] == {"cpu": "1"}


def test_the_patch_holds_the_change_and_nothing_else() -> None:
    pod = {"spec": {"containers": [{"name": "a", "resources": BOTH}, {"name": "b"}]}}
    assert patch_body(pod, Change(cpu="+100m", scope="limits", container="a")) == {
        "spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "500m"}}}]}
    }
    assert patch_body(pod, Change()) == {"spec": {"containers": []}}
    with pytest.raises(UsageError, match="a, b"):
        patch_body(pod, Change(container="c"))


@pytest.mark.parametrize("bad", [{"cpu": "a lot"}, {"memory": "+"}, {"scope": "all"}])
def test_a_change_that_means_nothing_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Change(**bad)


@few
@given(st.integers(0, 10_000), st.integers(0, 1 << 34), st.sampled_from(["both", "requests"]))
def test_a_change_and_its_opposite_cancel(cpu: int, memory: int, scope: str) -> None:
    there = apply(Change(cpu=f"+{cpu}m", memory=f"+{memory}", scope=scope), BOTH)
    back = apply(Change(cpu=f"-{cpu}m", memory=f"-{memory}", scope=scope), there)
    assert resources_equal(back, BOTH)
