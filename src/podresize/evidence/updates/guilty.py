"""Who does wrong: what a claim about an update that does not hold says of guilt.

A value goes from the CRI client to the CRI runtime, which keeps it in the container's OCI
specification and hands it to the OCI runtime, which keeps it in its own state and writes it to the
kernel. The last that has it right is the one after which it was lost. Where there is no CRI runtime
(``RuntimeFingerprint.is_alone``) all of it is the OCI runtime's.
"""

from __future__ import annotations

from typing import Any

from podresize.evidence.attribution import Blame
from podresize.evidence.updates.update import Update
from podresize.oracle.container_update import said
from podresize.requirements.model import Party
from podresize.requirements.runtime_target import RuntimeFingerprint


def lost_on_the_way(
    update: Update, field: str, want: Any, fingerprint: RuntimeFingerprint, *, is_in_kernel: bool
) -> Blame:
    """Return who did not pass on the value of a field.

    ``want`` is the field's value as CRI, specification and OCI runtime have to have it;
    ``is_in_kernel`` whether the kernel has what follows from it.
    """
    if _has_ended(update):
        return ended(fingerprint, update)
    if is_in_kernel:
        return _cri(fingerprint, "does not report what the kernel has")
    told = _has(update.after.oci, field, want)
    kept = _has(update.after.spec, field, want)
    if told:
        return _oci("has it in its own state and not in the kernel")
    if told is False:
        where = ", though it is in the container's specification" if kept else ""
        return _cri(fingerprint, f"did not hand it to the OCI runtime{where}")
    if kept:
        return _oci("was to write what the container's specification has, and did not")
    return _cri(fingerprint, f"answered {update.answer.code} and neither keeps nor enacts it")


def moved_by_itself(update: Update, file: str, fingerprint: RuntimeFingerprint) -> Blame:
    """Return who wrote to the kernel what nobody asked for, as far as it can be said."""
    if _has_ended(update):
        return ended(fingerprint, update)
    if not update.answer.is_ok:
        if _refused_below(update, fingerprint) or update.after.oci == update.before.oci:
            return _oci(f"had written {file} when it failed, and did not put the old value back")
        return _cri(fingerprint, f"answered {update.answer.code} to what was done")
    if update.before.oci != update.after.oci and update.after.oci is not None:
        return _cri(fingerprint, f"had {file} changed, as the OCI runtime's state says")
    return _oci(f"changed {file}, of which nothing that it was told speaks")


def misreported(fingerprint: RuntimeFingerprint) -> Blame:
    """Return who tells what the kernel does not have."""
    return _cri(fingerprint, "reports what the kernel does not have")


def told_otherwise(witness: str, fingerprint: RuntimeFingerprint) -> Blame:
    """Return whose word changed in what nobody asked for; ``witness`` is a field of a snapshot."""
    if witness == "oci":
        return _oci("changed its state of what nobody asked for")
    return _cri(fingerprint, "changed what it tells of what nobody asked for")


def ended(fingerprint: RuntimeFingerprint, update: Update) -> Blame:
    """Return who is to blame for a container that is another one than before."""
    if update.before.process == update.after.process:
        return _cri(fingerprint, "tells another state or start of a process that is the same")
    return _cri(fingerprint, "restarted or ended the container")


def neighbour(fingerprint: RuntimeFingerprint, name: str) -> Blame:
    """Return who wrote to a cgroup that the update is not about."""
    return _cri(fingerprint, f"had {name} changed by the update of another container")


def kept_what_failed(fingerprint: RuntimeFingerprint) -> Blame:
    """Return who reports an update that was refused."""
    return _cri(fingerprint, "reports what it did not bring about")


def granted(update: Update, fingerprint: RuntimeFingerprint) -> Blame:
    """Return who granted what cannot be done: the last that has it where the report says so."""
    kept = update.after.spec
    if kept is None or all(_has(kept, field, value) for field, value in said(update.asked).items()):
        return _oci("was handed what cannot be done and did not refuse it")
    return _cri(fingerprint, "dropped what cannot be done and answered OK")


def answered(update: Update, fingerprint: RuntimeFingerprint) -> Blame:
    """Return who refused an update that had to be granted, by the words of the refusal."""
    if _refused_below(update, fingerprint):
        return _oci(f"refused it ({update.answer.message[-120:]})")
    return _cri(fingerprint, f"refused it ({update.answer.code})")


def _has_ended(update: Update) -> bool:
    """Return whether the process of before is gone: then no cgroup says anything of the update."""
    pid = update.before.process.get("pid")
    return pid is not None and update.after.process.get("pid") != pid


def _refused_below(update: Update, fingerprint: RuntimeFingerprint) -> bool:
    name = fingerprint.oci_runtime
    return name != "unknown" and f"{name} did not terminate" in update.answer.message


def _has(witness: dict[str, Any] | None, field: str, want: Any) -> bool | None:
    """Return whether a witness has a value; None where it says nothing of resources."""
    if witness is None:
        return None
    found = witness.get(field)
    if isinstance(want, dict) and isinstance(found, dict):
        return want.items() <= found.items()
    return bool(found == want)


def _cri(fingerprint: RuntimeFingerprint, because: str) -> Blame:
    if fingerprint.is_alone:
        return _oci(because)
    return Blame(party=Party.CRI_RUNTIME, because=because)


def _oci(because: str) -> Blame:
    return Blame(party=Party.OCI_RUNTIME, because=because)
