"""The oracle asked again: from a stored question to what must be seen by today's rules."""

from __future__ import annotations

from podresize.oracle.expectation import Expectation, expectation
from podresize.oracle.question import Question
from podresize.oracle.series import series_expectation
from podresize.requirements.target import Fingerprint


def answer(question: Question, fingerprint: Fingerprint) -> Expectation:
    """Return the expectation of a question on a target.

    Raises ``UsageError`` and ``ValueError`` as ``expectation`` and ``series_expectation`` do.
    """
    pod, changes, around = question.pod, question.changes, question.surroundings
    if question.is_series:
        return series_expectation(pod, changes, fingerprint, surroundings=around)
    change = changes[0] if changes else None
    return expectation(pod, change, fingerprint, surroundings=around)
