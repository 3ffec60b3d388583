"""Real evidence, judged again with no cluster; and spoiled, so that each judge shows its teeth."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.end_to_end.finished_run import Finished, default_run, judged

from podresize.evidence.judging import Judgement, verify
from podresize.evidence.records import VerdictKind

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

Observations = list[dict[str, Any]]
Spoil = Callable[[Observations], None]


@pytest.fixture(scope="module")
def run(real_host: object, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    assert real_host
    return default_run(tmp_path_factory.getbasetemp())


def of(seen: Observations, witness: str, subject: str | None = None) -> Observations:
    found = [one for one in seen if one["witness"] == witness and subject in (None, one["subject"])]
    assert found, f"the evidence has no {witness} {subject}"
    return found


def answered(code: int) -> Spoil:
    def spoil(seen: Observations) -> None:
        of(seen, "client")[-1]["data"]["answer"]["code"] = code

    return spoil


def last_status(change: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(seen: Observations) -> None:
        change(of(seen, "api")[-1]["data"]["status"]["containerStatuses"][0])

    return spoil


def never(value: str) -> Spoil:
    """No state of the pod shows that value of status.resize."""

    def spoil(seen: Observations) -> None:
        shown = [one for one in of(seen, "api") if one["data"]["status"].get("resize") == value]
        assert shown
        for one in shown:
            seen.remove(one)

    return spoil


def unmarked(seen: Observations) -> None:
    for one in of(seen, "api"):
        one["data"]["status"].pop("resize", None)


def set_back(subject: str) -> Spoil:
    """The kernel ends where it began."""

    def spoil(seen: Observations) -> None:
        states = of(seen, "kernel", subject)
        assert states[0]["data"] != states[-1]["data"]
        states[-1]["data"] = states[0]["data"]

    return spoil


def comes_back(witness: str, subject: str) -> Spoil:
    """The old state for a moment after the new one."""

    def spoil(seen: Observations) -> None:
        states = of(seen, witness, subject)
        end = seen[-1]["t"]
        seen.append(copy.deepcopy(states[0]) | {"t": end + 0.1})
        seen.append(copy.deepcopy(states[-1]) | {"t": end + 0.2})

    return spoil


def runtime(**fields: Any) -> Spoil:
    def spoil(seen: Observations) -> None:
        of(seen, "cri")[-1]["data"].update(fields)

    return spoil


def last(witness: str, **fields: Any) -> Spoil:
    def spoil(seen: Observations) -> None:
        of(seen, witness)[-1]["data"].update(fields)

    return spoil


def restarted(status: dict[str, Any]) -> None:
    status["restartCount"] += 1


def old_allocation(status: dict[str, Any]) -> None:
    status["allocatedResources"]["cpu"] = "1m"


def old_resources(status: dict[str, Any]) -> None:
    status["resources"]["limits"]["cpu"] = "1m"


def other_process(seen: Observations) -> None:
    one = copy.deepcopy(of(seen, "process")[-1])
    one["t"] = seen[-1]["t"] + 0.1
    one["data"]["start_ticks"] += 1
    seen.append(one)


def shown_without_the_gate(status: dict[str, Any]) -> None:
    status["resources"] = {"limits": {"cpu": "1"}}


MUTANTS: list[tuple[str, str, str, Spoil]] = [
    ("API-01", "reporting", "refused", answered(422)),
    ("API-05", "gate off", "accepted", answered(200)),
    ("API-54", "gate off", "shown", last_status(shown_without_the_gate)),
    ("ST-01", "reporting", "unmarked", unmarked),
    ("ST-02", "reporting", "no-in-progress", never("InProgress")),
    ("ST-20", "reporting", "old-allocation", last_status(old_allocation)),
    ("ST-20", "silent", "old-allocation", last_status(old_allocation)),
    ("ST-21", "reporting", "old-resources", last_status(old_resources)),
    ("ST-27", "reporting", "restarted", last_status(restarted)),
    ("KL-30", "reporting", "set-back", set_back("container/c1")),
    ("KL-30", "silent", "set-back", set_back("container/c1")),
    ("KL-32", "reporting", "set-back", set_back("pod")),
    ("KL-34", "reporting", "other-container", runtime(id="other")),
    ("KL-34", "reporting", "other-process", other_process),
    ("KL-34", "reporting", "gap", last("workload", max_gap_seconds=2.0)),
    ("KL-34", "reporting", "restarted", last_status(restarted)),
    ("CRI-03", "reporting", "silent", runtime(resources=None)),
    ("CRI-09", "silent", "reports", runtime(resources={"cpu_shares": 1})),
    ("CRI-09", "silent", "kernel-old", set_back("container/c1")),
    ("CRI-09", "silent", "not-stuck", unmarked),
    ("PR-01", "reporting", "kernel-back", comes_back("kernel", "container/c1")),
    ("PR-01", "reporting", "pod-cgroup-back", comes_back("kernel", "pod")),
    ("PR-01", "reporting", "status-back", comes_back("api", "pod")),
    ("PR-01", "silent", "pod-cgroup-back", comes_back("kernel", "pod")),
    # A deviation is an excuse for its own picture only.
    ("ST-21", "silent", "kernel-old", set_back("container/c1")),
    ("ST-02", "silent", "kernel-old", set_back("pod")),
    ("CRI-03", "silent", "old-allocation", last_status(old_allocation)),
]


def evidence(run: Finished, requirement: str, target: str) -> list[dict[str, Any]]:
    """Return the timelines that the run judged by the requirement on the target."""
    ids = {
        each["timeline"]
        for each in run.of("verdict", target)
        if each["requirement"] == requirement and each["timeline"]
    }
    return [each for each in run.of("timeline", target) if each["id"] in ids]


def judge(record: dict[str, Any], requirement: str) -> Judgement:
    return verify(*judged(record), [requirement])[0]


def test_stored_timelines_get_the_same_verdicts_with_no_cluster(run: Finished) -> None:
    timelines = {each["id"]: each for each in run.of("timeline")}
    compared = 0
    for each in run.of("verdict"):
        if each["timeline"] is not None:
            again = judge(timelines[each["timeline"]], each["requirement"])
            assert (again.kind, again.deviation, again.reading, again.facts) == (
                each["verdict"],
                each["deviation"],
                each["reading"],
                each["facts"],
            )
            assert again.witnesses == each["witnesses"]
            compared += 1
    assert compared > 80


@pytest.mark.parametrize(
    ("requirement", "target", "spoil"),
    [
        pytest.param(requirement, target, spoil, id=f"{requirement}-{target}-{name}")
        for requirement, target, name, spoil in MUTANTS
    ],
)
def test_spoiled_evidence_is_caught_in_every_timeline(
    run: Finished, requirement: str, target: str, spoil: Spoil
) -> None:
    found = evidence(run, requirement, target)
    assert found

    for record in found:
        assert judge(record, requirement).kind in (VerdictKind.PASSED, VerdictKind.DEVIATION)
        spoiled = copy.deepcopy(record)
        spoil(spoiled["observations"])
        judgement = judge(spoiled, requirement)
        assert judgement.kind is VerdictKind.FAILED, (record["check"], judgement.reading)
        assert judgement.text is not None
        assert judgement.text.startswith(f"{requirement} (MUST)")


@pytest.mark.parametrize("witness", ["client", "api", "cri", "kernel", "process"])
def test_a_witness_that_was_not_heard_is_never_a_pass(run: Finished, witness: str) -> None:
    needs = {"client": "API-01", "api": "ST-21", "cri": "CRI-03", "kernel": "KL-30"}
    requirement = needs.get(witness, "KL-34")

    for record in evidence(run, requirement, "reporting"):
        deaf = copy.deepcopy(record)
        deaf["observations"] = [one for one in deaf["observations"] if one["witness"] != witness]
        assert judge(deaf, requirement).kind is VerdictKind.ERROR


def test_every_requirement_that_was_put_to_a_target_has_a_mutant(run: Finished) -> None:
    put = {each["requirement"] for each in run.of("verdict") if each["verdict"] != "unsupported"}

    assert put == {requirement for requirement, *_ in MUTANTS}
