"""Read the catalogue and refuse a bad one.

The catalogue is data that people edit by hand, so every mistake that can be told at load time is:
an unknown key, a duplicate id, a range that is no range, a reference to nothing. The files are
package data and are read once per process: ``catalogue/*.yaml`` (one file per area),
``not_checked.yaml`` and ``deviations/*.yaml``. Keys of a requirement:

* ``needs``: gate-on, gate-off; cgroup (the node's cgroup files), cri (its runtime socket), control
  (its components can be restarted), node-systemd (the systemd that runs it can be asked);
  cgroup-v1, cgroup-v2, systemd (the cgroup driver), static-cpu, static-memory, swap; native (the
  node's processor is not emulated);
  ``deviation=<id>`` (a target that the deviation affects; ``<id>|<id>``: that one of them does)
* ``outcome``: granted, deferred, infeasible, pending (one of these two), refused, accepted (all but
  refused) or any: of which outcomes of a resize it speaks
* ``judged``: timeline (the default; a judge in ``evidence/judges``) or claims (a check's own)
* ``deadlines``: seconds by range of Kubernetes versions
* ``factor``: how many times as much one of two measurements must be as the other
* ``put_to``: cluster (the default) or runtime, a container runtime without Kubernetes. There
  ``versions`` and ``outcome`` may be left out, ``judged`` is claims, and needs are also oci-state,
  pause, checkpoint, swap-accounting, hugetlb, second-cpu

A deviation has a check that looks for it, or ``no_check`` with the reason why none can. It has a
``signature``, or ``shows`` the claims that it makes fail (patterns ``what``, ``got``, ``want``;
``fewer`` and ``follows`` as of ``Shows``; ``fewer`` is true, or a list of what may be lacking). One
of a cluster may be of an ``oci_runtime`` (with ``oci_runtime_versions``). One of a runtime alone is
of a ``runtime``, an ``oci_runtime`` or both, each with a range of versions or without; ``alone`` is
true where it does not show behind a CRI runtime. Any may be of one ``cgroup_version`` and of one
``cgroup_driver``; ``native`` is true where the longer limits of an emulated node hide it.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import importlib.resources
import re
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from podresize.errors import UsageError
from podresize.requirements.model import (
    NEEDS,
    Affects,
    Deadline,
    Deviation,
    Judged,
    Level,
    NotChecked,
    PutTo,
    Requirement,
    Scope,
    Shows,
    needed_deviations,
    precluding_deviations,
)
from podresize.requirements.reading import Reader, bad, parse_list
from podresize.requirements.target import CGROUP_DRIVERS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All requirements and deviations by id, in the order of the files.

    ``not_checked`` holds the lines of the specification without a check.
    """

    requirements: Mapping[str, Requirement]
    deviations: Mapping[str, Deviation]
    not_checked: Mapping[str, NotChecked] = dataclasses.field(default_factory=dict)

    def requirement(self, requirement_id: str) -> Requirement:
        """Return one requirement; an unknown id is a ``UsageError`` that offers the nearest."""
        try:
            return self.requirements[requirement_id]
        except KeyError:
            what = "there is no such requirement in the catalogue"
            raise _unknown(what, requirement_id, self.requirements) from None

    def entry(self, identity: str) -> Requirement | Deviation | NotChecked:
        """Return what an id stands for; an unknown one is a ``UsageError`` with the nearest."""
        known: dict[str, Requirement | Deviation | NotChecked]
        known = {**self.requirements, **self.not_checked, **self.deviations}
        try:
            return known[identity]
        except KeyError:
            raise _unknown("there is no such id in the catalogue", identity, known) from None

    def explaining(self, requirement_id: str) -> tuple[Deviation, ...]:
        """Return the deviations that are an accepted reason for failing a requirement."""
        return tuple(item for item in self.deviations.values() if requirement_id in item.explains)


_HERE = importlib.resources.files("podresize.requirements")
_NOT_CHECKED = _HERE.joinpath("not_checked.yaml")


@functools.cache
def load_catalogue() -> Catalogue:
    """Return the catalogue that podresize ships. Raises ``UsageError`` when it is malformed."""
    return parse_catalogue(
        _texts("catalogue"),
        "\n".join(_texts("deviations").values()),  # lists of one level: together they are one
        _NOT_CHECKED.read_text(encoding="utf-8"),
    )


@functools.cache
def catalogue_digest() -> str:
    """Return what tells this catalogue from any other: ``sha256:`` and the hash of its files."""
    files = _texts("catalogue") | _texts("deviations")
    files[_NOT_CHECKED.name] = _NOT_CHECKED.read_text(encoding="utf-8")
    digest = hashlib.sha256()
    for name, text in sorted(files.items()):
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return f"sha256:{digest.hexdigest()}"


def _texts(folder: str) -> dict[str, str]:
    files = sorted(_HERE.joinpath(folder).iterdir(), key=lambda item: item.name)
    return {file.name: file.read_text(encoding="utf-8") for file in files}


def parse_catalogue(
    requirements: Mapping[str, str], deviations: str, not_checked: str = "[]"
) -> Catalogue:
    """Build a catalogue from YAML texts, each a list of mappings; requirements by file name.

    Raises ``UsageError`` for anything that is not a well-formed, self-consistent catalogue.
    """
    known: dict[str, Requirement] = {}
    for origin, text in requirements.items():
        for identity, requirement in parse_list(text, origin, _requirement).items():
            if identity in known:
                raise bad("an id occurs twice", identity, origin)
            known[identity] = requirement
    left_out = parse_list(not_checked, "not_checked.yaml", _not_checked)
    for identity in left_out.keys() & known.keys():
        raise bad("a requirement cannot be listed as not checked", identity, "not_checked.yaml")
    departures = parse_list(deviations, "deviations", _deviation)
    for departure in departures.values():
        for missing in sorted(departure.explains - known.keys()):
            raise bad("a deviation explains an unknown requirement", missing, departure.id)
    for requirement in known.values():
        for need in requirement.needs:
            for name in (*needed_deviations(need), *precluding_deviations(need)):
                if name not in departures:
                    raise bad("a requirement needs an unknown deviation", name, requirement.id)
    return Catalogue(requirements=known, deviations=departures, not_checked=left_out)


def _requirement(reader: Reader) -> Requirement:
    needs = reader.words("needs")
    for need in needs:
        if need not in NEEDS and not (needed_deviations(need) or precluding_deviations(need)):
            raise bad("an unknown need", need, reader.origin)
    deadlines = reader.optional("deadlines", {})
    if not isinstance(deadlines, dict):
        raise bad("deadlines map a range to seconds", str(deadlines), reader.origin)
    factor = reader.optional("factor", None)
    if factor is not None and (not isinstance(factor, int | float) or factor <= 1):
        raise bad("a factor is a number above 1", str(factor), reader.origin)
    put_to = reader.one_of("put_to", PutTo, PutTo.CLUSTER)
    return Requirement(
        id=reader.text("id"),
        level=reader.one_of("level", Level),
        title=reader.text("title"),
        text=reader.text("text"),
        clause=reader.text("clause"),
        source=reader.text("source"),
        versions=_versions(reader, put_to),
        needs=needs,
        outcome=reader.one_of("outcome", Scope, Scope.ANY if put_to is PutTo.RUNTIME else None),
        judged=reader.one_of(
            "judged", Judged, Judged.CLAIMS if put_to is PutTo.RUNTIME else Judged.TIMELINE
        ),
        deadlines=tuple(
            _deadline(versions, seconds, reader.origin) for versions, seconds in deadlines.items()
        ),
        profiles=reader.words("profiles"),
        factor=factor,
        put_to=put_to,
    )


def _versions(reader: Reader, put_to: PutTo) -> SpecifierSet:
    if put_to is PutTo.RUNTIME and "versions" not in reader.raw:
        return SpecifierSet()
    return _range(reader.text("versions"), reader.origin)


def _not_checked(reader: Reader) -> NotChecked:
    return NotChecked(
        id=reader.text("id"),
        title=reader.text("title"),
        versions=_range(reader.text("versions"), reader.origin),
        reason=reader.text("reason"),
    )


def _deviation(reader: Reader) -> Deviation:
    affects = reader.optional("affects", [])
    if not isinstance(affects, list) or not affects:
        raise bad("a deviation affects a list of stacks", str(affects), reader.origin)
    return Deviation(
        id=reader.text("id"),
        title=reader.text("title"),
        explains=reader.words("explains"),
        affects=tuple(_affects(Reader(item, reader.origin)) for item in affects),
        signature=_signature(reader),
        source=reader.text("source"),
        reading=reader.text("reading"),
        no_check=reader.text("no_check") if "no_check" in reader.raw else "",
        race=_flag(reader, "race"),
        fleeting=_flag(reader, "fleeting"),
        shows=_shows(reader),
    )


def _signature(reader: Reader) -> str:
    if "shows" in reader.raw and "signature" not in reader.raw:
        return ""
    return reader.text("signature")


def _shows(reader: Reader) -> tuple[Shows, ...]:
    entries = reader.optional("shows", [])
    if not isinstance(entries, list):
        raise bad("'shows' is a list of claims", str(entries), reader.origin)
    found = []
    for entry in entries:
        inner = Reader(entry, reader.origin)
        patterns = {key: inner.text(key) for key in ("what", "got", "want") if key in inner.raw}
        lacking = inner.words("fewer") if isinstance(inner.raw.get("fewer"), list) else frozenset()
        fewer = bool(lacking) or _flag(inner, "fewer")
        follows = _flag(inner, "follows")
        inner.close()
        for pattern in patterns.values():
            try:
                re.compile(pattern)
            except re.error as error:
                raise bad("not a regular expression", pattern, reader.origin) from error
        if "what" not in patterns:
            raise bad("a claim that a deviation shows has a 'what'", str(entry), reader.origin)
        what, got, want = (patterns.get(key, ".*") for key in ("what", "got", "want"))
        found.append(
            Shows(what=what, got=got, want=want, fewer=fewer, lacking=lacking, follows=follows)
        )
    if found and all(each.follows for each in found):
        raise bad("all that it shows follows from something else", str(entries), reader.origin)
    return tuple(found)


def _flag(reader: Reader, key: str) -> bool:
    value = reader.optional(key, False)
    if not isinstance(value, bool):
        raise bad(f"'{key}' is true or false", str(value), reader.origin)
    return value


def _affects(reader: Reader) -> Affects:
    if "runtime_versions" in reader.raw and "runtime" not in reader.raw:
        raise bad("versions of no runtime", str(reader.raw), reader.origin)
    if "kubernetes" in reader.raw:
        built = Affects(
            kubernetes=_range(reader.text("kubernetes"), reader.origin),
            runtime=_text_or_none(reader, "runtime"),
            runtime_versions=_range_or_any(reader, "runtime_versions"),
            native=_flag(reader, "native"),
            **_below(reader),
        )
    else:
        built = _affects_runtime(reader)
    reader.close()
    return built


def _affects_runtime(reader: Reader) -> Affects:
    """Read the stacks of a deviation that needs no Kubernetes: either name, or both."""
    if not {"runtime", "oci_runtime"} & reader.raw.keys():
        raise bad("it affects no stack", str(reader.raw), reader.origin)
    return Affects(
        kubernetes=None,
        runtime=_text_or_none(reader, "runtime"),
        runtime_versions=_range_or_any(reader, "runtime_versions"),
        alone=_flag(reader, "alone"),
        **_below(reader),
    )


def _below(reader: Reader) -> dict[str, Any]:
    """Read what a stack has below its CRI runtime; what is not named is any."""
    version = reader.optional("cgroup_version", 0)
    if version not in (0, 1, 2):
        raise bad("a cgroup version is 1 or 2", str(version), reader.origin)
    driver = _text_or_none(reader, "cgroup_driver")
    if driver not in ("", *CGROUP_DRIVERS):
        raise bad("there is no such cgroup driver", driver, reader.origin)
    return {
        "oci_runtime": _text_or_none(reader, "oci_runtime"),
        "oci_runtime_versions": _range_or_any(reader, "oci_runtime_versions"),
        "cgroup_version": version,
        "cgroup_driver": driver,
    }


def _text_or_none(reader: Reader, key: str) -> str:
    return reader.text(key) if key in reader.raw else ""


def _range_or_any(reader: Reader, key: str) -> SpecifierSet:
    return _range(reader.text(key), reader.origin) if key in reader.raw else SpecifierSet()


def _deadline(versions: Any, seconds: Any, origin: str) -> Deadline:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise bad("a deadline is a positive number of seconds", str(seconds), origin)
    return Deadline(versions=_range(str(versions), origin), seconds=float(seconds))


def _range(text: str, origin: str) -> SpecifierSet:
    try:
        versions = SpecifierSet(text)
    except InvalidSpecifier as error:
        raise bad("this is not a range of versions", text, origin) from error
    if not versions:
        raise bad("a range of versions is empty", text, origin)
    return versions


def _unknown(what: str, identity: str, known: Iterable[str]) -> UsageError:
    near = difflib.get_close_matches(identity.upper(), known, n=3)
    return UsageError(
        what,
        value=identity,
        causes=(f"the nearest are: {', '.join(near)}",) if near else (),
        next_command="podresize list",
    )
