"""Readings of one root cause are told once."""

from __future__ import annotations

import pytest

from podresize_reports.alike import by_cause, cause


@pytest.mark.parametrize(
    ("readings", "number"),
    [
        (("limits.cpu is 4, expected 6", "limits.cpu is 40, expected 6.5"), 1),
        (("container c1 of pr-1-gw2/a: cpu is 1", "container c1 of pr-9-gw10/b: cpu is 1"), 1),
        (("the code is 'OK'. At fault is the kubelet", "cpu is 1. At fault is the kubelet"), 1),
        (("cpu is 1. At fault is the kubelet", "cpu is 1. At fault is the apiserver"), 2),
        (("it is {}, expected {'a': 1}", "it is {'b': 2}, expected {'b': 1}"), 1),
        (("cpu is 1", "memory is 1"), 2),
    ],
    ids=["numbers", "pods", "one who is guilty", "two who are", "fields", "two values"],
)
def test_readings_have_as_many_causes_as_roots(readings: tuple[str, ...], number: int) -> None:
    assert len(by_cause(readings, cause)) == number


def test_a_deviation_is_a_cause_whatever_it_reads() -> None:
    assert cause("one", "C-01") == cause("another", "C-01") == "deviation C-01"


def test_the_cause_with_most_is_first_and_in_the_words_of_its_first() -> None:
    found = by_cause(["b is 1", "a is 2", "a is 3"], cause)

    assert found == [("a is 2", ["a is 2", "a is 3"]), ("b is 1", ["b is 1"])]
