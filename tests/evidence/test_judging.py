"""From timelines to judgements: deviations, refusals, missing evidence and what is said of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from podresize.errors import UsageError
from podresize.evidence.case import Case
from podresize.evidence.judging import Judgement, verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.signatures import SIGNATURES
from podresize.evidence.steps import step_times
from podresize.evidence.timeline import Timeline, Witness
from podresize.oracle.change import Change
from podresize.oracle.expectation import Expectation
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Judged

Resized = Callable[..., Any]
ALL = tuple(
    item.id for item in load_catalogue().requirements.values() if item.judged is Judged.TIMELINE
)
GOOD = (VerdictKind.PASSED, VerdictKind.SKIPPED)
"""What a judge may say of a good resize: that all is well, or that it is not spoken of."""
CHANGES = [
    Change(cpu="+100m"),
    Change(memory="-32Mi"),
    Change(cpu="-50m", memory="+32Mi"),
    Change(),
]
STACKS = [
    {},
    {"kubernetes": "1.31.2"},
    {"kubernetes": "1.32.1"},
    {"kubernetes": "1.34.1"},
    {"kubernetes": "1.37.2", "runtime_version": "2.1.5", "cgroup_version": 2},
    {"cgroup_version": 2, "cgroup_driver": "systemd"},
    {"gate": False},
    {"gate": False, "kubernetes": "1.33.0"},
]


def kinds(resize: Any, requirements: Any = ALL) -> dict[str, Judgement]:
    found = verify(resize.timeline, resize.expectation, requirements)
    return {item.requirement: item for item in found}


@pytest.mark.parametrize(("held_up", "kind"), [(1.08, "passed"), (0.1, "failed")])
def test_a_workload_is_not_blamed_for_what_held_up_the_sampler_too(
    resized: Resized, held_up: float, kind: str
) -> None:
    """On a busy host of two processors the sampler stood still for 1.08 s, a workload for 1.16."""
    resize = resized()
    resize.edit(Witness.WORKLOAD, lambda data: data.update(max_gap_seconds=1.16))
    resize.sampling = {"hertz": 230.0, "largest_gap": held_up, "seconds": 60.0}

    assert kinds(resize, ["KL-34"])["KL-34"].kind == kind


def test_a_workload_is_not_blamed_for_a_processor_that_it_did_not_get(resized: Resized) -> None:
    """Two pods with a tenth of one stood still for 2.0 s at once, and the sampler for 0.3 s."""
    resize = resized()
    waited = {"max_gap_seconds": 2.0, "max_stall_seconds": 0.15}
    resize.edit(Witness.WORKLOAD, lambda data: data.update(waited))
    assert kinds(resize, ["KL-34"])["KL-34"].kind is VerdictKind.PASSED

    resize.edit(Witness.WORKLOAD, lambda data: data.update(max_stall_seconds=1.5))

    found = kinds(resize, ["KL-34"])["KL-34"]
    assert found.kind is VerdictKind.FAILED
    said = (
        "a gap of 1.50 s, expected at most 1.02 s; with waits for a processor the longest is 2.00 s"
    )
    assert said in " ".join(str(found.text).split())


@pytest.mark.parametrize(("slowness", "kind"), [(1.0, "failed"), (14.0, "passed")])
def test_on_a_slow_node_a_stall_is_as_many_times_longer(
    resized: Resized, slowness: float, kind: str
) -> None:
    """What takes the processor from an emulated one is no wait that its own kernel knows of."""
    resize = resized(slowness=slowness)
    seen = {"max_gap_seconds": 4.3, "max_stall_seconds": 1.73}
    resize.edit(Witness.WORKLOAD, lambda data: data.update(seen))

    assert kinds(resize, ["KL-34"])["KL-34"].kind == kind


def test_a_step_between_two_reads_is_no_step_that_was_left_out(resized: Resized) -> None:
    """A pod that was read before and after its request may have been Proposed between the two."""
    resize = resized()
    resize.edit(
        Witness.API,
        lambda pod: pod["status"].update(resize="InProgress") if "resize" in pod["status"] else 0,
    )
    read = dataclasses.replace(resize.timeline, watched=False)

    assert kinds(resize, ["PR-10"])["PR-10"].kind is VerdictKind.FAILED
    assert verify(read, resize.expectation, ["PR-10"])[0].kind is VerdictKind.SKIPPED
    assert Timeline.from_json(read.to_json()) == read


def test_what_the_kubelet_asks_of_the_runtime_has_its_times(resized: Resized) -> None:
    """Those of updates since the patch: when the first was asked, when the last was answered."""
    resize = resized()
    update = {"method": "UpdateContainerResources", "code": "OK", "message": ""}
    asking = update | {"method": "ContainerStatus", "seconds": 0.01}
    # The first was under way when the patch came.
    for t, took in ((0.05, 0.1), (0.2, 0.05), (0.4, 0.1)):
        resize.add(t, Witness.CALL, "container/c1", update | {"seconds": took})
    resize.add(0.9, Witness.CALL, "container/c1", asking)

    times = step_times(Case(resize.timeline, resize.expectation))

    assert times["asked"] == pytest.approx(0.15)
    assert times["answered"] == 0.4
    assert step_times(Case(resized().timeline, resize.expectation))["asked"] is None


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_a_good_resize_passes_everything_that_applies(
    stack: dict[str, Any], change: Change, resized: Resized
) -> None:
    resize = resized(change, **stack)

    for requirement, judgement in kinds(resize).items():
        if requirement in resize.expectation.requirements:
            assert judgement.kind in GOOD, judgement.text
            assert judgement.text is None
        else:
            assert judgement.kind in (VerdictKind.UNSUPPORTED, VerdictKind.SKIPPED)
        assert judgement.reading


@pytest.mark.parametrize("kubernetes", ["1.27.4", "1.31.0", "1.34.1"])
def test_restart_container_restarts_once(
    kubernetes: str, resized: Resized, pod_of: Callable[..., Any]
) -> None:
    resources = {kind: {"cpu": "200m", "memory": "64Mi"} for kind in ("requests", "limits")}
    pod = pod_of({"c1": resources, "c2": resources}, policy="RestartContainer")
    resize = resized(Change(cpu="+100m", container="c1"), pod=pod, kubernetes=kubernetes)

    judgements = kinds(resize, resize.expectation.requirements)
    assert {item.kind for item in judgements.values()} <= set(GOOD)

    resize.edit(Witness.CRI, lambda data: data.update(id="aaaa", started_at=111))
    assert kinds(resize)["KL-34"].kind is VerdictKind.FAILED


def test_the_known_issue_is_a_deviation_and_its_own_check_passes(resized: Resized) -> None:
    resize = resized(runtime_version="1.6.8", silent=True)

    judgements = kinds(resize, resize.expectation.requirements)

    broken = {item for item, judgement in judgements.items() if judgement.kind not in GOOD}
    of_the_runtime = {"CRI-02", "CRI-03", "CRI-05", "CRI-06", "CRI-07"}
    assert broken == {"ST-02", "ST-21", "KL-41", "PR-03"} | of_the_runtime
    for requirement in broken:
        assert judgements[requirement].kind is VerdictKind.DEVIATION
        assert judgements[requirement].deviation == "C-01"
        assert "does not report" in judgements[requirement].reading
    assert judgements["CRI-09"].kind is VerdictKind.PASSED
    assert judgements["ST-21"].witnesses["cri"] == "no resources reported"
    assert "cpu.cfs_quota_us 30000" in judgements["ST-21"].witnesses["kernel"]
    assert "requests.cpu 200m" in judgements["ST-21"].witnesses["api"]


@pytest.mark.parametrize("change", CHANGES[:3], ids=str)
@pytest.mark.parametrize("scope", ["both", "limits"])
def test_the_signature_knows_every_form_of_the_known_issue(
    change: Change, scope: str, resized: Resized, pod_of: Callable[..., Any]
) -> None:
    resources = {
        "requests": {"cpu": "100m", "memory": "32Mi"},
        "limits": {"cpu": "300m", "memory": "128Mi"},
    }
    change = Change(cpu=change.cpu, memory=change.memory, scope=scope)
    resize = resized(change, pod=pod_of({"c1": resources}), runtime_version="1.6.8", silent=True)
    for pod in resize.of(Witness.API):
        pod.data["status"]["qosClass"] = "Burstable"
    judgements = kinds(
        type(resize)(
            expectation=Expectation.from_json(
                resize.expectation.to_json() | {"qos_class": "Burstable"}
            ),
            observations=resize.observations,
            ended=resize.ended,
        ),
        resize.expectation.requirements,
    )
    assert judgements["CRI-09"].kind is VerdictKind.PASSED, judgements["CRI-09"].text
    assert VerdictKind.FAILED not in {item.kind for item in judgements.values()}


def test_a_memory_request_alone_follows_even_on_a_silent_runtime(
    resized: Resized, pod_of: Callable[..., Any]
) -> None:
    resources = {
        "requests": {"cpu": "100m", "memory": "32Mi"},
        "limits": {"cpu": "300m", "memory": "128Mi"},
    }
    change = Change(memory="+32Mi", scope="requests")
    resize = resized(change, pod=pod_of({"c1": resources}), runtime_version="1.6.8", silent=True)

    judgements = kinds(resize)
    assert judgements["ST-21"].kind is VerdictKind.PASSED
    assert judgements["CRI-03"].kind is VerdictKind.DEVIATION


def test_the_same_picture_on_another_runtime_is_a_failure(resized: Resized) -> None:
    judgements = kinds(resized(silent=True))

    assert judgements["ST-21"].kind is VerdictKind.FAILED
    assert judgements["ST-21"].reading.startswith("the kernel has the new value; the runtime does")
    assert judgements["CRI-09"].kind is VerdictKind.UNSUPPORTED
    assert "containerd 1.6.36" in judgements["CRI-09"].reading


def test_a_deviation_that_does_not_show_is_an_unexpected_pass(resized: Resized) -> None:
    judgement = kinds(resized(runtime_version="1.6.8"))["CRI-09"]

    assert judgement.kind is VerdictKind.FAILED
    expected = "unexpected pass: C-01 is catalogued for this stack but was not seen"
    assert judgement.reading == expected


def test_a_part_of_the_signature_is_not_the_deviation(resized: Resized) -> None:
    resize = resized(runtime_version="1.6.8", silent=True)
    resize.edit(Witness.KERNEL, lambda data: data.update({"cpu.shares": "204"}))

    judgements = kinds(resize)
    assert judgements["ST-21"].kind is VerdictKind.FAILED
    assert judgements["CRI-09"].kind is VerdictKind.FAILED


@pytest.mark.parametrize(
    ("witness", "requirement"),
    [
        (Witness.CLIENT, "API-01"),
        (Witness.API, "ST-21"),
        (Witness.KERNEL, "KL-30"),
        (Witness.CRI, "CRI-03"),
        (Witness.PROCESS, "KL-34"),
    ],
)
def test_a_witness_that_was_not_heard_is_an_error_of_the_harness(
    witness: Witness, requirement: str, resized: Resized
) -> None:
    resize = resized()
    resize.drop(witness)

    judgement = kinds(resize)[requirement]
    assert judgement.kind is VerdictKind.ERROR
    assert "evidence is missing" in judgement.reading


def test_a_refused_change_fails_what_an_accepted_one_is_judged_by(resized: Resized) -> None:
    resize = resized()
    resize.edit(
        Witness.CLIENT,
        lambda data: data.update(answer={"code": 422, "message": "no way", "reason": ""}),
    )

    judgement = kinds(resize)["KL-34"]
    assert judgement.kind is VerdictKind.FAILED
    assert judgement.reading.startswith("the patch was refused: no way. ")
    assert judgement.guilty == "apiserver"


def test_the_failure_text_has_its_five_parts_in_order(resized: Resized) -> None:
    resize = resized(runtime_version="1.6.8", silent=True)

    judgement = verify(
        resize.timeline,
        resize.expectation,
        ["ST-21"],
        evidence="out/{timeline}.jsonl",
    )[0]

    lines = (judgement.text or "").splitlines()
    assert lines[0].startswith("ST-21 (MUST) status.resources follows the resize   ")
    assert lines[0].endswith('KEP-1287 "Container Status"; Kubernetes 1.27 and later')
    assert "container c1 of pr-1/resize: status requests.cpu is 200m, expected 300m" in lines[1]
    marks = ("  witnesses: API ", "  reading: the kernel", "  again: scripts/podresize run ST-21 ")
    assert [line for line in lines if line.startswith(marks)] == lines[-3:]
    assert lines[-1].endswith("evidence: out/t-1.jsonl")


def test_the_steps_are_timed(resized: Resized) -> None:
    facts = kinds(resized())["ST-21"].facts

    assert facts == {
        "patched": 0.01,
        "proposed": 0.01,
        "allocated": 0.05,
        "in_progress": 0.05,
        "kernel": 0.21,
        "cri": 0.3,
        "status": 61.0,
        "done": 61.0,
        "sampling_gap": 0.02,
    }
    silent = kinds(resized(runtime_version="1.6.8", silent=True))["ST-21"].facts
    seen = {"patched", "proposed", "allocated", "in_progress", "kernel"}
    assert silent.keys() == seen | {"sampling_gap"}


def test_a_stored_timeline_is_judged_alike(resized: Resized) -> None:
    resize = resized(runtime_version="1.6.8", silent=True)
    timeline = Timeline.from_json(json.loads(json.dumps(resize.timeline.to_json())))
    expectation = Expectation.from_json(json.loads(json.dumps(resize.expectation.to_json())))

    again = verify(timeline, expectation, ALL)

    assert again == verify(resize.timeline, resize.expectation, ALL)


def test_an_unknown_requirement_offers_the_nearest(resized: Resized) -> None:
    resize = resized()
    with pytest.raises(UsageError, match="ST-21"):
        verify(resize.timeline, resize.expectation, ["st-21"])


def test_every_signature_in_the_catalogue_exists() -> None:
    named = {item.signature for item in load_catalogue().deviations.values()} - {""}

    assert named == set(SIGNATURES)
