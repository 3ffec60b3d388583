"""The live loop stops when, and only when, nothing better can come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from podresize.evidence.decider import Decider, Outcome, is_decided
from podresize.evidence.timeline import Witness

Resized = Callable[..., Any]


def test_it_is_met_at_the_last_witness(resized: Resized) -> None:
    resize = resized()
    decider = Decider(resize.expectation)

    for observation in resize.timeline.observations:
        assert decider.outcome is (Outcome.MET if observation.t > 61 else None)
        decider.feed(observation)

    assert decider.outcome is Outcome.MET
    assert decider.waiting_for == ()


@pytest.mark.parametrize(
    ("witness", "subject", "waiting"),
    [
        (Witness.CLIENT, None, "the answer to the patch"),
        (Witness.API, None, "api"),
        (Witness.KERNEL, "pod", "kernel pod"),
        (Witness.KERNEL, "container/c1", "kernel container/c1"),
        (Witness.CRI, "container/c1", "cri container/c1"),
    ],
)
def test_it_waits_for_every_witness(
    witness: Witness, subject: str | None, waiting: str, resized: Resized
) -> None:
    resize = resized()
    resize.drop(witness, subject, since=0.0)
    decider = Decider(resize.expectation)
    for observation in resize.timeline.observations:
        decider.feed(observation)

    assert not decider.is_decided
    assert decider.waiting_for == (waiting,)


def test_a_value_that_goes_back_opens_it_again(resized: Resized) -> None:
    resize = resized()
    resize.again(59.0, Witness.KERNEL, "pod", 0)

    assert not is_decided(resize.timeline.observations, resize.expectation)


def test_it_waits_for_a_kubelet_that_says_it_has_seen_the_spec(resized: Resized) -> None:
    resize = resized(kubernetes="1.37.2", runtime_version="2.1.4")
    assert is_decided(resize.timeline.observations, resize.expectation)

    for item in resize.of(Witness.API):
        item.data["status"]["observedGeneration"] = 1

    assert not is_decided(resize.timeline.observations, resize.expectation)


def test_a_silent_runtime_is_never_decided(resized: Resized) -> None:
    resize = resized(runtime_version="1.6.8", silent=True)

    assert not is_decided(resize.timeline.observations, resize.expectation)


def test_an_unexpected_answer_breaks_it_and_an_expected_refusal_meets_it(resized: Resized) -> None:
    for gate, code, outcome in (
        (True, 422, Outcome.BROKEN),
        (False, 200, Outcome.BROKEN),
        (False, 422, Outcome.MET),
    ):
        resize = resized(gate=gate)
        decider = Decider(resize.expectation)
        answer = resize.of(Witness.CLIENT)[-1]
        answer.data["answer"]["code"] = code
        assert decider.feed(answer)
        assert decider.outcome is outcome
