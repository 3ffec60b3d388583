"""One judge per rule of the API: is this change answered as the rule says?

Most rules are refusals that the oracle attributes (``answer.rule``); a change that another rule
decides says nothing about this one, and its verdict is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podresize.evidence.case import Case
from podresize.evidence.judges.api import accepted, refused, spec_faults, untouched_faults
from podresize.evidence.judges.ruling import (
    Fault,
    Judge,
    NothingToSayError,
    Ruling,
    at,
    refused_fault,
)
from podresize.oracle.model import ContainerExpectation
from podresize.oracle.resources import KINDS, LIMITS, REQUESTS, Resources, amount

_REFUSALS = (
    *("API-03", "API-04", "API-05", "API-20", "API-21", "API-25", "API-26", "API-27", "API-32"),
    *("API-35", "API-36", "API-52", "PR-42"),
)


def by_rule(rule: str) -> Judge:
    """Return the judge of a refusal that the requirement ``rule`` decides."""

    def judge(case: Case) -> Ruling:
        _only(case.expectation.answer.rule == rule, f"{rule} does not decide this change")
        return refused(case)

    judge.__doc__ = f"{rule}: the answer is the expected refusal, and the pod stays as it was."
    return judge


def by_rule_or(rule: str, is_allowed: Callable[[Case], bool]) -> Judge:
    """Return the judge of a rule that refuses in some versions and allows in others.

    ``is_allowed``: this accepted change is one of those that the rule speaks of.
    """

    def judge(case: Case) -> Ruling:
        answer = case.expectation.answer
        if not answer.accepted:
            return by_rule(rule)(case)
        _only(answer.rule == rule or is_allowed(case), f"{rule} does not speak of this change")
        return accepted(case)

    judge.__doc__ = f"{rule}: refused or accepted as expected, and the spec shows which."
    return judge


def dropped(rule: str) -> Judge:
    """Return the judge of what is left out without a word: 200, and all else is as before."""

    def judge(case: Case) -> Ruling:
        _only(
            case.expectation.answer.rule == rule, f"this change asks for nothing that {rule} drops"
        )
        if not case.expectation.answer.accepted:
            return refused(case)
        found = refused_fault(case)
        if found is not None:
            return Ruling(faults=(found,))
        only_status = rule == "API-60"
        faults = (*spec_faults(case), *untouched_faults(case, but_resources=not only_status))
        return Ruling(faults=faults, reading="accepted; nothing but resources was taken from it")

    judge.__doc__ = f"{rule}: 200, and nothing but the resources is taken from the request."
    return judge


def generation(case: Case) -> Ruling:
    """API-07: metadata.generation ends as expected and was nothing else on the way."""
    wanted = case.expectation.generation
    _only(wanted is not None, "this pod has no generation")
    first = case.pods[0][1]["metadata"].get("generation")
    faults = []
    for t, pod in case.pods:
        shown = pod["metadata"].get("generation")
        if shown not in (first, wanted):
            text = f"{case.timeline.pod}: generation is {shown} ({at(t)}), expected {wanted}"
            faults.append(Fault(text=text, reading="the generation counts something else"))
    last = case.final_pod["metadata"].get("generation")
    if last != wanted and not faults:
        text = f"{case.timeline.pod}: generation is {last} at the end, expected {wanted}"
        faults.append(Fault(text=text, reading="the generation does not count resizes"))
    return Ruling(faults=tuple(faults), reading=f"generation {first} -> {wanted}")


def rights(case: Case) -> Ruling:
    """API-08: the user's rights on the subresource decide."""
    _only(case.request.get("user") is not None, "the kubeconfig's own user asks")
    return by_rule_or("API-08", lambda _: True)(case)


def any_form(case: Case) -> Ruling:
    """API-10: accepted or refused as expected, in the form that was used."""
    _only(bool(case.request.get("form")), "the form of the request was not recorded")
    ruling = accepted(case) if case.expectation.answer.accepted else refused(case)
    reading = f"as {case.request['form']}: {ruling.reading}"
    return Ruling(faults=ruling.faults, reading=reading)


def defaulted_request(case: Case) -> Ruling:
    """API-11: a request that was not asked for stands beside a new limit."""
    _only(any(_defaulted(case, item) for item in case.expectation.containers), "nothing defaulted")
    return accepted(case)


def dry_run(case: Case) -> Ruling:
    """PR-40: answered like the real one, with the new spec, and nothing is stored."""
    _only(bool(case.request.get("dry_run")), "this is no dry run")
    if not case.expectation.answer.accepted:
        return refused(case)
    ruling = accepted(case)
    faults = (*ruling.faults, *untouched_faults(case))
    if case.answer.get("code") == 200 and "spec" not in case.answer:
        text = f"{case.timeline.pod}: the answer to the dry run holds no pod"
        faults = (*faults, Fault(text=text, reading="the answer says nothing"))
    return Ruling(faults=faults, reading="answered with the new spec; the pod is as it was")


def while_deleted(case: Case) -> Ruling:
    """API-38: the pod has a deletionTimestamp and takes a resize all the same."""
    _only("deletionTimestamp" in case.pods[0][1]["metadata"], "this pod is not being deleted")
    return accepted(case)


def capacity(case: Case) -> Ruling:
    """API-41: refused with the cause that clients look for."""
    ruling = by_rule("API-41")(case)
    types = [item.get("reason") or item.get("type") for item in case.answer.get("causes") or ()]
    if "NodeCapacity" in types:
        return ruling
    text = f"{case.timeline.pod}: the causes of the refusal are {types}, expected NodeCapacity"
    fault = Fault(text=text, reading="refused, without the cause that clients look for")
    return Ruling(faults=(*ruling.faults, fault))


def without_policy(case: Case) -> Ruling:
    """API-56: a PUT that lacks a container's resizePolicy."""
    body: Any = case.request.get("body")
    _only(case.request.get("form") == "put" and isinstance(body, dict), "this is no PUT")
    before = {item["name"]: item for item in case.pods[0][1]["spec"]["containers"]}
    _only(
        any(
            before.get(item["name"], {}).get("resizePolicy") and not item.get("resizePolicy")
            for item in body["spec"]["containers"]
        ),
        "no resizePolicy is left out",
    )
    return refused(case)


def _only(condition: bool, otherwise: str) -> None:
    if not condition:
        raise NothingToSayError(otherwise)


def _defaulted(case: Case, item: ContainerExpectation) -> bool:
    before, wanted = item.asked_before, case.expectation.answer.spec.get(item.name)
    if wanted is None:
        return False
    body: Any = case.request.get("body")
    asked: dict[str, Any] = {}
    if isinstance(body, dict):
        for container in body.get("spec", {}).get("containers") or ():
            if container.get("name") == item.name:
                asked = (container.get("resources") or {}).get(REQUESTS) or {}
    return any(
        name not in before[REQUESTS] and name not in asked and name in wanted[LIMITS]
        for name in wanted[REQUESTS]
    )


def _pairs(case: Case) -> list[tuple[Resources, Resources]]:
    """Return what each long-running container had in the spec and has in the answer."""
    promised = case.expectation.answer.spec
    return [
        (item.asked_before, promised.get(item.name, item.asked))
        for item in case.expectation.containers
    ]


def _removes(case: Case) -> bool:
    return any(was[kind].keys() - now[kind].keys() for was, now in _pairs(case) for kind in KINDS)


def _adds(case: Case) -> bool:
    return any(now[kind].keys() - was[kind].keys() for was, now in _pairs(case) for kind in KINDS)


def _lowers_memory_limit(case: Case) -> bool:
    for was, now in _pairs(case):
        old, new = amount(was, LIMITS, "memory"), amount(now, LIMITS, "memory")
        if old is not None and new is not None and new < old:
            return True
    return False


def _resizes_init(case: Case) -> bool:
    """Return whether an ordinary init container, which is no long-running one, is resized."""
    running = {item.name for item in case.expectation.containers}
    before = {
        item["name"]: item.get("resources")
        for item in case.pods[0][1]["spec"].get("initContainers") or ()
    }
    return any(
        name not in running and name in before and before[name] != resources
        for name, resources in case.expectation.answer.spec.items()
    )


def _has_pod_level(case: Case) -> bool:
    return bool((case.answer.get("spec") or case.final_pod["spec"]).get("resources"))


JUDGES: dict[str, Judge] = {
    **{rule: by_rule(rule) for rule in _REFUSALS},
    "API-06": dropped("API-06"),
    "API-07": generation,
    "API-08": rights,
    "API-10": any_form,
    "API-11": defaulted_request,
    "API-22": by_rule_or("API-22", _removes),
    "API-23": by_rule_or("API-23", _adds),
    "API-24": by_rule_or("API-24", _lowers_memory_limit),
    "API-28": by_rule_or("API-28", _resizes_init),
    "API-38": while_deleted,
    "API-39": by_rule_or("API-39", _has_pod_level),
    "API-41": capacity,
    "API-43": dropped("API-43"),
    "API-50": by_rule_or("API-50", lambda _: False),
    "API-51": by_rule_or("API-51", lambda _: False),
    "API-56": without_policy,
    "API-60": dropped("API-60"),
    "PR-40": dry_run,
    "PR-41": by_rule("PR-41"),
}
