"""Read the catalogue and refuse a bad one.

The catalogue is data that people edit by hand, so every mistake that can be told at load time is:
an unknown key, a duplicate id, a range that is no range, a reference to nothing. The files are
package data and are read once per process: ``catalogue/*.yaml`` (one file per area),
``not_checked.yaml`` and ``deviations.yaml``. Keys of a requirement:

* ``needs``: gate-on, gate-off; cgroup (the node's cgroup files), cri (its runtime socket), control
  (its components can be restarted); cgroup-v1, cgroup-v2, systemd, static-cpu, static-memory;
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
``signature``, or ``shows`` the claims that it makes fail. One of a runtime alone is of a
``runtime``, an ``oci_runtime`` or both, each with a range of versions or without.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib.resources
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from podresize.errors import UsageError
from podresize.requirements.model import (
    DEVIATION_NEED,
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
)

_ID = re.compile(r"[A-Z]{1,4}-\d{2,3}")
_Entry = TypeVar("_Entry")


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


@functools.cache
def load_catalogue() -> Catalogue:
    """Return the catalogue that podresize ships. Raises ``UsageError`` when it is malformed."""
    here = importlib.resources.files("podresize.requirements")
    areas = sorted(here.joinpath("catalogue").iterdir(), key=lambda item: item.name)
    return parse_catalogue(
        {area.name: area.read_text(encoding="utf-8") for area in areas},
        here.joinpath("deviations.yaml").read_text(encoding="utf-8"),
        here.joinpath("not_checked.yaml").read_text(encoding="utf-8"),
    )


def parse_catalogue(
    requirements: Mapping[str, str], deviations: str, not_checked: str = "[]"
) -> Catalogue:
    """Build a catalogue from YAML texts, each a list of mappings; requirements by file name.

    Raises ``UsageError`` for anything that is not a well-formed, self-consistent catalogue.
    """
    known: dict[str, Requirement] = {}
    for origin, text in requirements.items():
        for identity, requirement in _parse_list(text, origin, _requirement).items():
            if identity in known:
                raise _bad("an id occurs twice", identity, origin)
            known[identity] = requirement
    left_out = _parse_list(not_checked, "not_checked.yaml", _not_checked)
    for identity in left_out.keys() & known.keys():
        raise _bad("a requirement cannot be listed as not checked", identity, "not_checked.yaml")
    departures = _parse_list(deviations, "deviations.yaml", _deviation)
    for departure in departures.values():
        for missing in sorted(departure.explains - known.keys()):
            raise _bad("a deviation explains an unknown requirement", missing, departure.id)
    for requirement in known.values():
        for need in requirement.needs:
            for name in needed_deviations(need):
                if name not in departures:
                    raise _bad("a requirement needs an unknown deviation", name, requirement.id)
    return Catalogue(requirements=known, deviations=departures, not_checked=left_out)


# libyaml's, ten times as fast, where it is built in: each of a dozen workers reads the catalogue.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _parse_list(text: str, origin: str, build: Callable[[_Reader], _Entry]) -> dict[str, _Entry]:
    try:
        entries = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _bad("a catalogue file is not YAML", str(error), origin) from error
    if not isinstance(entries, list):
        raise _bad("a catalogue file must hold a list", type(entries).__name__, origin)
    result: dict[str, _Entry] = {}
    for number, raw in enumerate(entries, start=1):
        reader = _Reader(raw, f"{origin}, entry {number}")
        identity = reader.text("id")
        reader.origin = f"{origin}, {identity}"
        if not _ID.fullmatch(identity):
            raise _bad("an id reads like ST-21", identity, reader.origin)
        if identity in result:
            raise _bad("an id occurs twice", identity, origin)
        result[identity] = build(reader)
        reader.close()
    return result


def _requirement(reader: _Reader) -> Requirement:
    needs = reader.words("needs")
    for need in needs:
        if need not in NEEDS and not need.startswith(DEVIATION_NEED):
            raise _bad("an unknown need", need, reader.origin)
    deadlines = reader.optional("deadlines", {})
    if not isinstance(deadlines, dict):
        raise _bad("deadlines map a range to seconds", str(deadlines), reader.origin)
    factor = reader.optional("factor", None)
    if factor is not None and (not isinstance(factor, int | float) or factor <= 1):
        raise _bad("a factor is a number above 1", str(factor), reader.origin)
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


def _versions(reader: _Reader, put_to: PutTo) -> SpecifierSet:
    if put_to is PutTo.RUNTIME and "versions" not in reader.raw:
        return SpecifierSet()
    return _range(reader.text("versions"), reader.origin)


def _not_checked(reader: _Reader) -> NotChecked:
    return NotChecked(
        id=reader.text("id"),
        title=reader.text("title"),
        versions=_range(reader.text("versions"), reader.origin),
        reason=reader.text("reason"),
    )


def _deviation(reader: _Reader) -> Deviation:
    affects = reader.optional("affects", [])
    if not isinstance(affects, list) or not affects:
        raise _bad("a deviation affects a list of stacks", str(affects), reader.origin)
    return Deviation(
        id=reader.text("id"),
        title=reader.text("title"),
        explains=reader.words("explains"),
        affects=tuple(_affects(_Reader(item, reader.origin)) for item in affects),
        signature=_signature(reader),
        source=reader.text("source"),
        reading=reader.text("reading"),
        no_check=reader.text("no_check") if "no_check" in reader.raw else "",
        race=_flag(reader, "race"),
        fleeting=_flag(reader, "fleeting"),
        shows=_shows(reader),
    )


def _signature(reader: _Reader) -> str:
    if "shows" in reader.raw and "signature" not in reader.raw:
        return ""
    return reader.text("signature")


def _shows(reader: _Reader) -> tuple[Shows, ...]:
    entries = reader.optional("shows", [])
    if not isinstance(entries, list):
        raise _bad("'shows' is a list of claims", str(entries), reader.origin)
    found = []
    for entry in entries:
        inner = _Reader(entry, reader.origin)
        patterns = {key: inner.text(key) for key in ("what", "got", "want") if key in inner.raw}
        inner.close()
        for pattern in patterns.values():
            try:
                re.compile(pattern)
            except re.error as error:
                raise _bad("not a regular expression", pattern, reader.origin) from error
        if "what" not in patterns:
            raise _bad("a claim that a deviation shows has a 'what'", str(entry), reader.origin)
        found.append(Shows(**patterns))
    return tuple(found)


def _flag(reader: _Reader, key: str) -> bool:
    value = reader.optional(key, False)
    if not isinstance(value, bool):
        raise _bad(f"'{key}' is true or false", str(value), reader.origin)
    return value


def _affects(reader: _Reader) -> Affects:
    if "kubernetes" in reader.raw:
        built = Affects(
            kubernetes=_range(reader.text("kubernetes"), reader.origin),
            runtime=reader.text("runtime"),
            runtime_versions=_range(reader.text("runtime_versions"), reader.origin),
        )
    else:
        built = _affects_runtime(reader)
    reader.close()
    return built


def _affects_runtime(reader: _Reader) -> Affects:
    """Read the stacks of a deviation that needs no Kubernetes: either name, or both."""
    if not {"runtime", "oci_runtime"} & reader.raw.keys():
        raise _bad("it affects no stack", str(reader.raw), reader.origin)
    version = reader.optional("cgroup_version", 0)
    if version not in (0, 1, 2):
        raise _bad("a cgroup version is 1 or 2", str(version), reader.origin)
    return Affects(
        kubernetes=None,
        runtime=_text_or_none(reader, "runtime"),
        runtime_versions=_range_or_any(reader, "runtime_versions"),
        oci_runtime=_text_or_none(reader, "oci_runtime"),
        oci_runtime_versions=_range_or_any(reader, "oci_runtime_versions"),
        cgroup_version=version,
    )


def _text_or_none(reader: _Reader, key: str) -> str:
    return reader.text(key) if key in reader.raw else ""


def _range_or_any(reader: _Reader, key: str) -> SpecifierSet:
    return _range(reader.text(key), reader.origin) if key in reader.raw else SpecifierSet()


def _deadline(versions: Any, seconds: Any, origin: str) -> Deadline:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise _bad("a deadline is a positive number of seconds", str(seconds), origin)
    return Deadline(versions=_range(str(versions), origin), seconds=float(seconds))


def _range(text: str, origin: str) -> SpecifierSet:
    try:
        versions = SpecifierSet(text)
    except InvalidSpecifier as error:
        raise _bad("this is not a range of versions", text, origin) from error
    if not versions:
        raise _bad("a range of versions is empty", text, origin)
    return versions


def _unknown(what: str, identity: str, known: Iterable[str]) -> UsageError:
    near = difflib.get_close_matches(identity.upper(), known, n=3)
    return UsageError(
        what,
        value=identity,
        causes=(f"the nearest are: {', '.join(near)}",) if near else (),
        next_command="podresize list",
    )


def _bad(what: str, value: str, origin: str) -> UsageError:
    return UsageError(what, value=value, origin=origin, causes=("a mistake in the catalogue",))


class _Reader:
    """One mapping of the file; ``close`` refuses the keys nobody asked for."""

    def __init__(self, raw: Any, origin: str) -> None:
        if not isinstance(raw, dict):
            raise _bad("an entry must be a mapping", str(raw), origin)
        self.raw: dict[Any, Any] = raw
        self.origin = origin
        self.read: set[Any] = set()

    def optional(self, key: str, default: Any) -> Any:
        self.read.add(key)
        return self.raw.get(key, default)

    def text(self, key: str) -> str:
        value = self.optional(key, None)
        if not isinstance(value, str) or not value.strip():
            raise _bad(f"{key!r} must be a text", str(value), self.origin)
        return " ".join(value.split())

    def words(self, key: str) -> frozenset[str]:
        value = self.optional(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _bad(f"{key!r} must be a list of words", str(value), self.origin)
        return frozenset(value)

    def one_of(self, key: str, kind: type[_Enum], default: _Enum | None = None) -> _Enum:
        if default is not None and key not in self.raw:
            return default
        value = self.text(key)
        try:
            return kind(value)
        except ValueError:
            raise _bad(f"{key!r} has no such value", value, self.origin) from None

    def close(self) -> None:
        for key in self.raw.keys() - self.read:
            raise _bad("an unknown key", str(key), self.origin)


_Enum = TypeVar("_Enum", Level, Scope, Judged, PutTo)
