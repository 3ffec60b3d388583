"""A change of resources: what is asked for, as a value with a readable name.

Relative changes ("+100m") let one check run over pods of any size; the name is stable because it is
part of a pytest node id and of records that are compared between runs.
"""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal
from typing import Any

from podresize.errors import UsageError
from podresize.oracle.quantity import add, format_cpu, format_memory, parse_quantity
from podresize.oracle.resources import KINDS, LIMITS, REQUESTS, Resources, normalised

CONTAINERS = "containers"
INIT_CONTAINERS = "initContainers"
CPU = "cpu"
MEMORY = "memory"
SCOPES = {"both": KINDS, REQUESTS: (REQUESTS,), LIMITS: (LIMITS,)}
REMOVED = "none"
"""The amount that takes a resource out of its maps."""
_AMOUNT = re.compile(r"(?P<sign>[+=-]?)(?P<size>[0-9.].*)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of cpu, memory or both.

    An amount is relative with a sign (``+100m``, ``-32Mi``) and absolute without one (``200m``);
    ``none`` removes the resource.
    ``scope`` names the maps it touches; ``both`` touches those that have the resource already, or
    both when neither has it. A relative change of an absent value counts from zero. ``container``
    names one container of the pod (an init container as well), None means all of
    ``spec.containers``. ``change & other`` asks for both in one patch.

    Raises ``UsageError`` for an amount that is no quantity or an unknown scope.
    """

    cpu: str | None = None
    memory: str | None = None
    scope: str = "both"
    container: str | None = None
    more: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise UsageError(
                "a change has no such scope", value=self.scope, causes=(f"one of {sorted(SCOPES)}",)
            )
        for _, amount in self.amounts():
            if amount != REMOVED:
                _split(amount)

    def __and__(self, other: Change) -> Change:
        """Return both changes as one, this one first."""
        return dataclasses.replace(self, more=(*self.more, other))

    @property
    def parts(self) -> tuple[Change, ...]:
        """The changes that this one consists of, in order."""
        return (dataclasses.replace(self, more=()), *(p for one in self.more for p in one.parts))

    def amounts(self) -> list[tuple[str, str]]:
        """Return ``(resource, amount)`` for what is changed, cpu first."""
        pairs = ((CPU, self.cpu), (MEMORY, self.memory))
        return [(name, amount) for name, amount in pairs if amount is not None]

    def __str__(self) -> str:
        """Return a stable name: ``cpu+100m,memory-32Mi``, ``cpu=200m:limits@c1``.

        The parts of a combined change are joined by ``&``.
        """
        if self.more:
            return "&".join(map(str, self.parts))
        parts = [
            f"{name}{amount if amount[0] in '+-=' else '=' + amount}"
            for name, amount in self.amounts()
        ]
        text = ",".join(parts) or "nothing"
        if self.scope != "both":
            text += f":{self.scope}"
        return text if self.container is None else f"{text}@{self.container}"


def apply(change: Change, resources: Resources) -> Resources:
    """Return one container's resources after the change; the input is left alone.

    Only what is asked for changes: the defaulting that the apiserver adds is ``defaulted``. Parts
    of a combined change are not looked at.
    """
    result = normalised(resources)
    for name, amount in change.amounts():
        kinds = SCOPES[change.scope]
        if amount == REMOVED:
            for kind in kinds:
                result[kind].pop(name, None)
            continue
        sign, size = _split(amount)
        if change.scope == "both":
            kinds = tuple(kind for kind in KINDS if name in result[kind]) or KINDS
        for kind in kinds:
            old = parse_quantity(result[kind].get(name, "0"))
            new = add(old, -size if sign == "-" else size) if sign in ("+", "-") else size
            result[kind][name] = _format(name, new)
    return result


def defaulted(resources: Resources) -> Resources:
    """Return resources with each missing request set to its limit (API-11, pod defaulting)."""
    result = normalised(resources)
    result[REQUESTS] = {**result[LIMITS], **result[REQUESTS]}
    return result


def patch_body(pod: dict[str, Any], change: Change) -> dict[str, Any]:
    """Return a strategic-merge patch of the pod that asks for the change and nothing else.

    ``pod`` is the raw JSON before. Containers that stay as they are do not occur in the patch.
    Raises ``UsageError`` when the change names a container that the pod lacks.
    """
    wanted: dict[str, Resources] = {}
    for part, container in changes_of(pod, change):
        name = container["name"]
        wanted[name] = apply(part, wanted.get(name) or normalised(container.get("resources")))
    spec: dict[str, Any] = {}
    for key in (INIT_CONTAINERS, CONTAINERS):
        entries = []
        for container in pod["spec"].get(key) or ():
            if container["name"] in wanted:
                before = normalised(container.get("resources"))
                difference = _difference(before, wanted[container["name"]])
                if difference:
                    entries.append({"name": container["name"], "resources": difference})
        if entries or key == CONTAINERS:
            spec[key] = entries
    return {"spec": spec}


def _difference(before: Resources, after: Resources) -> dict[str, dict[str, str | None]]:
    """Return what a merge of maps must carry; null removes a key."""
    result = {}
    for kind in KINDS:
        values: dict[str, str | None] = {
            name: value for name, value in after[kind].items() if before[kind].get(name) != value
        }
        values |= {name: None for name in before[kind] if name not in after[kind]}
        if values:
            result[kind] = values
    return result


def changes_of(pod: dict[str, Any], change: Change) -> list[tuple[Change, dict[str, Any]]]:
    """Return each part of a change with each container that it is about, in order."""
    return [(part, container) for part in change.parts for container in containers_of(pod, part)]


def containers_of(pod: dict[str, Any], change: Change) -> list[dict[str, Any]]:
    """Return the pod's containers that a change is about; an unknown name is a ``UsageError``."""
    containers: list[dict[str, Any]] = [*pod["spec"][CONTAINERS]]
    if change.container is not None:
        containers += pod["spec"].get(INIT_CONTAINERS) or ()
    chosen = [item for item in containers if change.container in (None, item["name"])]
    if not chosen:
        names = ", ".join(item["name"] for item in containers)
        raise UsageError(
            "the change names a container that the pod does not have",
            value=change.container,
            causes=(f"the pod has: {names or 'no containers'}",),
        )
    return chosen


def _split(amount: str) -> tuple[str, Decimal]:
    found = _AMOUNT.fullmatch(amount)
    if found is None:
        raise UsageError(
            "this is not an amount to change a resource by",
            value=amount,
            causes=("amounts read like +100m, -32Mi or 200m",),
        )
    return found["sign"], parse_quantity(found["size"])


def _format(name: str, value: Decimal) -> str:
    return format_cpu(value) if name == CPU else format_memory(value)
