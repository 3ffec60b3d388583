"""What the kernel's observers have in common, whichever machine the node's kernel runs on."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

from podresize.evidence.observer import Observer


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How many samples there were until ``at``, in seconds of this host's monotonic clock."""

    samples: int
    at: float


class Sampler(Observer):
    """Records a subject when one of its cgroup files changed.

    ``largest_gap_seconds`` is the longest time between two samples.
    """

    largest_gap_seconds: float

    @abc.abstractmethod
    def hurry(self) -> None:
        """Sample as fast as can be for the next seconds, for a step of the same resize."""

    @abc.abstractmethod
    def follow(self, subject: str, paths: Mapping[str, Path]) -> None:
        """Look elsewhere for a subject from the next sample on: its container was started anew."""

    @abc.abstractmethod
    def progress(self, *, after: float = -math.inf) -> Progress:
        """Return the newest progress that is known, of a time after ``after``."""

    @abc.abstractmethod
    def forget_gaps(self) -> None:
        """Have ``largest_gap_seconds`` count from now on."""


class Processes(Observer):
    """Records each container's first process when it is another one than before."""

    @abc.abstractmethod
    def follow(self, subject: str, cgroup: Path) -> None:
        """Look elsewhere for a subject from the next look on: its container was started anew."""
