"""Who is wrong: the reading of a claim that does not hold, from what the other witnesses say.

A value goes from the CRI client to the CRI runtime, which keeps it in the container's OCI
specification and hands it to the OCI runtime, which keeps it in its own state and writes it to the
kernel. The last that has it right is the one after which it was lost. Of an OCI runtime alone the
client is ours, and whatever is wrong is its own.
"""

from __future__ import annotations

from typing import Any

from podresize.evidence.updates.update import Update
from podresize.oracle.container_update import said
from podresize.requirements.runtime_target import RuntimeFingerprint


def lost_on_the_way(
    update: Update, field: str, want: Any, fingerprint: RuntimeFingerprint, *, is_in_kernel: bool
) -> str:
    """Return who did not pass on the value of a field.

    ``want`` is the field's value as CRI, specification and OCI runtime have to have it;
    ``is_in_kernel`` whether the kernel has what follows from it.
    """
    cri, oci = _cri(fingerprint), _oci(fingerprint)
    told = _has(update.after.oci, field, want)
    kept = _has(update.after.spec, field, want)
    if fingerprint.is_alone:
        if is_in_kernel:
            return f"the kernel has it; {oci} does not keep it in its own state: OCI runtime"
        where = "has it in its own state" if told else "said OK"
        return f"{oci} {where}, and the kernel has not: OCI runtime"
    if is_in_kernel:
        return f"the kernel has it; {cri} does not report it: CRI runtime"
    if told:
        return f"{oci} has it in its own state, and the kernel has not: OCI runtime"
    if told is False:
        where = f", though {cri} has it in the container's specification" if kept else ""
        return f"{oci} has not been told, or did not keep it{where}: CRI runtime"
    if kept:
        return f"{cri} has it in the container's specification, and the kernel has not: OCI runtime"
    return f"{cri} says {update.answer.code}, and neither keeps nor enacts it: CRI runtime"


def moved_by_itself(update: Update, file: str, fingerprint: RuntimeFingerprint) -> str:
    """Return who wrote to the kernel what nobody asked for, as far as it can be said."""
    cri, oci = _cri(fingerprint), _oci(fingerprint)
    if not update.answer.is_ok:
        return (
            f"{oci} had written {file} when it failed, and did not put the old value back: "
            "OCI runtime"
        )
    told = update.before.oci != update.after.oci and update.after.oci is not None
    if told and not fingerprint.is_alone:
        return f"{oci} was told to, as its own state says: CRI runtime ({cri})"
    return f"nothing that the client sent speaks of {file}: OCI runtime ({oci})"


def granted(update: Update, fingerprint: RuntimeFingerprint) -> str:
    """Return who granted what cannot be done: the last that has it where the report says so."""
    if fingerprint.is_alone:
        return f"{_oci(fingerprint)} did not refuse it: OCI runtime"
    asked = said(update.asked)
    kept = update.after.spec or {}
    if all(_has(kept, field, value) for field, value in asked.items()):
        return (
            f"{_cri(fingerprint)} passed it on, and {_oci(fingerprint)} did not refuse it: "
            "OCI runtime"
        )
    return f"{_cri(fingerprint)} dropped it and said OK: CRI runtime"


def answered(update: Update, fingerprint: RuntimeFingerprint) -> str:
    """Return who refused an update that had to be granted, by the words of the refusal."""
    if fingerprint.is_alone:
        return f"{_oci(fingerprint)} refused it: OCI runtime"
    message = update.answer.message
    name = fingerprint.oci_runtime
    if name != "unknown" and name in message:
        return f"{_oci(fingerprint)} refused it, as {_cri(fingerprint)} says: OCI runtime"
    return f"{_cri(fingerprint)} refused it: CRI runtime"


def alone(fingerprint: RuntimeFingerprint) -> str:
    """Return the end of a reading where there is but one who can have done it, else nothing."""
    return ": OCI runtime" if fingerprint.is_alone else ""


def either(fingerprint: RuntimeFingerprint) -> str:
    """Return who it may have been where the witnesses do not tell the two apart."""
    return "OCI runtime" if fingerprint.is_alone else "OCI runtime or CRI runtime"


def _has(witness: dict[str, Any] | None, field: str, want: Any) -> bool | None:
    """Return whether a witness has a value; None where it says nothing of resources."""
    if witness is None:
        return None
    found = witness.get(field)
    if isinstance(want, dict) and isinstance(found, dict):
        return want.items() <= found.items()
    return bool(found == want)


def _cri(fingerprint: RuntimeFingerprint) -> str:
    return f"{fingerprint.runtime} {fingerprint.runtime_version}"


def _oci(fingerprint: RuntimeFingerprint) -> str:
    if fingerprint.oci_runtime == "unknown":
        return "the OCI runtime"
    return f"{fingerprint.oci_runtime} {fingerprint.oci_runtime_version}"
