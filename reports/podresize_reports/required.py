"""Which requirements a run has to speak of, and which of them it does not.

A run that leaves out what it fails would look like a good one. What it was to show is in its own
options; every requirement of the catalogue that is in those profiles and put to such a target needs
a verdict, be it that the target cannot show it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from types import NoneType

from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import PutTo
from podresize.requirements.profiles import EXTENDED
from podresize_reports.loading import Run, TargetRecord

# By these the targets of one run are told apart; a check's own cluster differs in other things.
_STACK = ("kubernetes", "runtime", "runtime_version", "oci_runtime", "oci_runtime_version", "gate")


def required(run: Run, put_to: PutTo) -> frozenset[str]:
    """Return the requirements that the run's options name, of those that are put to such targets.

    A run that names neither profiles nor requirements is to show all.
    """
    known = load_catalogue().requirements.values()
    own = {item.id: item for item in known if item.put_to is put_to}
    if named := run.options.get("requirements"):
        return frozenset(own.keys() & set(named))
    if put_to is PutTo.RUNTIME or not (profiles := set(run.options.get("profiles") or ())):
        return frozenset(own)
    if EXTENDED in profiles:
        profiles.add("core")
    return frozenset(id_ for id_, item in own.items() if item.profiles & profiles)


def missing(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the label of a target and the requirement of which the run has no verdict there.

    Of a shard nobody can say: another one has the rest.
    """
    if run.options.get("shard"):
        return
    said: dict[tuple[object, ...], set[str]] = defaultdict(set)
    labels: dict[tuple[object, ...], TargetRecord] = {}
    stacks = {target.label: stack_of(target) for target in run.targets}
    for target in run.targets:
        labels.setdefault(stack_of(target), target)
    for verdict in run.verdicts:
        said[stacks[verdict.target]].add(verdict.requirement)
    for stack, target in labels.items():
        is_cluster = "kubernetes" in target.fingerprint
        wanted = required(run, PutTo.CLUSTER if is_cluster else PutTo.RUNTIME)
        for id_ in sorted(wanted - said[stack]):
            yield target.label, id_


def stack_of(target: TargetRecord) -> tuple[object, ...]:
    """Return what the target of a run and those of its checks' own clusters have in common."""
    found = (target.fingerprint.get(name) for name in _STACK)
    # Whoever wrote the records may have put a list there.
    return tuple(
        value if isinstance(value, str | bool | NoneType) else repr(value) for value in found
    )
