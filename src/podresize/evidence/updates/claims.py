"""From one update to claims: what each requirement has to say of it.

Pure functions, so that a stored update is judged again. ``CLAIMS`` maps a requirement to its own;
all have one shape and yield the claims that speak for that requirement, none where the update says
nothing of it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from podresize.evidence.attribution import Blame
from podresize.evidence.claims import Claim
from podresize.evidence.updates import guilty
from podresize.evidence.updates.comparing import (
    REPORTS,
    as_kept,
    changed_unasked,
    difference,
    enacted,
    without,
)
from podresize.evidence.updates.update import Snapshot, Update
from podresize.oracle import container_update as oracle
from podresize.oracle.cgroups import Allowed
from podresize.requirements.runtime_target import RuntimeFingerprint

Claiming = Callable[[str, Update, RuntimeFingerprint], Iterator[Claim]]

_KERNEL = "the kernel's"


def is_granted(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The answer is OK."""
    yield _claim(
        id_,
        f"the answer to {update}",
        got=str(update.answer),
        want="OK",
        blame=lambda: guilty.answered(update, fingerprint),
    )


def in_kernel(
    id_: str, update: Update, fingerprint: RuntimeFingerprint, *, fields: tuple[str, ...] = ()
) -> Iterator[Claim]:
    """The answer is OK, and the kernel has what was asked for when it is there.

    ``fields`` are those that the requirement speaks of; empty for all.
    """
    asked = oracle.said(update.asked)
    if fields and not asked.keys() & set(fields):
        return
    yield from is_granted(id_, update, fingerprint)
    wanted = oracle.files_after(asked, update.before.kernel, fingerprint)
    for field, files in wanted.items():
        if fields and field not in fields:
            continue
        lost = functools.partial(
            guilty.lost_on_the_way, update, field, asked[field], fingerprint, is_in_kernel=False
        )
        for file, allowed in files.items():
            yield _file_claim(
                id_, f"{_KERNEL} {file}", update.after.kernel.get(file), allowed, lost
            )


def nothing_changes(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The answer is OK, and every witness says what it said before."""
    yield from is_granted(id_, update, fingerprint)
    yield from _unmoved(id_, update, fingerprint)


def repeated(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The answer is OK, the kernel has what was asked for, and every witness says what it said."""
    yield from in_kernel(id_, update, fingerprint)
    yield from _unmoved(id_, update, fingerprint)


def _unmoved(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    yield _still(id_, update, fingerprint, {})
    for witness, label in REPORTS.items():
        if (before := getattr(update.before, witness)) is not None:
            yield _claim(
                id_,
                f"{label} after {update}",
                got=getattr(update.after, witness),
                want=before,
                blame=functools.partial(guilty.told_otherwise, witness, fingerprint),
            )


def refused_or_in_force(
    id_: str, update: Update, fingerprint: RuntimeFingerprint
) -> Iterator[Claim]:
    """OK and in the kernel, or an error and nothing changed. A container that ended has no say."""
    if not update.answer.is_ok:
        yield from all_or_nothing(id_, update, fingerprint)
    elif update.after.kernel:
        yield from in_kernel(id_, update, fingerprint)


def oom_score(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The process has the oom_score_adj that was asked for, or the update was refused."""
    asked = oracle.said(update.asked)
    if oracle.OOM not in asked or not update.answer.is_ok:
        return
    yield _claim(
        id_,
        "the first process's oom_score_adj",
        got=update.after.oom_score_adj,
        want=asked[oracle.OOM],
        blame=lambda: guilty.lost_on_the_way(
            update, oracle.OOM, asked[oracle.OOM], fingerprint, is_in_kernel=False
        ),
    )


def reported(
    id_: str,
    update: Update,
    fingerprint: RuntimeFingerprint,
    *,
    witness: str,
    label: str,
    silent_is_wrong: bool,
) -> Iterator[Claim]:
    """A witness of the runtime says of every field that was asked for what was asked.

    One that says nothing of resources at all is wrong only where ``silent_is_wrong``.
    """
    asked = {k: v for k, v in oracle.said(update.asked).items() if k != oracle.OOM}
    if not asked or not update.answer.is_ok:
        return
    found: dict[str, Any] | None = getattr(update.after, witness)
    if found is None and not silent_is_wrong:
        return
    done = enacted(update, fingerprint)
    for field, value in asked.items():
        got = None if found is None else found.get(field)
        if isinstance(value, Mapping) and isinstance(got, Mapping):
            got = {key: got.get(key) for key in value}
        yield _claim(
            id_,
            f"{field} in {label}",
            got=as_kept(field, got),
            want=as_kept(field, value),
            blame=functools.partial(
                guilty.lost_on_the_way,
                update,
                field,
                value,
                fingerprint,
                is_in_kernel=done.get(field, False),
            ),
        )


def unasked_stays(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """What was not asked for is, in every witness, what it was before.

    Of what follows from what was asked for (``oracle.may_follow``) either value will do.
    """
    if not update.answer.is_ok:
        return
    asked = oracle.said(update.asked)
    follows = oracle.may_follow(asked)
    for witness, label in REPORTS.items():
        before: dict[str, Any] | None = getattr(update.before, witness)
        after: dict[str, Any] | None = getattr(update.after, witness)
        if before is None or after is None:
            continue
        yield _claim(
            id_,
            f"what was not asked for in {label}",
            got=without(after, asked, follows),
            want=without(before, asked, follows),
            blame=functools.partial(guilty.told_otherwise, witness, fingerprint),
        )
    yield _still(id_, update, fingerprint, update.asked)


def around_stays(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The cgroups around the container have the settings that they had."""
    for name, before in update.before.around.items():
        changed = difference(before, update.after.around.get(name, {}))
        yield _claim(
            id_,
            f"settings of {name} that changed",
            got=changed,
            want={},
            blame=functools.partial(guilty.neighbour, fingerprint, name),
        )


def same_process(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The container was not started anew, whatever became of the update."""
    before, after = update.before, update.after
    if before.process.get("pid") is None:
        return
    for what, was, is_ in (
        ("the first process", before.process, after.process),
        ("the container's state", before.state, after.state),
        ("when the container was started", before.started_at, after.started_at),
    ):
        yield _claim(id_, what, got=is_, want=was, blame=lambda: guilty.ended(fingerprint, update))


def is_refused(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The answer is an error."""
    yield _claim(
        id_,
        f"whether {update} was refused",
        got=not update.answer.is_ok,
        want=True,
        blame=lambda: guilty.granted(update, fingerprint),
    )


def all_or_nothing(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """After a refused update the kernel has, in every file, what it had before."""
    if update.answer.is_ok:
        return
    changed = difference(update.before.kernel, update.after.kernel)
    yield _claim(
        id_,
        f"settings that changed though {update} was refused",
        got=changed,
        want={},
        blame=lambda: guilty.moved_by_itself(update, ", ".join(changed), fingerprint),
    )


def report_restored(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """After a refused update the runtime reports what it reported before."""
    if update.answer.is_ok:
        return
    for witness, label in REPORTS.items():
        before: dict[str, Any] | None = getattr(update.before, witness)
        if before is None or witness == "oci":
            continue
        yield _claim(
            id_,
            f"{label} after a refused update",
            got=getattr(update.after, witness),
            want=before,
            blame=lambda: guilty.kept_what_failed(fingerprint),
        )


def truthful(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """What the runtime reports is what the kernel has, whatever the answer was."""
    moved = {} if update.answer.is_ok else difference(update.before.kernel, update.after.kernel)
    for claim in agrees(id_, update.after, fingerprint):
        file = next((each for each in moved if each in claim.what), None)
        if file is None or claim.holds:
            yield claim
            continue
        # The report was right until a refused update left something else in the kernel.
        found = guilty.moved_by_itself(update, file, fingerprint)
        yield dataclasses.replace(
            claim,
            what=f"{claim.what}, after a refused update",
            reading=str(found),
            guilty=str(found.party),
        )


def agrees(id_: str, seen: Snapshot, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """Every field of the report that the kernel has a file for is in that file."""
    if seen.status is None or not seen.kernel:
        return
    for field, files in oracle.files_after(seen.status, seen.kernel, fingerprint).items():
        for file, allowed in files.items():
            if file not in seen.kernel:
                continue
            yield _file_claim(
                id_,
                f"{_KERNEL} {file}, of which the runtime reports {field} {seen.status[field]}",
                seen.kernel[file],
                allowed,
                lambda: guilty.misreported(fingerprint),
            )


def _still(
    id_: str, update: Update, fingerprint: RuntimeFingerprint, asked: Mapping[str, Any]
) -> Claim:
    changed = changed_unasked(update, fingerprint, asked)
    return _claim(
        id_,
        "settings of the container's cgroup that changed and were not asked for",
        got=changed,
        want={},
        blame=lambda: guilty.moved_by_itself(update, ", ".join(changed), fingerprint),
    )


def _claim(
    id_: str, what: str, *, got: Any, want: Any, blame: Callable[[], Blame], relation: str = "=="
) -> Claim:
    """Return a claim; who is guilty is asked only where it does not hold."""
    claim = Claim(requirement=id_, what=what, got=got, want=want, relation=relation)
    if claim.holds:
        return claim
    found = blame()
    return dataclasses.replace(claim, reading=str(found), guilty=str(found.party))


def _file_claim(
    id_: str,
    what: str,
    got: str | None,
    allowed: tuple[Allowed, ...],
    blame: Callable[[], Blame],
) -> Claim:
    want = [item.value for item in allowed]
    if len(want) == 1:
        return _claim(id_, what, got=got, want=want[0], blame=blame)
    return _claim(id_, what, got=got, want=want, blame=blame, relation="in")


def _fields(*names: str) -> Claiming:
    return functools.partial(in_kernel, fields=names)


CLAIMS: dict[str, Claiming] = {
    "CRI-01": repeated,
    "CRI-08": report_restored,
    "RT-01": _fields(oracle.SHARES),
    "RT-02": _fields(oracle.QUOTA, oracle.PERIOD),
    "RT-03": _fields(oracle.CPUS, oracle.MEMS),
    "RT-04": _fields(oracle.MEMORY),
    "RT-05": _fields(oracle.SWAP),
    "RT-06": _fields(oracle.HUGE),
    "RT-07": _fields(oracle.UNIFIED),
    "RT-08": oom_score,
    "RT-09": in_kernel,
    "RT-11": functools.partial(
        reported, witness="status", label=REPORTS["status"], silent_is_wrong=True
    ),
    "RT-12": functools.partial(
        reported, witness="spec", label=REPORTS["spec"], silent_is_wrong=False
    ),
    "RT-13": functools.partial(
        reported, witness="oci", label=REPORTS["oci"], silent_is_wrong=False
    ),
    "RT-14": unasked_stays,
    "RT-15": nothing_changes,
    "RT-16": around_stays,
    "RT-17": same_process,
    "RT-20": is_refused,
    "RT-21": all_or_nothing,
    "RT-22": truthful,
    "RT-23": refused_or_in_force,
    "RT-25": in_kernel,
    "RT-26": in_kernel,
}
"""By requirement, what it has to say of one update."""
