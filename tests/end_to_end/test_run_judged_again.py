"""Real evidence, judged again with no cluster; and spoiled, so that each judge shows its teeth."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.finished_run import Finished, default_run, judged, podresize

from podresize.evidence.claims import Claim, judge_claims
from podresize.evidence.judging import Judgement, verify
from podresize.evidence.records import VerdictKind
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Judged

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

EXECUTED = {kind for kind in VerdictKind if kind.is_executed}
Observations = list[dict[str, Any]]
Spoil = Callable[[Observations], None]


class NothingToSpoilError(Exception):
    """This resize does not have what the fault would spoil."""


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


def reported(**numbers: Any) -> Spoil:
    """The runtime's last report has other numbers."""

    def spoil(seen: Observations) -> None:
        of(seen, "cri")[-1]["data"]["resources"].update(numbers)

    return spoil


def silent_at_first(seen: Observations) -> None:
    of(seen, "cri")[0]["data"]["resources"] = None


def marked_as(value: str) -> Spoil:
    """The last state of the pod shows that value of status.resize."""

    def spoil(seen: Observations) -> None:
        of(seen, "api")[-1]["data"]["status"]["resize"] = value

    return spoil


def cpu_first(seen: Observations) -> None:
    """The container's cpu has its new values before anything else moves."""
    states = of(seen, "kernel", "container/c1")
    cpu = {name: text for name, text in states[-1]["data"].items() if name.startswith("cpu.")}
    first = states[0]["data"]
    if first | cpu == first or first | cpu == states[-1]["data"]:
        raise NothingToSpoilError  # only one of the two changes
    early = copy.deepcopy(states[0]) | {"t": states[1]["t"] - 0.001, "data": first | cpu}
    seen.insert(seen.index(states[1]), early)


def other_setting(seen: Observations) -> None:
    of(seen, "kernel", "settings/pod")[-1]["data"]["cpu.idle"] = "1"


def an_event(seen: Observations) -> None:
    """An Event of later releases, where none is promised."""
    data = {"reason": "ResizeCompleted", "type": "Normal", "message": "Pod resize", "count": 1}
    seen.append({"t": seen[-1]["t"], "witness": "event", "subject": "pod", "data": data})


def last(witness: str, **fields: Any) -> Spoil:
    def spoil(seen: Observations) -> None:
        of(seen, witness)[-1]["data"].update(fields)

    return spoil


def restarted(status: dict[str, Any]) -> None:
    status["restartCount"] += 1


def more_keys(status: dict[str, Any]) -> None:
    status["resources"]["limits"]["example.com/more"] = "1"


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
    ("KL-34", "reporting", "gap", last("workload", max_stall_seconds=2.0)),
    ("KL-34", "reporting", "restarted", last_status(restarted)),
    ("ST-22", "reporting", "more-keys", last_status(more_keys)),
    ("KL-31", "reporting", "cpu-first", cpu_first),
    ("KL-31", "silent", "cpu-first", cpu_first),
    ("CRI-02", "reporting", "silent-at-first", silent_at_first),
    ("CRI-03", "reporting", "silent", runtime(resources=None)),
    ("CRI-05", "reporting", "period", reported(cpu_period="50000")),
    ("CRI-06", "reporting", "third-value", reported(memory_limit_in_bytes="1")),
    ("CRI-07", "reporting", "other-memory", reported(memory_limit_in_bytes="1")),
    ("CRI-09", "silent", "reports", runtime(resources={"cpu_shares": 1})),
    ("CRI-09", "silent", "kernel-old", set_back("container/c1")),
    ("CRI-09", "silent", "not-stuck", unmarked),
    ("PR-10", "reporting", "unknown", marked_as("Ready")),
    ("PR-10", "silent", "unknown", marked_as("Ready")),
    ("PR-13", "reporting", "none-promised", an_event),
    ("PR-20", "reporting", "other-setting", other_setting),
    ("PR-20", "silent", "other-setting", other_setting),
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
    caught = 0
    for record in evidence(run, requirement, target):
        assert judge(record, requirement).kind in (VerdictKind.PASSED, VerdictKind.DEVIATION)
        spoiled = copy.deepcopy(record)
        try:
            spoil(spoiled["observations"])
        except NothingToSpoilError:
            continue
        judgement = judge(spoiled, requirement)
        assert judgement.kind is VerdictKind.FAILED, (record["check"], judgement.reading)
        assert judgement.text is not None
        level = load_catalogue().requirement(requirement).level
        assert judgement.text.startswith(f"{requirement} ({level})")
        caught += 1
    assert caught


@pytest.mark.parametrize("witness", ["client", "api", "cri", "kernel", "process"])
def test_a_witness_that_was_not_heard_is_never_a_pass(run: Finished, witness: str) -> None:
    needs = {"client": "API-01", "api": "ST-21", "cri": "CRI-03", "kernel": "KL-30"}
    requirement = needs.get(witness, "KL-34")

    for record in evidence(run, requirement, "reporting"):
        deaf = copy.deepcopy(record)
        deaf["observations"] = [one for one in deaf["observations"] if one["witness"] != witness]
        assert judge(deaf, requirement).kind is VerdictKind.ERROR


def test_a_claim_that_was_got_otherwise_is_caught(run: Finished) -> None:
    claims = [Claim.from_json(raw) for each in run.of("claims") for raw in each["claims"]]
    assert claims

    for each in claims:
        assert judge_claims([each])[each.requirement][0] is VerdictKind.PASSED
        otherwise = dataclasses.replace(each, got=None)
        assert judge_claims([otherwise])[each.requirement][0] is VerdictKind.FAILED, each


def test_every_requirement_that_was_put_to_a_target_has_a_mutant(run: Finished) -> None:
    put = {each["requirement"] for each in run.of("verdict") if each["verdict"] in EXECUTED}
    catalogue = load_catalogue()
    by_timeline = {id_ for id_ in put if catalogue.requirement(id_).judged is Judged.TIMELINE}

    assert by_timeline == {requirement for requirement, *_ in MUTANTS}


def test_the_bundle_of_the_run_proves_its_verdicts(run: Finished, tmp_path: Path) -> None:
    made = podresize("bundle", str(run.out), str(tmp_path / "run.zip"))
    assert made.returncode == 0, made.stdout

    done = podresize("verify", str(tmp_path / "run.zip"))

    assert done.returncode == 0, done.stdout
    executed = [each for each in run.of("verdict") if each["verdict"] in EXECUTED]
    derived = int(re.findall(r"(\d+) verdicts derived again", done.stdout)[0])
    assert derived >= len(executed) > 100
