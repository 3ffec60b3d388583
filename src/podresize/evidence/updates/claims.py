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

from podresize.evidence.claims import Claim
from podresize.evidence.updates import guilty
from podresize.evidence.updates.update import Snapshot, Update
from podresize.oracle import container_update as oracle
from podresize.oracle.cgroups import CgroupFiles
from podresize.requirements.runtime_target import RuntimeFingerprint

Claiming = Callable[[str, Update, RuntimeFingerprint], Iterator[Claim]]

_KERNEL = "the kernel's"


def is_granted(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The answer is OK."""
    reading = "" if update.answer.is_ok else guilty.answered(update, fingerprint)
    yield Claim(
        requirement=id_,
        what=f"the answer to {update}",
        got=str(update.answer),
        want="OK",
        reading=reading,
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
        for file, allowed in files.items():
            want = [item.value for item in allowed]
            got = update.after.kernel.get(file)
            yield Claim(
                requirement=id_,
                what=f"{_KERNEL} {file}",
                got=got,
                want=want[0] if len(want) == 1 else want,
                relation="==" if len(want) == 1 else "in",
                reading=""
                if got in want
                else guilty.lost_on_the_way(
                    update, field, asked[field], fingerprint, is_in_kernel=False
                ),
            )


def nothing_changes(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The answer is OK, and every witness says what it said before."""
    yield from is_granted(id_, update, fingerprint)
    yield _still(id_, update, fingerprint, nothing_is_meant=True)
    for witness, label in _REPORTS.items():
        if (before := getattr(update.before, witness)) is not None:
            yield Claim(
                requirement=id_,
                what=f"{label} after {update}",
                got=getattr(update.after, witness),
                want=before,
                reading=f"{_witness_of(witness, fingerprint)} changed what it says of what "
                f"did not change{guilty.alone(fingerprint)}",
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
    yield Claim(
        requirement=id_,
        what="the first process's oom_score_adj",
        got=update.after.oom_score_adj,
        want=asked[oracle.OOM],
        reading=guilty.lost_on_the_way(
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
    enacted = _enacted(update, fingerprint)
    for field, value in asked.items():
        got = None if found is None else found.get(field)
        if isinstance(value, Mapping) and isinstance(got, Mapping):
            got = {key: got.get(key) for key in value}
        want = _as_kept(field, value)
        yield Claim(
            requirement=id_,
            what=f"{field} in {label}",
            got=got if got is None else _as_kept(field, got),
            want=want,
            reading=guilty.lost_on_the_way(
                update, field, value, fingerprint, is_in_kernel=enacted.get(field, False)
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
    for witness, label in _REPORTS.items():
        before: dict[str, Any] | None = getattr(update.before, witness)
        after: dict[str, Any] | None = getattr(update.after, witness)
        if before is None or after is None:
            continue
        kept = _without(before, asked, follows)
        yield Claim(
            requirement=id_,
            what=f"what was not asked for in {label}",
            got=_without(after, asked, follows),
            want=kept,
            reading=f"{_witness_of(witness, fingerprint)} changed what nobody asked for"
            f"{guilty.alone(fingerprint)}",
        )
    yield _still(id_, update, fingerprint)


def around_stays(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The cgroups around the container have the settings that they had."""
    for name, before in update.before.around.items():
        changed = difference(before, update.after.around.get(name, {}))
        yield Claim(
            requirement=id_,
            what=f"settings of {name} that changed",
            got=changed,
            want={},
            reading=f"the update of one container changed {name}: {guilty.either(fingerprint)}",
        )


def same_process(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The container was not started anew, whatever became of the update."""
    before, after = update.before, update.after
    if before.process.get("pid") is None:
        return
    who = f"the container was restarted or ended: {guilty.either(fingerprint)}"
    for what, was, is_ in (
        ("the first process", before.process, after.process),
        ("the container's state", before.state, after.state),
        ("when the container was started", before.started_at, after.started_at),
    ):
        yield Claim(requirement=id_, what=what, got=is_, want=was, reading=who)


def is_refused(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """The answer is an error."""
    yield Claim(
        requirement=id_,
        what=f"whether {update} was refused",
        got=not update.answer.is_ok,
        want=True,
        reading="" if not update.answer.is_ok else guilty.granted(update, fingerprint),
    )


def all_or_nothing(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """After a refused update the kernel has, in every file, what it had before."""
    if update.answer.is_ok:
        return
    changed = difference(update.before.kernel, update.after.kernel)
    file = next(iter(changed), "")
    yield Claim(
        requirement=id_,
        what=f"settings that changed though {update} was refused",
        got=changed,
        want={},
        reading=guilty.moved_by_itself(update, file, fingerprint),
    )


def report_restored(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """After a refused update the runtime reports what it reported before."""
    if update.answer.is_ok:
        return
    for witness, label in _REPORTS.items():
        before: dict[str, Any] | None = getattr(update.before, witness)
        if before is None or witness == "oci":
            continue
        yield Claim(
            requirement=id_,
            what=f"{label} after a refused update",
            got=getattr(update.after, witness),
            want=before,
            reading=f"{fingerprint.runtime} {fingerprint.runtime_version} keeps what it did not "
            "bring about: CRI runtime",
        )


def truthful(id_: str, update: Update, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """What the runtime reports is what the kernel has, whatever the answer was."""
    moved = {} if update.answer.is_ok else difference(update.before.kernel, update.after.kernel)
    for claim in agrees(id_, update.after, fingerprint):
        file = next((each for each in moved if each in claim.what), None)
        # The report was right until a refused update left something else in the kernel.
        yield (
            claim
            if file is None
            else dataclasses.replace(
                claim,
                what=f"{claim.what}, after a refused update",
                reading=guilty.moved_by_itself(update, file, fingerprint),
            )
        )


def agrees(id_: str, seen: Snapshot, fingerprint: RuntimeFingerprint) -> Iterator[Claim]:
    """Every field of the report that the kernel has a file for is in that file."""
    if seen.status is None or not seen.kernel:
        return
    for field, files in oracle.files_after(seen.status, seen.kernel, fingerprint).items():
        for file, allowed in files.items():
            if file not in seen.kernel:
                continue
            want = [item.value for item in allowed]
            yield Claim(
                requirement=id_,
                what=f"{_KERNEL} {file}, of which the runtime reports {field} {seen.status[field]}",
                got=seen.kernel[file],
                want=want[0] if len(want) == 1 else want,
                relation="==" if len(want) == 1 else "in",
                reading=f"{fingerprint.runtime} {fingerprint.runtime_version} reports what the "
                "kernel does not have: CRI runtime",
            )


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str | None]]:
    """Return old and new content of each file that changed, appeared or went."""
    return {
        file: [before.get(file), after.get(file)]
        for file in sorted(before.keys() | after.keys())
        if before.get(file) != after.get(file)
    }


_REPORTS = {
    "status": "the runtime's ContainerStatus",
    "spec": "the OCI specification",
    "oci": "the OCI runtime's state",
}


def _still(
    id_: str, update: Update, fingerprint: RuntimeFingerprint, *, nothing_is_meant: bool = False
) -> Claim:
    kernel = update.before.kernel
    fields = {} if nothing_is_meant else update.asked
    asked = oracle.files_after(fields, kernel, fingerprint)
    meant = {file for files in asked.values() for file in files}
    follows = oracle.files_that_may_follow(fields, kernel, fingerprint)
    changed = {
        file: values
        for file, values in difference(kernel, update.after.kernel).items()
        if file not in meant and not _may(file, values[1], follows)
    }
    file = next(iter(changed), "")
    return Claim(
        requirement=id_,
        what="settings of the container's cgroup that changed and were not asked for",
        got=changed,
        want={},
        reading=guilty.moved_by_itself(update, file, fingerprint) if changed else "",
    )


def _may(file: str, value: str | None, follows: CgroupFiles) -> bool:
    if file not in follows:
        return False
    allowed = [item.value for item in follows[file]]
    return len(allowed) == 1 or value in allowed  # one: only that it was, so anything goes


def _enacted(update: Update, fingerprint: RuntimeFingerprint) -> dict[str, bool]:
    wanted = oracle.files_after(update.asked, update.before.kernel, fingerprint)
    return {
        field: all(
            update.after.kernel.get(file) in [item.value for item in allowed]
            for file, allowed in files.items()
        )
        for field, files in wanted.items()
    }


def _without(
    fields: Mapping[str, Any], asked: Mapping[str, Any], follows: Mapping[str, Any]
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if name in follows or name == oracle.OOM:
            continue
        if name not in asked:
            kept[name] = value
        elif isinstance(value, Mapping):
            rest = {key: each for key, each in value.items() if key not in asked[name]}
            if rest:
                kept[name] = rest
    return kept


def _as_kept(field: str, value: Any) -> Any:
    """Return a list of processors in one notation: two are equal that name the same."""
    return oracle.listed(value) if field in (oracle.CPUS, oracle.MEMS) and value else value


def _witness_of(witness: str, fingerprint: RuntimeFingerprint) -> str:
    if witness == "oci":
        return f"{fingerprint.oci_runtime} {fingerprint.oci_runtime_version}"
    return f"{fingerprint.runtime} {fingerprint.runtime_version}"


def _fields(*names: str) -> Claiming:
    return functools.partial(in_kernel, fields=names)


CLAIMS: dict[str, Claiming] = {
    "CRI-01": nothing_changes,
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
        reported, witness="status", label=_REPORTS["status"], silent_is_wrong=True
    ),
    "RT-12": functools.partial(
        reported, witness="spec", label=_REPORTS["spec"], silent_is_wrong=False
    ),
    "RT-13": functools.partial(
        reported, witness="oci", label=_REPORTS["oci"], silent_is_wrong=False
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
