"""The catalogue's nouns: a requirement, a deviation, and the stacks a deviation affects.

They are data only. What a requirement means when it is judged lives in ``evidence/judges``; which
stacks can show it is decided in ``matching``.
"""

from __future__ import annotations

import dataclasses
import enum

from packaging.specifiers import SpecifierSet

from podresize.requirements.versions import parse_release, parse_version


class Level(enum.StrEnum):
    """How strongly a requirement binds (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class PatchOutcome(enum.StrEnum):
    """For which answers to the patch a requirement says something."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ANY = "any"

    def includes(self, *, accepted: bool) -> bool:
        """Return whether a patch with this answer falls under the requirement."""
        return self is PatchOutcome.ANY or (self is PatchOutcome.ACCEPTED) == accepted


# What a target must have before a requirement can be put to it. ``deviation=<id>`` is the open
# form: the target must be one that the named deviation affects.
NEEDS = frozenset({"gate-on", "gate-off", "cgroup", "cri"})
DEVIATION_NEED = "deviation="


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Seconds within which a requirement must be met, for a range of Kubernetes versions."""

    versions: SpecifierSet
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One testable statement.

    ``id`` is a stable handle ("ST-21"; the prefix ``PR-`` marks podresize's own). ``title`` is one
    line, ``text`` says it in full. ``clause`` names the passage it rests on, ``source`` where its
    wording was established. ``versions`` is a range of Kubernetes versions; ``needs`` holds words
    of ``NEEDS`` or ``deviation=<id>``; ``patch`` says which answers to the patch it speaks about.
    ``deadlines`` may differ by version and is empty when time is no part of the statement.
    """

    id: str
    level: Level
    title: str
    text: str
    clause: str
    source: str
    versions: SpecifierSet
    needs: frozenset[str]
    patch: PatchOutcome
    deadlines: tuple[Deadline, ...]
    profiles: frozenset[str]

    def holds_for(self, kubernetes: str) -> bool:
        """Return whether the statement is made about this Kubernetes version."""
        return self.versions.contains(parse_release(kubernetes))

    def deadline(self, kubernetes: str) -> float | None:
        """Return the seconds allowed on this Kubernetes version; None when time plays no part."""
        version = parse_release(kubernetes)
        for deadline in self.deadlines:
            if deadline.versions.contains(version):
                return deadline.seconds
        return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Affects:
    """The stacks a deviation is known on: a Kubernetes range and a runtime's version range."""

    kubernetes: SpecifierSet
    runtime: str
    runtime_versions: SpecifierSet

    def matches(self, *, kubernetes: str, runtime: str, runtime_version: str) -> bool:
        """Return whether the named stack is one of these."""
        return (
            runtime == self.runtime
            and self.kubernetes.contains(parse_release(kubernetes))
            and self.runtime_versions.contains(parse_version(runtime_version), prereleases=True)
        )

    def __str__(self) -> str:
        return (
            f"{self.runtime} {self.runtime_versions} with Kubernetes "
            f"{','.join(sorted(map(str, self.kubernetes)))}"
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A catalogued departure of named stacks from requirements.

    ``explains`` lists the requirements it is an accepted reason for; ``signature`` names the
    function in ``evidence/signatures.py`` that says whether a timeline shows it exactly;
    ``reading`` is the line a person reads.
    """

    id: str
    title: str
    explains: frozenset[str]
    affects: tuple[Affects, ...]
    signature: str
    source: str
    reading: str
