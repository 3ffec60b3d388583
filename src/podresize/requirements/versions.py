"""Versions as components report them, made comparable.

Components do not speak PEP 440: ``v1.27.4``, ``1.6.20~ds1`` (a distribution's rebuild),
``2.0.0-rc.1`` and ``1.30.1-gke.1000`` are all seen in the wild. A fingerprint that cannot be parsed
would stop a run for no good reason, so the reader here takes the release and a pre-release marker
and drops the packager's suffix.
"""

from __future__ import annotations

import functools
import re

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from podresize.errors import UsageError

_VERSION = re.compile(
    r"v?(?P<release>\d+(?:\.\d+)*)(?:[-~.]?(?P<stage>alpha|beta|rc)[.-]?(?P<number>\d+))?",
    re.IGNORECASE,
)


@functools.cache
def parse_version(text: str) -> Version:
    """Return the comparable form of a reported version.

    Raises ``UsageError`` when the text does not start with a number (or ``v`` and a number).
    """
    found = _VERSION.match(text.strip())
    if found is None:
        raise UsageError(
            "this is not a version",
            value=text,
            causes=("a version starts with a number, for example 1.27.4",),
        )
    stage, number = found["stage"], found["number"]
    return Version(found["release"] + (f"{stage.lower()}{number}" if stage else ""))


@functools.cache
def parse_release(text: str) -> Version:
    """Return the version without its pre-release marker.

    Kubernetes behaviour is tied to the minor release, and 1.33.0-rc.1 behaves as 1.33 does, while
    PEP 440 sorts it before 1.33.
    """
    return Version(parse_version(text).base_version)


def describe_range(versions: SpecifierSet) -> str:
    """Return a range as a person says it: ``1.27 to 1.31``, ``1.33 and later``.

    Only the half-open form ``>=a,<b`` over minors has a short name; any other keeps its notation.
    """
    parts = {item.operator: item.version for item in versions}
    if len(parts) == len(versions) and parts.keys() == {">="}:
        return f"{parts['>=']} and later"
    if len(parts) == len(versions) == 2 and parts.keys() == {">=", "<"}:
        major, _, minor = parts["<"].partition(".")
        if minor.isdigit() and int(minor) > 0:
            last = f"{major}.{int(minor) - 1}"
            return last if last == parts[">="] else f"{parts['>=']} to {last}"
    return ", ".join(sorted(str(item) for item in versions)) or "any version"
