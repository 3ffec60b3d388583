"""Is a bundle whole, and do its verdicts follow from its own evidence? Checked offline.

Each complaint names a field, what was found there and what was wanted. A bundle without one is
whole and consistent: every verdict that was put to the target follows, by the judges of this
release, from the timelines and claims beside it. That the evidence was seen on a real stack is the
word of who publishes the bundle, for which its digest stands.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podresize.evidence.claims import Claim
from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.oracle.expectation import Expectation
from podresize.requirements.loader import catalogue_digest, load_catalogue
from podresize.requirements.matching import why_unsupported
from podresize_reports.bundle import KIND, MANIFEST, RECORDS, SCHEMA, digest_of
from podresize_reports.contents import Contents, UnreadableError, contents, why_no_name
from podresize_reports.fingerprints import fingerprint_of
from podresize_reports.judging_again import derived
from podresize_reports.lines import TooLargeError, limited_lines
from podresize_reports.loading import Run, TimelineRecord, read_run
from podresize_reports.recomputing import UNJUDGED, claims_again, differing, expectation_again
from podresize_reports.required import missing
from podresize_reports.text import one_line, shorten
from podresize_reports.write import REPORTS, drawn_by

_SHOWN = 160
_LARGEST_MANIFEST = 4 << 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that does not fit: where, what was found, and what was wanted."""

    field: str
    found: str
    wanted: str

    def __str__(self) -> str:
        parts = (shorten(one_line(each), _SHOWN) for each in (self.field, self.found, self.wanted))
        return "{}: found {}, wanted {}".format(*parts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found of a bundle.

    ``digest`` stands for all of it, "" where it has no manifest; ``run`` is None where there are no
    records that could be read, ``lines`` are those of its records. ``derived`` counts the verdicts
    that were derived again from their evidence, ``unproved`` those that have none: nothing was put
    to the target for them.
    """

    complaints: tuple[Complaint, ...]
    digest: str = ""
    run: Run | None = None
    lines: tuple[bytes, ...] = dataclasses.field(default=(), repr=False)
    derived: int = 0
    unproved: int = 0
    notes: tuple[str, ...] = ()


def verify_bundle(path: Path, *, digest: str | None = None, judges: bool = True) -> Verification:
    """Return what is wrong with a bundle; ``digest`` is the one that it must have, if any.

    Each file is read once: what is judged is what was hashed, whatever happens to it meanwhile.
    Without ``judges`` it is only asked whether it is whole: its verdicts are those of another
    release.
    """
    try:
        return _verified(contents(path), digest, judges=judges)
    except (UnreadableError, TooLargeError) as error:
        said = error.strerror if isinstance(error, TooLargeError) else str(error)
        found = Complaint(field="the bundle", found=str(said), wanted="a bundle of podresize")
        return Verification(complaints=(found,))


def read_lines(files: Contents) -> list[bytes]:
    """Return the lines of a bundle's records. Raises ``UnreadableError``."""
    files.names()  # refuses what is no bundle of ours at all
    try:
        return list(limited_lines(files.blocks(RECORDS)))
    except TooLargeError as error:
        raise UnreadableError(str(error.strerror)) from None


def _verified(files: Contents, digest: str | None, *, judges: bool) -> Verification:
    names = files.names()
    if MANIFEST not in names:
        what = "an empty directory" if not names else f"{len(names)} files and no {MANIFEST}"
        return Verification(complaints=(Complaint(field=MANIFEST, found=what, wanted="one"),))
    raw = _small(files, MANIFEST)
    own = digest_of(raw)
    complaints: list[Complaint] = []
    if digest is not None and digest != own:
        complaints.append(Complaint(field="its digest", found=own, wanted=digest))
    manifest, wrong = _manifest(raw)
    if wrong is not None or manifest is None:
        return Verification(complaints=(*complaints, *filter(None, [wrong])), digest=own)
    seen = {name: _Seen.of(files, name) for name in names if name != MANIFEST}
    complaints += _files(seen, manifest["files"])
    if RECORDS not in seen or not judges:
        return Verification(complaints=tuple(complaints), digest=own)
    run = read_run(seen[RECORDS].lines)
    complaints += _run(run, manifest)
    complaints += _evidence(run)
    counts: Counter[str] = Counter()
    for verdict in run.verdicts:
        complaints += _verdict(run, verdict, counts)
    complaints += [
        Complaint(field=f"verdicts of {label}", found=f"none of {id_}", wanted="one of each check")
        for label, id_ in missing(run)
    ]
    notes = []
    if manifest["catalogue"] != catalogue_digest():
        notes.append("it was judged by another catalogue; here by that of this podresize")
    if manifest.get("drawn_by") != drawn_by():
        notes.append("another podresize drew its reports: they are not compared with the records")
    elif not complaints:
        complaints += _reports(seen, run)
    return Verification(
        complaints=tuple(complaints),
        digest=own,
        run=run,
        lines=seen[RECORDS].lines,
        derived=counts["derived"],
        unproved=counts["unproved"],
        notes=tuple(notes),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A file as it was read: its size and hash, and the lines where it holds the records."""

    size: int
    sha256: str
    lines: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, files: Contents, name: str) -> _Seen:
        digest, size = hashlib.sha256(), 0

        def read() -> Iterator[bytes]:
            nonlocal size
            for block in files.blocks(name):
                size += len(block)
                digest.update(block)
                yield block

        lines: tuple[bytes, ...] = ()
        if name == RECORDS:
            lines = tuple(limited_lines(read()))
        else:
            deque(read(), maxlen=0)
        return cls(size=size, sha256=digest.hexdigest(), lines=lines)


def _small(files: Contents, name: str) -> bytes:
    raw = b""
    for block in files.blocks(name):
        raw += block
        if len(raw) > _LARGEST_MANIFEST:
            raise UnreadableError(f"{name} is larger than {_LARGEST_MANIFEST >> 20} MiB")
    return raw


def _manifest(raw: bytes) -> tuple[dict[str, Any] | None, Complaint | None]:
    try:
        manifest = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return None, Complaint(field=MANIFEST, found=f"no JSON ({error})", wanted="an object")
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        kind = manifest.get("kind") if isinstance(manifest, dict) else type(manifest).__name__
        return None, Complaint(field=f"{MANIFEST} kind", found=repr(kind), wanted=repr(KIND))
    if manifest.get("schema") != SCHEMA:
        wanted = f"{SCHEMA}; another release of podresize reads it"
        found = repr(manifest.get("schema"))
        return None, Complaint(field=f"{MANIFEST} schema", found=found, wanted=wanted)
    kinds = {"podresize": str, "run": str, "started": str, "catalogue": str, "files": dict}
    for key, kind in kinds.items():
        if not isinstance(manifest.get(key), kind):
            found = type(manifest.get(key)).__name__
            return None, Complaint(field=f"{MANIFEST} {key}", found=found, wanted=kind.__name__)
    return manifest, None


def _files(seen: dict[str, _Seen], listed: dict[str, Any]) -> Iterator[Complaint]:
    for name in sorted({*seen, *listed} - {MANIFEST}):
        entry = listed.get(name)
        if entry is None:
            yield Complaint(field=name, found="a file", wanted=f"none: {MANIFEST} lists none")
        elif why := why_no_name(name):
            yield Complaint(field=f"{MANIFEST} files", found=f"{name!r}: {why}", wanted="a name")
        elif name not in seen:
            yield Complaint(field=name, found="nothing", wanted=f"the file that {MANIFEST} lists")
        else:
            yield from _file(name, seen[name], entry)


def _file(name: str, seen: _Seen, entry: Any) -> Iterator[Complaint]:
    for key, value in (("bytes", seen.size), ("sha256", seen.sha256)):
        wanted = entry.get(key) if isinstance(entry, dict) else None
        if value != wanted:
            yield Complaint(field=f"{name} {key}", found=str(value), wanted=repr(wanted))
            return


def _run(run: Run, manifest: dict[str, Any]) -> Iterator[Complaint]:
    for problem in run.problems:
        yield Complaint(field=RECORDS, found=problem, wanted="whole records of this schema")
    if not run.complete:
        yield Complaint(field=f"{RECORDS} end", found="none: the run died half way", wanted="one")
    elif run.counts != dict(Counter(str(each.verdict) for each in run.verdicts)):
        counted = dict(Counter(str(each.verdict) for each in run.verdicts))
        yield Complaint(field=f"{RECORDS} end counts", found=str(run.counts), wanted=str(counted))
    for key, found in (("run", run.id), ("started", run.started), ("podresize", run.version)):
        if manifest[key] != found:
            yield Complaint(
                field=f"{MANIFEST} {key}", found=repr(manifest[key]), wanted=repr(found)
            )
    for target in run.targets:
        found = _label(run, target.label)
        if found != target.label:
            yield Complaint(field="a target's fingerprint", found=found, wanted=target.label)


def _evidence(run: Run) -> Iterator[Complaint]:
    """Yield what of the evidence does not follow from what was asked for and seen."""
    for id_, seen in run.timelines.items():
        field = f"the expectation of timeline {id_}"
        try:
            yield from _expectation(field, seen)
        except UNJUDGED as error:
            yield _unjudged(field, error)
    for check, target in run.claims:
        field = f"the claims of {check}"
        try:
            again = claims_again(run, check, target)
        except UNJUDGED as error:
            yield _unjudged(field, error)
            continue
        stated = [_compared(claim) for claim in run.claims[check, target]]
        wanted = [_compared(claim) for claim in again]
        lacking: dict[str, Any] = {}
        for found, want in itertools.zip_longest(stated, wanted, fillvalue=lacking):
            if found != want:
                names = [key for key in found | want if found.get(key) != want.get(key)]
                yield Complaint(
                    field=f"{field}, {found.get('what') or want['what']}",
                    found=str({name: found.get(name) for name in names}),
                    wanted=f"{ ({name: want.get(name) for name in names}) }, by its update",
                )
                break


def _compared(claim: Claim) -> dict[str, Any]:
    """Return what of a claim decides, as it comes back from a file.

    What the witnesses said is there to be read: a phrase that was cut at its end before a path of
    the host was taken out of it is not the one that is cut afterwards.
    """
    raw: dict[str, Any] = json.loads(json.dumps(claim.to_json()))
    del raw["witnesses"]
    return raw


def _expectation(field: str, seen: TimelineRecord) -> Iterator[Complaint]:
    again = expectation_again(seen)
    if again is None:
        return
    stored = Expectation.from_json(seen.expectation)
    if seen.target != (label := str(stored.fingerprint)):
        yield Complaint(field=f"{field}, its target", found=label, wanted=seen.target)
    for name in differing(stored, again):
        yield Complaint(
            field=f"{field}, {name}",
            found=str(getattr(stored, name)),
            wanted=f"{getattr(again, name)}, by what was asked",
        )


def _unjudged(field: str, error: Exception) -> Complaint:
    said = f"{type(error).__name__}: {error}"
    return Complaint(field=field, found=said, wanted="evidence that can be judged")


def _label(run: Run, label: str) -> str:
    fingerprint = fingerprint_of(run, label)
    try:
        return "none that can be read" if fingerprint is None else str(fingerprint)
    except Exception as error:
        return f"none that can be shown ({type(error).__name__})"


def _verdict(run: Run, verdict: VerdictRecord, counts: Counter[str]) -> Iterator[Complaint]:
    field = f"{verdict.requirement} of {verdict.check}"
    known = load_catalogue().requirements.get(verdict.requirement)
    if known is None:
        yield Complaint(field=field, found="a requirement that is not known", wanted="a known one")
        return
    if verdict.level != str(known.level):
        yield Complaint(field=f"{field} level", found=verdict.level, wanted=str(known.level))
    fingerprint = fingerprint_of(run, verdict.target)
    try:
        found = derived(run, verdict)
        cannot = fingerprint is not None and why_unsupported(known, fingerprint) is not None
    except UNJUDGED as error:
        yield _unjudged(f"{field} evidence", error)
        return
    stated = verdict.verdict
    if found is None:
        counts["unproved"] += 1
        if stated.is_executed and stated is not VerdictKind.ERROR:
            yield Complaint(field=f"{field} evidence", found="none", wanted="a timeline or claims")
        return
    counts["derived"] += 1
    if (found.kind, found.deviation) == (stated, verdict.deviation):
        return
    # What is said to be less than its evidence shows is no claim of anything: an error of the
    # harness, or a requirement that this target cannot show.
    if stated is VerdictKind.ERROR or (stated is VerdictKind.UNSUPPORTED and cannot):
        return
    yield Complaint(
        field=field,
        found=_said(str(stated), verdict.deviation),
        wanted=f"{_said(str(found.kind), found.deviation)}, by its evidence ({found.reading})",
    )


def _said(kind: str, deviation: str | None) -> str:
    return kind if deviation is None else f"{kind} ({deviation})"


def _reports(seen: dict[str, _Seen], run: Run) -> Iterator[Complaint]:
    for name, report in REPORTS.items():
        if name not in seen:
            continue
        try:
            drawn = report(run)
        # As a judge may trip over evidence, so may what draws it.
        except Exception as error:
            said = f"none can be drawn ({type(error).__name__})"
            yield Complaint(field=name, found=said, wanted=f"the one that {RECORDS} gives")
            continue
        if seen[name].sha256 != hashlib.sha256(drawn).hexdigest():
            yield Complaint(
                field=name, found="another report", wanted=f"the one that {RECORDS} gives"
            )
