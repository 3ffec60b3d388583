"""The mutants that ship are sound, and a bad one is refused with the place named."""

from __future__ import annotations

import pytest

from podresize.cri.faults.catalogue import FAULTS
from podresize.errors import UsageError
from podresize.manifests import manifests
from podresize.providers.registry import provider_of
from podresize.providers.runtimes import provider as runtimes
from podresize.requirements.loader import load_catalogue
from podresize.requirements.mutants import (
    Mutant,
    find_mutant,
    good_target,
    is_runtime,
    load_mutants,
    parse_mutants,
)

KNOWN = load_mutants()
MANIFESTS = manifests("mutants")
ENTRY = """
- id: update-lost
  title: a title
  kind: fault
  guilty: [CRI runtime]
  stacks: [1.37.2+2.1.4]
  faults: [update-dropped]
  caught_by: [KL-30]
"""


def test_every_requirement_must_catch_a_mutant_or_says_why_none_can() -> None:
    assert KNOWN.forgotten(load_catalogue().requirements) == []


@pytest.mark.parametrize("mutant", KNOWN.mutants.values(), ids=lambda each: each.id)
def test_a_mutant_can_be_made(mutant: Mutant) -> None:
    for base in mutant.stacks:
        if is_runtime(base):
            runtimes.check_target(mutant.runtime_target(base))
            assert mutant.faults
            continue
        target = mutant.target(base, manifests=MANIFESTS)

        provider_of(target.provider).check_target(target)
        assert target.wrongs or target.containerd != good_target(base).containerd


def test_every_fault_and_every_manifest_is_a_mutants() -> None:
    faults = {each.partition(":")[0] for item in KNOWN.mutants.values() for each in item.faults}
    files = {each for item in KNOWN.mutants.values() for each in item.manifests}

    assert faults == FAULTS.keys()
    assert files == {path.stem for path in MANIFESTS.iterdir()}


def test_a_tenth_is_of_several_kinds() -> None:
    tenth = [each for each in KNOWN.mutants.values() if each.tenth]

    assert len(KNOWN.mutants) / 10 <= len(tenth) <= len(KNOWN.mutants) / 10 + 3
    assert len({each.kind for each in tenth}) >= 3


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (ENTRY.replace("update-lost", "ST-21"), "an id reads like"),
        (ENTRY.replace("kind: fault", "kind: luck"), "'kind' has no such value"),
        (ENTRY.replace("CRI runtime", "moon"), "no such party"),
        (ENTRY.replace("1.37.2+2.1.4", "1.37.2"), "a stack reads like"),
        (ENTRY.replace("2.1.4]", "2.1.4@moon]"), "a stack reads like"),
        (ENTRY.replace("KL-30", "KL-99"), "no such requirement"),
        (ENTRY + "  withstood: it is\n", "a mutant has one of"),
        (ENTRY.replace("  caught_by: [KL-30]\n", ""), "a mutant has one of"),
        (ENTRY.replace("  faults: [update-dropped]\n", ""), "like the good stack"),
        (ENTRY.replace("[CRI runtime]", "[]"), "nobody is guilty"),
        (ENTRY + "  profile: cors\n", "no such profile"),
        (ENTRY + "  gate_off_in: [etcd]\n", "no such component"),
        (ENTRY + "  also: [KL-30]\n", "among what may"),
        (ENTRY + "  tenth: often\n", "true or false"),
        (ENTRY + "  colour: red\n", "an unknown key"),
    ],
)
def test_what_is_no_mutant_is_refused(entry: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_mutants({"a.yaml": entry}, "[]", load_catalogue())


def test_an_id_occurs_once_in_all_files() -> None:
    with pytest.raises(UsageError, match="an id occurs twice"):
        parse_mutants({"a.yaml": ENTRY, "b.yaml": ENTRY}, "[]", load_catalogue())


@pytest.mark.parametrize(
    ("left_out", "message"),
    [("ST-99", "no such requirement"), ("KL-30", "must be caught by what none can fail")],
)
def test_what_is_left_out_is_a_requirement_without_a_mutant(left_out: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_mutants(
            {"a.yaml": ENTRY}, f"- id: {left_out}\n  reason: a reason\n", load_catalogue()
        )


def test_a_requirement_in_neither_list_is_forgotten() -> None:
    found = parse_mutants({"a.yaml": ENTRY}, "- id: ST-21\n  reason: a reason\n", load_catalogue())

    assert found.forgotten(["KL-30", "ST-21", "ST-20"]) == ["ST-20"]
    assert [each.id for each in found.catching("KL-30")] == ["update-lost"]


def test_a_stack_may_be_of_another_provider() -> None:
    entry = ENTRY.replace("1.37.2+2.1.4", "1.37.2+2.1.4@vm")
    (there,) = parse_mutants({"a.yaml": entry}, "[]", load_catalogue()).mutants.values()
    (here,) = parse_mutants({"a.yaml": ENTRY}, "[]", load_catalogue()).mutants.values()

    target = there.target(there.stacks[0], manifests=MANIFESTS)

    assert (target.provider, target.kubernetes, target.containerd) == ("vm", "1.37.2", "2.1.4")
    assert there.is_elsewhere
    assert not here.is_elsewhere
    assert not any(each.is_elsewhere and each.tenth for each in KNOWN.mutants.values())


def test_a_mutant_is_found_by_its_name() -> None:
    assert find_mutant(KNOWN, "update-dropped").title
    with pytest.raises(UsageError, match="no such mutant") as error:
        find_mutant(KNOWN, "update-droped")
    assert "update-dropped" in str(error.value)
