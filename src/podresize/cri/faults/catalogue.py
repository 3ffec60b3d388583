"""The faults by name, and how one is written: ``update-refused:code=UNAVAILABLE,times=2``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from podresize.cri.faults import changing, reporting, sandboxes, surrounding, unseen, updating
from podresize.cri.faults.fault import Fault
from podresize.errors import UsageError

FAULTS: dict[str, Callable[..., Fault]] = {
    "update-dropped": updating.Dropped,
    "update-delayed": updating.Delayed,
    "update-late": updating.Late,
    "update-refused": updating.Refused,
    "update-answer-lost": updating.Cut,
    "update-connection-cut": surrounding.ConnectionCut,
    "update-twice": updating.Twice,
    "update-undone": updating.Undone,
    "update-kills": updating.Killing,
    "update-misdirected": updating.Misdirected,
    "update-half": changing.half,
    "update-scaled": changing.scaled,
    "update-off-by-a-page": changing.off_by_a_page,
    "update-quota-rounded": changing.quota_rounded,
    "update-other-period": changing.other_period,
    "update-pins": changing.pinned,
    "update-field-dropped": unseen.field_dropped,
    "update-growing": unseen.Growing,
    "update-errors-hidden": unseen.ErrorsHidden,
    "update-errors-recoded": unseen.ErrorsRecoded,
    "update-leftover": unseen.Leftover,
    "remove-dropped": unseen.RemoveDropped,
    "create-scaled": changing.CreatedScaled,
    "status-empty": reporting.empty,
    "status-stale": reporting.Stale,
    "status-ahead": reporting.Ahead,
    "status-swapped": reporting.swapped,
    "status-scaled": reporting.scaled,
    "status-restarted": reporting.Restarted,
    "status-running": unseen.running,
    "status-growing": unseen.StatusGrowing,
    "status-relabelled": unseen.Relabelled,
    "status-spec-silent": unseen.SpecSilent,
    "sandbox-not-ready": sandboxes.NotReady,
    "sandbox-update-dropped": sandboxes.Dropped,
    "sandbox-update-refused": sandboxes.Refused,
    "cgroup-written": surrounding.CgroupWritten,
    "unit-overridden": surrounding.UnitOverridden,
    "runtime-killed": surrounding.runtime_killed,
    "tap-killed": surrounding.tap_killed,
    "runtime-restarted": surrounding.runtime_restarted,
    "kubelet-restarted": surrounding.kubelet_restarted,
}
_TYPES: dict[str, Callable[[str], Any]] = {"str": str, "float": float, "int": int}


def make(spec: str) -> Fault:
    """Return a new fault. ``spec`` is a name, and after a colon its parameters.

    Raises ``UsageError`` for a name or a parameter that it does not know, or a value that is none.
    """
    name, _, said = spec.partition(":")
    if name not in FAULTS:
        raise _wrong("no such fault", name, f"known: {', '.join(FAULTS)}")
    known = inspect.signature(FAULTS[name]).parameters
    values = {}
    for each in filter(None, said.split(",")):
        key, equals, value = each.partition("=")
        if key not in known or not equals:
            raise _wrong("a fault has no such parameter", each, f"{name} knows {', '.join(known)}")
        try:
            values[key] = _TYPES[str(known[key].annotation)](value)
        except ValueError:
            kind = known[key].annotation
            raise _wrong(
                "a fault's parameter has no such value", each, f"{key} is a {kind}"
            ) from None
    missing = [
        key
        for key, parameter in known.items()
        if parameter.default is inspect.Parameter.empty and key not in values
    ]
    if missing:
        raise _wrong("a fault lacks a parameter", spec, f"{name} needs {', '.join(missing)}")
    try:
        return FAULTS[name](**values)
    except ValueError as error:
        raise _wrong("a fault's parameter has no such value", spec, str(error)) from None


def _wrong(what: str, value: str, cause: str) -> UsageError:
    return UsageError(
        what,
        value=value,
        origin="--fault",
        causes=(cause,),
        next_command="podresize cluster up --tap --fault update-dropped",
    )
