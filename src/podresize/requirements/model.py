"""The catalogue's nouns: a requirement, a deviation, and the stacks a deviation affects.

They are data only. What a requirement means when it is judged lives in ``evidence/judges``; which
stacks can show it is decided in ``matching``.
"""

from __future__ import annotations

import dataclasses
import enum

from packaging.specifiers import SpecifierSet

from podresize.errors import UsageError
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release, parse_version


class Level(enum.StrEnum):
    """How strongly a requirement binds (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Outcome(enum.StrEnum):
    """What becomes of a resize that is asked for.

    ``deferred`` and ``infeasible``: the apiserver takes the new spec and the node does not grant it
    now, or ever; ``refused``: the apiserver's answer is an error.
    """

    GRANTED = "granted"
    DEFERRED = "deferred"
    INFEASIBLE = "infeasible"
    REFUSED = "refused"


class Scope(enum.StrEnum):
    """For which outcomes a requirement says something."""

    GRANTED = "granted"
    DEFERRED = "deferred"
    INFEASIBLE = "infeasible"
    REFUSED = "refused"
    PENDING = "pending"
    ACCEPTED = "accepted"
    ANY = "any"

    def includes(self, outcome: Outcome) -> bool:
        """Return whether a resize with this outcome falls under the requirement."""
        if self is Scope.ANY:
            return True
        if self is Scope.ACCEPTED:
            return outcome is not Outcome.REFUSED
        if self is Scope.PENDING:
            return outcome in (Outcome.DEFERRED, Outcome.INFEASIBLE)
        return self.value == outcome.value


class PutTo(enum.StrEnum):
    """What a requirement is put to: a cluster, or a container runtime without Kubernetes."""

    CLUSTER = "cluster"
    RUNTIME = "runtime"


class Party(enum.StrEnum):
    """Who can do wrong, as a reading names it."""

    APISERVER = "apiserver"
    SCHEDULER = "scheduler"
    KUBELET = "kubelet"
    CRI_RUNTIME = "CRI runtime"
    OCI_RUNTIME = "OCI runtime"
    KERNEL = "kernel"


class Judged(enum.StrEnum):
    """What decides a requirement: the timeline of one resize, or the claims of a check."""

    TIMELINE = "timeline"
    CLAIMS = "claims"


# What a target must have before a requirement can be put to it. ``deviation=<id>`` is an open form:
# the target must be one that the named deviation affects, or with ``deviation=<id>|<id>`` one of
# them. ``without=<id>|<id>`` is the other one: none of them may.
NEEDS = frozenset(
    {"gate-on", "gate-off", "cgroup", "cri", "cgroup-v1", "cgroup-v2", "systemd", "static-cpu"}
    | {"static-memory", "control", "container-cgroup", "node-systemd", "swap", "native"}
    # What a user of a cluster may lack the right to: limit ranges and quotas, workloads, to act as
    # another user, what components count.
    | {"namespace-rules", "workloads", "impersonation", "metrics"}
    # What a runtime, or the host below it, may not have: the CRI itself (an OCI runtime alone), a
    # way to its program, its pause and its checkpoints, what the kernel counts.
    | {"oci-state", "pause", "checkpoint", "swap-accounting", "hugetlb", "second-cpu"}
)
DEVIATION_NEED = "deviation="
WITHOUT_NEED = "without="


def needed_deviations(need: str) -> tuple[str, ...]:
    """Return the ids in ``deviation=<id>|<id>``; empty for a need of another kind."""
    if not need.startswith(DEVIATION_NEED):
        return ()
    return tuple(need.removeprefix(DEVIATION_NEED).split("|"))


def precluding_deviations(need: str) -> tuple[str, ...]:
    """Return the ids in ``without=<id>|<id>``; empty for a need of another kind."""
    if not need.startswith(WITHOUT_NEED):
        return ()
    return tuple(need.removeprefix(WITHOUT_NEED).split("|"))


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
    of ``NEEDS`` or ``deviation=<id>``; ``outcome`` says of which outcomes of a resize it speaks;
    ``judged`` by what it is decided.
    ``deadlines`` may differ by version and is empty when time is no part of the statement.
    ``factor`` is how many times as much one of two measurements must be as the other, None when
    none are compared. ``put_to`` says to what; a runtime has no version of Kubernetes, so there
    ``versions`` says nothing.
    """

    id: str
    level: Level
    title: str
    text: str
    clause: str
    source: str
    versions: SpecifierSet
    needs: frozenset[str]
    outcome: Scope
    judged: Judged
    deadlines: tuple[Deadline, ...]
    profiles: frozenset[str]
    factor: float | None = None
    put_to: PutTo = PutTo.CLUSTER

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
class NotChecked:
    """A line of the specification that no check puts to a target, and why."""

    id: str
    title: str
    versions: SpecifierSet
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Affects:
    """The stacks a deviation is known on: a Kubernetes range and a runtime's version range.

    An empty ``runtime`` is any: of what the kubelet or the apiserver does by itself. Of these it
    may be those with one OCI runtime alone, one cgroup version (0 for both) or one cgroup driver
    (empty for any). One of a runtime alone has no range of Kubernetes (None); it may be of an OCI
    runtime, whatever calls it (``runtime`` empty) or where nobody but the suite does (``alone``).
    ``native``: an emulated node, whose limits are longer, does not show it.
    """

    kubernetes: SpecifierSet | None
    runtime: str
    runtime_versions: SpecifierSet
    oci_runtime: str = ""
    oci_runtime_versions: SpecifierSet = dataclasses.field(default_factory=SpecifierSet)
    cgroup_version: int = 0
    alone: bool = False
    cgroup_driver: str = ""
    native: bool = False

    def matches(self, found: Fingerprint) -> bool:
        """Return whether a target is one of these."""
        return (
            self.runtime in ("", found.runtime)
            and self.kubernetes is not None
            and self.kubernetes.contains(parse_release(found.kubernetes))
            and (
                not self.runtime
                or self.runtime_versions.contains(
                    parse_version(found.runtime_version), prereleases=True
                )
            )
            and self._has_such_cgroups(found)
            and not (self.native and found.is_emulated)
            and self.oci_runtime in ("", found.oci_runtime)
            and (not self.oci_runtime or self._is_of(found.oci_runtime_version))
        )

    def _has_such_cgroups(self, found: Fingerprint | RuntimeFingerprint) -> bool:
        return self.cgroup_version in (0, found.cgroup_version) and self.cgroup_driver in (
            "",
            found.cgroup_driver,
        )

    def _is_of(self, oci_runtime_version: str) -> bool:
        # A distribution's own mark (1.1.5+ds1) is no part of a release.
        return _is_in(oci_runtime_version.partition("+")[0], self.oci_runtime_versions)

    def matches_runtime(self, found: RuntimeFingerprint) -> bool:
        """Return whether a runtime without Kubernetes is one of these."""
        if self.kubernetes is not None or not self._has_such_cgroups(found):
            return False
        if self.alone and not found.is_alone:
            return False
        return all(
            not name or (name == its_name and _is_in(version, versions))
            for name, versions, its_name, version in (
                (self.runtime, self.runtime_versions, found.runtime, found.runtime_version),
                (
                    *(self.oci_runtime, self.oci_runtime_versions),
                    *(found.oci_runtime, found.oci_runtime_version),
                ),
            )
        )

    def __str__(self) -> str:
        if self.kubernetes is not None:
            return self.in_words(",".join(sorted(map(str, self.kubernetes))))
        named = (
            (self.runtime, self.runtime_versions),
            (self.oci_runtime, self.oci_runtime_versions),
        )
        text = ", ".join(f"{name} {versions}".rstrip() for name, versions in named if name)
        return text + (" alone" if self.alone else "") + self._cgroups_in_words()

    def in_words(self, releases: str) -> str:
        """Return the stacks of some releases of Kubernetes, as ``releases`` calls these."""
        text = f"{self.runtime} {self.runtime_versions}" if self.runtime else "any runtime"
        if self.oci_runtime:
            text += f" and {self.oci_runtime} {self.oci_runtime_versions}".rstrip()
        text += f" with Kubernetes {releases}{self._cgroups_in_words()}"
        return f"{text}, not emulated" if self.native else text

    def _cgroups_in_words(self) -> str:
        text = f", cgroup v{self.cgroup_version}" if self.cgroup_version else ""
        return f"{text}, cgroup driver {self.cgroup_driver}" if self.cgroup_driver else text


def _is_in(version: str, versions: SpecifierSet) -> bool:
    try:
        return versions.contains(parse_version(version), prereleases=True)
    except UsageError:
        return False  # nobody could say which it is


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shows:
    """One kind of claim that a deviation makes fail: patterns for all of what it says.

    ``what``, ``got`` and ``want`` are regular expressions, matched against the whole of what was
    looked at, and of what was got and wanted as JSON. With ``fewer`` what was got has some of the
    fields that were wanted, each as it was wanted, and no other; those that it lacks are among
    ``lacking``, where that names any. One that ``follows`` is what comes of another one of the
    deviation's, and shows nothing by itself.
    """

    what: str
    got: str = ".*"
    want: str = ".*"
    fewer: bool = False
    lacking: frozenset[str] = frozenset()
    follows: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A catalogued departure of named stacks from requirements.

    ``explains`` lists the requirements it is an accepted reason for; ``signature`` names the
    function in ``evidence/signatures.py`` that says whether a timeline shows it exactly;
    ``reading`` is the line a person reads. ``no_check`` says why no check goes looking for it (a
    race that nobody can force), empty when one does. A ``race`` shows in some resizes and not in
    others of the same stack, so what it explains is met, with the race beside it: a verdict that
    the scheduling of two threads decides would say nothing of the stack. ``fleeting``: it is there
    in each resize and lasts for milliseconds, so that the sampler of a short look may miss it.
    ``shows`` is the signature of one that is known by claims: each claim of a check that does not
    hold has to be one of these.
    """

    id: str
    title: str
    explains: frozenset[str]
    affects: tuple[Affects, ...]
    signature: str
    source: str
    reading: str
    no_check: str = ""
    race: bool = False
    fleeting: bool = False
    shows: tuple[Shows, ...] = ()
