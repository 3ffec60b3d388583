"""The mutants: good stacks made wrong in one way each, and the requirements that must catch them.

``mutant_catalogue/*.yaml`` holds them, those of a container runtime without Kubernetes too,
``not_mutated.yaml`` the requirements that none can fail, each with its reason. Keys of a mutant:

* ``id`` (what is wrong, in words and dashes), ``title``, ``kind`` (``Kind``)
* ``guilty``: who does wrong, one or more of ``Party``: the reading of a failure has to name one
* ``stacks``: the good ones, ``<Kubernetes>+<containerd>``, with ``@kind`` or ``@vm`` where that
  provider makes it, or ``<containerd>/<OCI runtime>`` of a runtime alone; ``containerd`` replaces
  theirs
* ``faults``, ``gate_off_in``, ``manifests`` (of ``manifests/mutants``): as ``Target`` has them
* ``caught_by``: the requirements that must catch it; ``also``: those that a correct stack may miss
  because of it; ``withstood``: why nothing may be caught; ``error``: whose death it is, so that no
  verdict of the run may be failed
* ``profile`` of the checks that are run; ``only``: of them those of one of these requirements
* ``tenth``: it is one of the tenth that CI runs
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib.resources
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from podresize.errors import UsageError
from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.model import Party
from podresize.requirements.profiles import HEADLINE, known_profiles
from podresize.requirements.reading import Reader, bad, parse_list
from podresize.requirements.runtime_target import RuntimeTarget
from podresize.requirements.target import DEFAULT_PROVIDER, GATED, Target

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_BASE = re.compile(r"\d+\.\d+\.\d+\+\d+\.\d+\.\d+(@(kind|vm))?")
_RUNTIME_BASE = re.compile(r"\d+\.\d+\.\d+/[a-z]+(@\d+\.\d+(\.\d+)?)?")


class Kind(enum.StrEnum):
    """How a mutant is made."""

    FAULT = "fault"
    CONTAINERD = "containerd"
    GATE = "gate"
    ADMISSION = "admission"
    KILL = "kill"
    CGROUP = "cgroup"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One wrong stack; the module's docstring explains the fields."""

    id: str
    title: str
    kind: Kind
    guilty: frozenset[Party]
    stacks: tuple[str, ...]
    containerd: str | None = None
    faults: tuple[str, ...] = ()
    gate_off_in: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    caught_by: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    withstood: str = ""
    error: str = ""
    profile: str = HEADLINE
    only: frozenset[str] = frozenset()
    tenth: bool = False

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is made by another provider than most, which not every host can."""
        return any(good_target(base).provider != DEFAULT_PROVIDER for base in self._clusters)

    @property
    def _clusters(self) -> tuple[str, ...]:
        return tuple(base for base in self.stacks if not is_runtime(base))

    def target(self, base: str, *, manifests: Path) -> Target:
        """Return the wrong stack on one of ``stacks``; ``manifests`` holds the files."""
        good = good_target(base)
        return dataclasses.replace(
            good,
            containerd=self.containerd or good.containerd,
            faults=self.faults,
            gate_off_in=self.gate_off_in,
            manifests=tuple(manifests / f"{name}.yaml" for name in self.manifests),
        )

    def runtime_target(self, base: str) -> RuntimeTarget:
        """Return the wrong runtime on one of ``stacks`` that is a runtime alone."""
        good = good_runtime(base)
        return dataclasses.replace(
            good, containerd=self.containerd or good.containerd, faults=self.faults
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotMutated:
    """A requirement that no mutant fails, and why."""

    id: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mutants:
    """All mutants by id, in the order of the files, and what none of them can fail."""

    mutants: Mapping[str, Mutant]
    not_mutated: Mapping[str, NotMutated]

    def catching(self, requirement: str) -> tuple[Mutant, ...]:
        """Return the mutants that a requirement must catch."""
        return tuple(each for each in self.mutants.values() if requirement in each.caught_by)

    def forgotten(self, requirements: Iterable[str]) -> list[str]:
        """Return those of the requirements that are in neither."""
        return [
            id_ for id_ in requirements if not self.catching(id_) and id_ not in self.not_mutated
        ]


def good_target(base: str) -> Target:
    """Return the stack ``<Kubernetes>+<containerd>``, with a tap that tells and changes nothing.

    After an ``@`` there may be its provider.
    """
    stack, _, provider = base.partition("@")
    kubernetes, _, containerd = stack.partition("+")
    return Target(
        provider=provider or DEFAULT_PROVIDER,
        kubernetes=kubernetes,
        containerd=containerd,
        tap=True,
    )


def is_runtime(base: str) -> bool:
    """Return whether a stack is a container runtime without Kubernetes."""
    return _RUNTIME_BASE.fullmatch(base) is not None


def good_runtime(base: str) -> RuntimeTarget:
    """Return the runtime ``<containerd>/<OCI runtime>``, with a tap as ``good_target`` has it."""
    containerd, _, oci_runtime = base.partition("/")
    return RuntimeTarget(containerd=containerd, oci_runtime=oci_runtime, tap=True)


@functools.cache
def load_mutants() -> Mutants:
    """Return the mutants that podresize ships. Raises ``UsageError`` when they are malformed."""
    here = importlib.resources.files("podresize.requirements")
    files = sorted(here.joinpath("mutant_catalogue").iterdir(), key=lambda item: item.name)
    return parse_mutants(
        {file.name: file.read_text(encoding="utf-8") for file in files},
        here.joinpath("not_mutated.yaml").read_text(encoding="utf-8"),
        load_catalogue(),
    )


def parse_mutants(mutants: Mapping[str, str], not_mutated: str, catalogue: Catalogue) -> Mutants:
    """Build the mutants from YAML texts, each a list of mappings; mutants by file name.

    Raises ``UsageError`` for a mistake, and for a requirement that is in both.
    """
    known: dict[str, Mutant] = {}
    for origin, text in mutants.items():
        for id_, mutant in parse_list(text, origin, _mutant, id_=_ID).items():
            if id_ in known:
                raise bad("an id occurs twice", id_, origin)
            known[id_] = mutant
    left_out = parse_list(not_mutated, "not_mutated.yaml", _not_mutated)
    for mutant in known.values():
        _check(mutant, catalogue)
    caught = {id_ for each in known.values() for id_ in each.caught_by}
    for id_ in left_out.keys() - catalogue.requirements.keys():
        raise bad("there is no such requirement", id_, "not_mutated.yaml")
    for id_ in sorted(left_out.keys() & caught):
        raise bad("a mutant must be caught by what none can fail", id_, "not_mutated.yaml")
    return Mutants(mutants=known, not_mutated=left_out)


def find_mutant(mutants: Mutants, id_: str) -> Mutant:
    """Return one mutant. Raises ``UsageError`` for an id that there is not."""
    if id_ not in mutants.mutants:
        raise UsageError(
            "there is no such mutant",
            value=id_,
            origin="--only",
            causes=(f"known: {', '.join(mutants.mutants)}",),
            next_command="scripts/mutation --list",
        )
    return mutants.mutants[id_]


def _mutant(reader: Reader) -> Mutant:
    tenth = reader.optional("tenth", False)
    if not isinstance(tenth, bool):
        raise bad("'tenth' is true or false", str(tenth), reader.origin)
    return Mutant(
        id=reader.text("id"),
        title=reader.text("title"),
        kind=reader.one_of("kind", Kind),
        guilty=frozenset(_party(each, reader) for each in reader.words("guilty")),
        stacks=_ordered(reader, "stacks"),
        containerd=reader.text("containerd") if "containerd" in reader.raw else None,
        faults=_ordered(reader, "faults"),
        gate_off_in=_ordered(reader, "gate_off_in"),
        manifests=_ordered(reader, "manifests"),
        caught_by=reader.words("caught_by"),
        also=reader.words("also"),
        withstood=reader.text("withstood") if "withstood" in reader.raw else "",
        error=reader.text("error") if "error" in reader.raw else "",
        profile=reader.text("profile") if "profile" in reader.raw else HEADLINE,
        only=reader.words("only"),
        tenth=tenth,
    )


def _ordered(reader: Reader, key: str) -> tuple[str, ...]:
    reader.words(key)
    return tuple(reader.raw.get(key, ()))


def _party(word: str, reader: Reader) -> Party:
    try:
        return Party(word)
    except ValueError:
        raise bad("there is no such party", word, reader.origin) from None


def _not_mutated(reader: Reader) -> NotMutated:
    return NotMutated(id=reader.text("id"), reason=reader.text("reason"))


def _check(mutant: Mutant, catalogue: Catalogue) -> None:
    """Raise ``UsageError`` for what no mutant can be."""
    ends: dict[str, Any] = {
        "caught_by": mutant.caught_by,
        "withstood": mutant.withstood,
        "error": mutant.error,
    }
    told = [name for name, value in ends.items() if value]
    if len(told) != 1:
        raise bad(f"a mutant has one of {', '.join(ends)}", ", ".join(told), mutant.id)
    if not mutant.stacks or not all(
        _BASE.fullmatch(each) or is_runtime(each) for each in mutant.stacks
    ):
        raise bad(
            "a stack reads like 1.37.2+2.1.4, 1.37.2+2.1.4@vm or 1.6.36/runc",
            ", ".join(mutant.stacks),
            mutant.id,
        )
    ways = (mutant.containerd, mutant.faults, mutant.gate_off_in, mutant.manifests)
    if not any(ways):
        raise bad("a mutant that is like the good stack", mutant.title, mutant.id)
    if not mutant.guilty and mutant.caught_by:
        raise bad("nobody is guilty", mutant.title, mutant.id)
    if mutant.profile not in known_profiles(catalogue):
        raise bad("there is no such profile", mutant.profile, mutant.id)
    for each in set(mutant.gate_off_in) - set(GATED):
        raise bad("there is no such component", each, mutant.id)
    for id_ in (mutant.caught_by | mutant.also | mutant.only) - catalogue.requirements.keys():
        raise bad("there is no such requirement", id_, mutant.id)
    for id_ in mutant.caught_by & mutant.also:
        raise bad("what must catch it is among what may", id_, mutant.id)
