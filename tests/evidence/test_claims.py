"""A claim holds or it does not, says which, and is judged again from what was stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podresize.evidence.claims import RELATIONS, Claim, judge_claims
from podresize.evidence.records import VerdictKind

values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


def claim(got: Any, want: Any, relation: str = "==", requirement: str = "API-08") -> Claim:
    return Claim(requirement=requirement, what="it", got=got, want=want, relation=relation)


@pytest.mark.parametrize(
    ("got", "relation", "want", "holds"),
    [
        (403, "==", 403, True),
        ("403", "==", 403, False),
        (None, "==", None, True),
        ({"a": [1, 2]}, "==", {"a": [1, 2]}, True),
        ("exceeded quota: q", "contains", "quota", True),
        ("exceeded quota: q", "contains", "limit", False),
        (["Started", "Completed"], "contains", "Completed", True),
        (None, "contains", "quota", False),
        (5, "<=", 5, True),
        (5.1, "<=", 5, False),
        (None, "<=", 5, False),
        (5, ">=", 5, True),
        (4, ">=", 5, False),
        (None, ">=", 5, False),
    ],
)
def test_each_relation(got: Any, relation: str, want: Any, *, holds: bool) -> None:
    assert claim(got, want, relation).holds is holds


def test_a_relation_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such relation: !="):
        assert claim(1, 1, "!=").holds


@pytest.mark.parametrize(
    ("relation", "text"),
    [
        ("==", "it is 1, expected 2"),
        ("contains", "it is 1, expected it to contain 2"),
        ("<=", "it is 1, expected at most 2"),
        (">=", "it is 1, expected at least 2"),
    ],
)
def test_what_was_got_comes_before_what_was_wanted(relation: str, text: str) -> None:
    assert str(claim(1, 2, relation)) == text


def test_one_that_does_not_hold_fails_its_requirement_and_no_other() -> None:
    judged = judge_claims(
        [
            claim(1, 1),
            claim(1, 2),
            claim(1, 1, requirement="ST-40"),
            claim(3, 4),
            claim(1, 1),
        ]
    )

    assert judged == {
        "API-08": (VerdictKind.FAILED, ["it is 1, expected 2", "it is 3, expected 4"]),
        "ST-40": (VerdictKind.PASSED, []),
    }


def test_nothing_claimed_is_nothing_judged() -> None:
    assert judge_claims([]) == {}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.builds(claim, values, values, st.sampled_from(["=="])), max_size=6))
def test_stored_claims_are_judged_as_they_were(made: list[Claim]) -> None:
    stored = json.loads(json.dumps([each.to_json() for each in made]))
    read = [Claim.from_json(each) for each in stored]

    assert read == made
    assert judge_claims(read) == judge_claims(made)
    with pytest.raises(TypeError):
        Claim.from_json({"colour": "red"})


@pytest.mark.parametrize("relation", RELATIONS)
def test_every_relation_with_words_can_hold_and_can_fail(relation: str) -> None:
    pairs = [("a", "a"), ("a", "b"), ("b", "a")]

    assert {claim(got, want, relation).holds for got, want in pairs} == {True, False}
