"""What a run certifies of each stack: per profile conformant, with deviations, or not.

A profile is a set of requirements of the catalogue, each with its level. Of a MUST nothing but met
is conformant: a catalogued deviation makes the result ``conformant with deviations`` and is listed;
a failure, an error, a skip and silence make it ``not conformant``. Of a SHOULD what is not met is
listed, and an error, a skip and silence count as of a MUST: nobody knows then. What the stack
cannot show (``unsupported``) is listed with its reason and decides nothing.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter, defaultdict
from typing import Any

import yaml

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Level, PutTo, Requirement
from podresize_reports.loading import Run, TargetRecord
from podresize_reports.required import stack_of
from podresize_reports.summary import SEVERITY
from podresize_reports.text import natural, one_line, shorten

SCHEMA = 1
KIND = "podresize-certificate"
PROFILES = ("core", "extended", "runtime")
_NOT_SHOWN = (VerdictKind.ERROR, VerdictKind.SKIPPED, VerdictKind.FLAKY)
_READING = 200


class Conformance(enum.StrEnum):
    """What a profile comes to."""

    CONFORMANT = "conformant"
    DEVIATING = "conformant with deviations"
    NOT = "not conformant"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One requirement on a stack: the worst that was said of it, None where nothing was."""

    requirement: Requirement
    kind: VerdictKind | None
    reading: str = ""
    deviations: tuple[str, ...] = ()

    @property
    def is_shown(self) -> bool:
        """Whether the run says of it what a reader can rely on."""
        return self.kind is not None and self.kind not in _NOT_SHOWN

    @property
    def breaks(self) -> bool:
        """Whether it alone makes the profile not conformant."""
        is_must = self.requirement.level is Level.MUST
        return not self.is_shown or (is_must and self.kind is VerdictKind.FAILED)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResult:
    """One profile on a stack; ``standings`` are all of its requirements, in natural order."""

    profile: str
    standings: tuple[Standing, ...]

    @property
    def conformance(self) -> Conformance:
        """The result."""
        met = any(each.kind is VerdictKind.PASSED for each in self.standings)
        if not met or any(each.breaks for each in self.standings):
            return Conformance.NOT
        departs = any(
            each.kind is VerdictKind.DEVIATION and each.requirement.level is Level.MUST
            for each in self.standings
        )
        return Conformance.DEVIATING if departs else Conformance.CONFORMANT

    @property
    def counts(self) -> dict[str, int]:
        """How many requirements stand how, worst first; ``missing`` where nothing was said."""
        counted = Counter(each.kind for each in self.standings)
        found = {str(kind): counted[kind] for kind in SEVERITY if counted[kind]}
        return found | ({"missing": counted[None]} if counted[None] else {})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a run certifies of one stack. ``target`` is the one that the run was asked for."""

    run: Run
    target: TargetRecord
    profiles: tuple[ProfileResult, ...]


def certificates(run: Run) -> tuple[Certificate, ...]:
    """Return one certificate for each stack of a run, by the profiles that it was to show.

    A run that died, was narrowed to some requirements, or is a shard, certifies nothing.
    """
    if not run.complete or run.options.get("requirements") or run.options.get("shard"):
        return ()
    said: dict[tuple[object, ...], dict[str, list[VerdictRecord]]] = defaultdict(dict)
    stacks = {target.label: stack_of(target) for target in run.targets}
    first: dict[tuple[object, ...], TargetRecord] = {}
    for target in run.targets:
        first.setdefault(stacks[target.label], target)
    for verdict in run.verdicts:
        said[stacks[verdict.target]].setdefault(verdict.requirement, []).append(verdict)
    return tuple(
        Certificate(run=run, target=target, profiles=_profiles(run, target, said[stack]))
        for stack, target in first.items()
    )


def _profiles(
    run: Run, target: TargetRecord, said: dict[str, list[VerdictRecord]]
) -> tuple[ProfileResult, ...]:
    put_to = PutTo.CLUSTER if "kubernetes" in target.fingerprint else PutTo.RUNTIME
    asked = {"runtime"} if put_to is PutTo.RUNTIME else set(run.options.get("profiles") or ())
    return tuple(
        ProfileResult(profile=profile, standings=standings)
        for profile in PROFILES
        if profile in asked and (standings := _standings(profile, put_to, said))
    )


def _standings(
    profile: str, put_to: PutTo, said: dict[str, list[VerdictRecord]]
) -> tuple[Standing, ...]:
    known = load_catalogue().requirements.values()
    return tuple(
        _standing(item, said.get(item.id, []))
        for item in sorted(known, key=lambda item: natural(item.id))
        if profile in item.profiles and item.put_to is put_to
    )


def _standing(requirement: Requirement, verdicts: list[VerdictRecord]) -> Standing:
    if not verdicts:
        return Standing(requirement=requirement, kind=None)
    worst = min(verdicts, key=lambda each: SEVERITY.index(each.verdict))
    return Standing(
        requirement=requirement,
        kind=worst.verdict,
        reading=shorten(one_line(worst.reading), _READING),
        deviations=tuple(
            sorted({each.deviation for each in verdicts if each.deviation}, key=natural)
        ),
    )


def to_yaml(certificate: Certificate, *, bundle: str) -> bytes:
    """Return the certificate for machines; ``bundle`` is the digest of what it was drawn from.

    ``kind``, ``schema``, ``podresize``, ``run`` (id, times), ``bundle``, ``stack`` (the
    fingerprint), and for each profile its ``result``, ``counts`` and what is not met, by how it
    stands.
    """
    run = certificate.run
    document = {
        "kind": KIND,
        "schema": SCHEMA,
        "podresize": run.version,
        "run": {"id": run.id, "started": run.started, "ended": run.ended},
        "bundle": bundle,
        "stack": {"label": certificate.target.label, **certificate.target.fingerprint},
        "profiles": {each.profile: _profile(each) for each in certificate.profiles},
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return str(text).encode()


def _profile(result: ProfileResult) -> dict[str, Any]:
    found: dict[str, Any] = {"result": str(result.conformance), "counts": result.counts}
    for name, kind in (("deviations", VerdictKind.DEVIATION), ("races", VerdictKind.PASSED)):
        if seen := _by_deviation(result, kind):
            found[name] = seen
    for name, kinds in (
        ("failed", (VerdictKind.FAILED,)),
        ("not shown", (*_NOT_SHOWN, None)),
        ("unsupported", (VerdictKind.UNSUPPORTED,)),
    ):
        if listed := [each for each in result.standings if each.kind in kinds]:
            found[name] = [
                {
                    "requirement": each.requirement.id,
                    "level": str(each.requirement.level),
                    "reading": each.reading or "no check spoke of it",
                }
                for each in listed
            ]
    return found


def _by_deviation(result: ProfileResult, kind: VerdictKind) -> dict[str, list[str]]:
    """Return the requirements that stand so, by the deviations that were seen of them."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in result.standings:
        for id_ in each.deviations if each.kind is kind else ():
            found[id_].append(each.requirement.id)
    return {id_: found[id_] for id_ in sorted(found, key=natural)}
