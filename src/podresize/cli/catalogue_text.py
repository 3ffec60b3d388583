"""The catalogue as text for a terminal."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from packaging.version import Version

from podresize.cli.checks import FoundCheck
from podresize.evidence.judges import JUDGES
from podresize.evidence.signatures import SIGNATURES
from podresize.requirements.areas import AREAS, area_of
from podresize.requirements.loader import Catalogue
from podresize.requirements.model import (
    Affects,
    Deviation,
    Judged,
    NotChecked,
    PutTo,
    Requirement,
    Scope,
    Shows,
    needed_deviations,
    precluding_deviations,
)
from podresize.requirements.versions import describe_range

_Entry = TypeVar("_Entry", Requirement, NotChecked)
WIDTH = 100
RELEASES = tuple(f"1.{minor}" for minor in range(27, 38))
"""The releases of which the specification speaks."""
OF_NO_RELEASE = "RT"
"""The area whose statements are of a runtime, with which no release has anything to do."""
_NEEDS = {
    "gate-on": "the feature gate on",
    "gate-off": "the feature gate off",
    "cgroup": "the node's cgroup files",
    "container-cgroup": "the cgroup files of containers",
    "cri": "the runtime's socket",
    "control": "components that can be restarted",
    "node-systemd": "a systemd that runs the node and can be asked",
    "swap": "swap on the node",
    "cgroup-v1": "cgroup v1",
    "cgroup-v2": "cgroup v2",
    "systemd": "the systemd cgroup driver",
    "static-cpu": "the static CPU manager",
    "static-memory": "the Static memory manager",
    "namespace-rules": "the right to make quotas and limit ranges",
    "workloads": "the right to make Deployments and Jobs",
    "impersonation": "the right to act as another user",
    "metrics": "the right to read metrics",
    "oci-state": "the OCI runtime's own state",
    "pause": "a way to pause a container",
    "checkpoint": "checkpoints",
    "swap-accounting": "a kernel that counts swap",
    "hugetlb": "a kernel that limits huge pages",
    "second-cpu": "two processors",
}
_SCOPES = {
    Scope.PENDING: "deferred or infeasible",
    Scope.ACCEPTED: "accepted: granted, deferred or infeasible",
    Scope.ANY: "asked for, whatever becomes of it",
}


def needs_in_words(requirement: Requirement) -> str:
    """Return what a target must have: ``the feature gate on, the runtime's socket``."""
    words = [_NEEDS.get(need, need) for need in _NEEDS if need in requirement.needs]
    for need in sorted(requirement.needs - _NEEDS.keys()):
        if ids := needed_deviations(need):
            words.append(f"a stack that {' or '.join(ids)} affects")
        elif ids := precluding_deviations(need):
            words.append(f"a stack that neither {' nor '.join(ids)} affects")
        else:
            words.append(need)
    return ", ".join(words) or "nothing in particular"


def scope_in_words(requirement: Requirement) -> str:
    """Return of which resizes a requirement speaks: ``a resize that is granted``."""
    return f"a resize that is {_SCOPES.get(requirement.outcome, requirement.outcome)}"


def deadlines_in_words(requirement: Requirement) -> str:
    """Return the time allowed, by release; empty where time plays no part."""
    return "; ".join(
        f"{item.seconds:g} s on {describe_range(item.versions)}" for item in requirement.deadlines
    )


def factor_in_words(requirement: Requirement) -> str:
    """Return how measurements must compare; empty where none are compared."""
    return f"{requirement.factor:g} times as much" if requirement.factor is not None else ""


def stacks_in_words(affects: Affects) -> str:
    """Return the stacks a deviation is known on, the range of releases as a person says it."""
    if affects.kubernetes is None:
        return f"{affects} (without Kubernetes)"
    return affects.in_words(describe_range(affects.kubernetes))


def shows_in_words(item: Deviation) -> list[str]:
    """Return the patterns of the claims that a deviation makes fail, one line each."""
    return [
        f"{each.what}: {_got_in_words(each)} instead of {each.want}"
        + (", where another of these fails as well" if each.follows else "")
        for each in item.shows
    ]


def _got_in_words(shows: Shows) -> str:
    if not shows.fewer:
        return shows.got
    lacking = f" (without {' or '.join(sorted(shows.lacking))})" if shows.lacking else ""
    return f"fewer fields{lacking}"


def versions_in_words(requirement: Requirement) -> str:
    """Return the releases of Kubernetes that a requirement is made about, or that it is of none."""
    if requirement.put_to is PutTo.RUNTIME:
        return "a runtime without Kubernetes"
    return describe_range(requirement.versions)


def listing(catalogue: Catalogue, checks: Sequence[FoundCheck]) -> str:
    """Return every requirement by area, each with its checks, and the deviations."""
    lines: list[str] = []
    for area, entries in by_area(catalogue.requirements).items():
        lines += [f"{AREAS[area]} ({len(entries)})", ""]
        for item in entries:
            profiles = ", ".join(sorted(item.profiles))
            about = f"{item.level}, {versions_in_words(item)}, {profiles}, by {item.judged}"
            lines += [f"  {item.id:<8}{item.title}", f"{'':10}{about}"]
            named = sorted(str(each) for each in checks if item.id in each.requirements)
            lines += [f"{'':10}{name}" for name in named or ["no check"]]
        lines.append("")
    lines += [f"Known deviations ({len(catalogue.deviations)})", ""]
    for known in sorted(catalogue.deviations.values(), key=lambda each: natural(each.id)):
        lines += [f"  {known.id:<8}{known.title}"]
        lines += [f"{'':10}{stacks_in_words(affects)}" for affects in known.affects]
    lines += ["", f"Not checked: {len(catalogue.not_checked)} (podresize list --not-checked)"]
    lines += ["One of them in full: podresize explain ST-21"]
    return "\n".join(lines) + "\n"


def not_checked(catalogue: Catalogue) -> str:
    """Return the lines of the specification that have no check, each with its reason."""
    if not catalogue.not_checked:
        return "every line of the specification is checked\n"
    lines: list[str] = []
    for area, entries in by_area(catalogue.not_checked).items():
        lines += [f"{AREAS[area]} ({len(entries)})", ""]
        for item in entries:
            lines += [f"  {item.id:<8}{item.title}  ({describe_range(item.versions)})"]
            lines += _wrapped(item.reason, indent=10)
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def coverage(catalogue: Catalogue, checks: Sequence[FoundCheck]) -> str:
    """Return how many lines hold for a release and how many of them a check serves."""
    named = {id_ for check in checks for id_ in check.requirements}
    lines = ["area" + "".join(f"{release:>9}" for release in RELEASES)]
    totals = dict.fromkeys(RELEASES, (0, 0))
    for area in AREAS:
        if area == OF_NO_RELEASE:
            continue
        line = f"{area:<4}"
        for release in RELEASES:
            here = [
                id_
                for known in (catalogue.requirements, catalogue.not_checked)
                for id_, item in known.items()
                if area_of(id_) == area and item.versions.contains(Version(release))
            ]
            served = len(named.intersection(here))
            totals[release] = (totals[release][0] + served, totals[release][1] + len(here))
            line += f"{f'{served}/{len(here)}':>9}"
        lines.append(line)
    lines.append("all " + "".join(f"{f'{some}/{every}':>9}" for some, every in totals.values()))
    lines += [
        "",
        "checked / lines that hold for the release; podresize list --not-checked says why",
    ]
    return "\n".join(lines) + "\n"


def requirement(item: Requirement, catalogue: Catalogue, checks: Sequence[FoundCheck]) -> str:
    """Return all that is known of one requirement."""
    serving = [check for check in checks if item.id in check.requirements]
    pairs = [
        ("clause", item.clause),
        ("source", item.source),
        _put_to(item),
        ("needs", needs_in_words(item)),
        ("speaks of", scope_in_words(item) if item.put_to is PutTo.CLUSTER else ""),
        ("within", deadlines_in_words(item)),
        ("at least", factor_in_words(item)),
        ("profiles", ", ".join(sorted(item.profiles))),
    ]
    lines = _head(f"{item.id} ({item.level}) {item.title}", item.text)
    lines += _pairs(pairs)
    lines += ["", *_judged_by(item, serving)]
    lines += ["", *_named("checks", [str(check) for check in serving] or ["none names it"])]
    explaining = sorted(catalogue.explaining(item.id), key=lambda each: natural(each.id))
    for known in explaining:
        lines += ["", f"  deviation {known.id}: {known.title}"]
        lines += [f"    on         {stacks_in_words(affects)}" for affects in known.affects]
        if known.signature:
            lines += [f"    signature  {known.signature}"]
    return "\n".join(lines) + "\n"


def _put_to(item: Requirement) -> tuple[str, str]:
    if item.put_to is PutTo.RUNTIME:
        return ("put to", versions_in_words(item))
    return ("versions", f"Kubernetes {describe_range(item.versions)}")


def deviation(item: Deviation, catalogue: Catalogue, checks: Sequence[FoundCheck]) -> str:
    """Return all that is known of one deviation."""
    lines = _head(f"{item.id} (known deviation) {item.title}", item.reading)
    lines += _pairs(
        [
            *(("on", stacks_in_words(affects)) for affects in item.affects),
            ("source", item.source),
        ]
    )
    if item.race:
        lines += ["", "  a race: what it explains is passed, with its id beside it"]
    if item.fleeting:
        lines += ["", "  fleeting: it lasts for milliseconds, which a sampler may miss"]
    if item.shows:
        lines += ["", *_named("claims that do not hold, and no others", shows_in_words(item))]
    if item.signature:
        lines += ["", f"  signature {item.signature}, all of which must be seen"]
        lines += _wrapped(spoken(SIGNATURES.get(item.signature)), indent=4)
    lines += ["", *_named("explains", [_title(id_, catalogue) for id_ in _sorted(item.explains)])]
    serving = [str(check) for check in looking_for(item, catalogue, checks)]
    lines += ["", *_named("checks", serving or [f"none: {item.no_check or 'nobody wrote one'}"])]
    return "\n".join(lines) + "\n"


def left_out(item: NotChecked) -> str:
    """Return why a line of the specification is not checked."""
    lines = _head(f"{item.id} (not checked) {item.title}", item.reason)
    return "\n".join([*lines, *_pairs([("versions", describe_range(item.versions))])]) + "\n"


def looking_for(
    item: Deviation, catalogue: Catalogue, checks: Sequence[FoundCheck]
) -> list[FoundCheck]:
    """Return the checks that go looking for a deviation."""
    needing = {
        id_
        for id_, known in catalogue.requirements.items()
        if any(item.id in needed_deviations(need) for need in known.needs)
    }
    return [
        check
        for check in checks
        if item.id in check.known_issues or needing.intersection(check.requirements)
    ]


def by_area(entries: Mapping[str, _Entry]) -> dict[str, list[_Entry]]:
    """Return entries by the prefix of their ids, in the order of ``AREAS``, sorted by number."""
    found: dict[str, list[_Entry]] = {area: [] for area in AREAS}
    for id_ in _sorted(entries):
        found[area_of(id_)].append(entries[id_])
    return {area: items for area, items in found.items() if items}


def natural(identity: str) -> tuple[str, int]:
    """Return a key that sorts ``KL-9`` before ``KL-10``."""
    prefix, _, number = identity.partition("-")
    return prefix, int(number)


def spoken(function: object) -> str:
    """Return what a judge or a signature says of itself, without the id it begins with."""
    text = " ".join((inspect.getdoc(function) or "").split())
    return re.sub(r"^[A-Z]+-\d+[^:]*: ", "", text)


def _judged_by(item: Requirement, serving: Iterable[FoundCheck]) -> list[str]:
    if item.judged is Judged.TIMELINE:
        lines = ["  judged by the timeline of each resize, which looks at"]
        return lines + _wrapped(spoken(JUDGES.get(item.id)), indent=4)
    lines = ["  judged by the claims of its checks, which look at"]
    said = dict.fromkeys(what for check in serving for id_, what in check.claims if id_ == item.id)
    return lines + [f"    {what}" for what in said]


def _head(title: str, text: str) -> list[str]:
    return [title, "", *_wrapped(text, indent=2), ""]


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    lines = []
    for name, text in pairs:
        if text:
            first, *rest = _wrapped(text, indent=14)
            lines += [f"  {name:<12}{first.lstrip()}", *rest]
    return lines


def _named(name: str, values: Sequence[str]) -> list[str]:
    return [f"  {name}", *(line for value in values for line in _wrapped(value, indent=4))]


def _title(id_: str, catalogue: Catalogue) -> str:
    return f"{id_:<8}{catalogue.requirements[id_].title}"


def _sorted(ids: Iterable[str]) -> list[str]:
    order = [*AREAS]
    return sorted(ids, key=lambda id_: (order.index(area_of(id_)), natural(id_)))


def _wrapped(text: str, *, indent: int) -> list[str]:
    space = " " * indent
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=space,
        subsequent_indent=space,
        break_long_words=False,
        break_on_hyphens=False,
    )
