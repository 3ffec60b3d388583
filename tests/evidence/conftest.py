"""Synthetic resizes: a timeline as a good stack would give it, ready to be spoiled by a test."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from packaging.version import Version
from tests.evidence.around import GOOD_SAMPLING, add_around, number_pod
from tests.evidence.asked import Asked, evidence
from tests.targets import TARGET as BASE

from podresize.evidence.timeline import QOS, Observation, Timeline, Witness, settings_subject
from podresize.oracle.cgroups import CgroupFiles
from podresize.oracle.change import Change, patch_body
from podresize.oracle.expectation import Expectation, ProgressStyle, expectation
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.requirements.model import Outcome
from podresize.requirements.target import Fingerprint


@dataclasses.dataclass
class Resize:
    """A resize that went well (or, when ``silent``, as C-01 has it), as a list to spoil."""

    expectation: Expectation
    observations: list[Observation]
    ended: float
    sampling: dict[str, float] | None = dataclasses.field(default_factory=GOOD_SAMPLING.copy)

    @property
    def timeline(self) -> Timeline:
        return Timeline(
            id="t-1",
            pod=self.expectation.pod,
            started="2026-01-01T00:00:00Z",
            ended=self.ended,
            sampling=self.sampling,
            observations=tuple(sorted(self.observations, key=lambda item: item.t)),
        )

    def add(self, t: float, witness: Witness, subject: str, data: dict[str, Any]) -> None:
        self.observations.append(Observation(t=t, witness=witness, subject=subject, data=data))

    def of(self, witness: Witness, subject: str | None = None) -> list[Observation]:
        return [
            item
            for item in self.observations
            if item.witness is witness and subject in (None, item.subject)
        ]

    def edit(
        self,
        witness: Witness,
        change: Callable[[dict[str, Any]], None],
        *,
        subject: str | None = None,
        since: float = 0.0,
    ) -> None:
        """Change the data of a witness's observations from a time on."""
        for item in self.of(witness, subject):
            if item.t >= since:
                change(item.data)

    def again(self, t: float, witness: Witness, subject: str, source: int) -> dict[str, Any]:
        """Repeat one observation of a witness at a later time and return its data."""
        data = copy.deepcopy(self.of(witness, subject)[source].data)
        self.add(t, witness, subject, data)
        return data

    def drop(self, witness: Witness, subject: str | None = None, *, since: float = -9e9) -> None:
        self.observations = [
            item
            for item in self.observations
            if item.witness is not witness or subject not in (None, item.subject) or item.t < since
        ]


def make_pod(containers: dict[str, Any], policy: str | None = "NotRequired") -> dict[str, Any]:
    specs = [
        {"name": name, "resources": resources}
        | (
            {
                "resizePolicy": [
                    {"resourceName": item, "restartPolicy": policy} for item in ("cpu", "memory")
                ]
            }
            if policy
            else {}
        )
        for name, resources in containers.items()
    ]
    return {
        "metadata": {"namespace": "pr-1", "name": "resize"},
        "spec": {"containers": specs, "terminationGracePeriodSeconds": 0},
        "status": {
            "phase": "Running",
            "qosClass": "Guaranteed",
            "containerStatuses": [
                {
                    "name": name,
                    "restartCount": 0,
                    "state": {"running": {}},
                    "resources": copy.deepcopy(resources),
                    "allocatedResources": dict(resources["requests"]),
                }
                for name, resources in containers.items()
            ],
        },
    }


GUARANTEED = {
    "requests": {"cpu": "200m", "memory": "64Mi"},
    "limits": {"cpu": "200m", "memory": "64Mi"},
}
SETTINGS = {"cpuset.cpus": "0-1", "memory.swappiness": "60", "cpu.idle": "0"}
CHANGE = Change(cpu="+100m", memory="+32Mi")


def first(files: CgroupFiles) -> dict[str, str]:
    return {name: allowed[0].value + "\n" for name, allowed in files.items()}


def runtime(numbers: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    return {name: str(allowed[0]) for name, allowed in numbers.items()}


def build(
    change: Change = CHANGE,
    *,
    pod: dict[str, Any] | None = None,
    silent: bool = False,
    filled: bool = False,
    surroundings: Surroundings = NOTHING_KNOWN,
    pending: dict[str, Any] | None = None,
    asked: Asked | None = None,
    **fingerprint: Any,
) -> Resize:
    """Build a good resize; ``pending`` are the resources that the spec asks for already."""
    target = dataclasses.replace(BASE, **fingerprint)
    if asked is not None:
        of_asked, observations = evidence(asked, target)
        return Resize(expectation=of_asked, observations=observations, ended=0.03)
    before = copy.deepcopy(pod) if pod is not None else make_pod({"c1": GUARANTEED})
    if pending is not None:
        before["spec"]["containers"][0]["resources"] = pending
        _set_pending(before, target, "Deferred")
    if not target.gate:
        for spec in before["spec"]["containers"]:
            spec.pop("resizePolicy", None)
        for status in before["status"]["containerStatuses"]:
            del status["resources"], status["allocatedResources"]
    number_pod(before, target)
    wanted = expectation(before, change, target, surroundings=surroundings)
    resize = Resize(expectation=wanted, observations=[], ended=wanted.deadline + 1)
    _baseline(resize, before, silent)
    path = "/api/v1/namespaces/pr-1/pods/resize" + ("/resize" * (wanted.endpoint != "pods"))
    request = {"method": "PATCH", "path": path, "body": patch_body(before, change)}
    resize.add(0.0, Witness.CLIENT, "pod", {"request": request})
    answer = {
        "code": wanted.answer.code,
        "message": f"refused: {wanted.answer.fragment}",
        "reason": "",
    }
    resize.add(0.01, Witness.CLIENT, "pod", {"request": request, "answer": answer})
    if wanted.answer.accepted and target.gate:
        _course(resize, before, silent)
    else:
        resize.ended = 2.0
        resize.add(1.0, Witness.API, "pod", copy.deepcopy(before))
    add_around(resize)
    if filled:
        # The runtime says nothing and the API shows all the same what it should (PD-02).
        resize.edit(Witness.CRI, lambda data: data.update(resources=None), since=-9.0)
    return resize


def _baseline(resize: Resize, pod: dict[str, Any], silent: bool) -> None:
    wanted = resize.expectation
    resize.add(-0.5, Witness.API, "pod", copy.deepcopy(pod))
    for subject, files in wanted.cgroups_before.items():
        resize.add(-0.4, Witness.KERNEL, subject, first(files))
        resize.add(-0.6, Witness.KERNEL, settings_subject(subject), SETTINGS | first(files))
        after = first(wanted.cgroups_after[subject])
        resize.add(resize.ended, Witness.KERNEL, settings_subject(subject), SETTINGS | after)
    for t in (-0.6, resize.ended):
        resize.add(t, Witness.KERNEL, settings_subject(QOS), dict(SETTINGS))
    for item in wanted.containers:
        subject = f"container/{item.name}"
        status = {
            "id": "aaaa",
            "state": "CONTAINER_RUNNING",
            "started_at": 111,
            "resources": None if silent else runtime(item.runtime_before),
        }
        resize.add(-0.3, Witness.CRI, subject, status)
        resize.add(-0.3, Witness.PROCESS, subject, {"pid": 4711, "start_ticks": 99})
        resize.add(-0.3, Witness.WORKLOAD, subject, _beats(1, 10, "i-1"))


def _beats(start: int, end: int, instance: str) -> dict[str, Any]:
    return {
        "first_seq": start,
        "last_seq": end,
        "beats": end - start + 1,
        "max_gap_seconds": 0.11,
        "instance": instance,
    }


def _set_pending(pod: dict[str, Any], target: Fingerprint, reason: str) -> None:
    if target.minor < Version("1.33"):
        pod["status"]["resize"] = reason
    else:
        condition = {"type": "PodResizePending", "status": "True", "reason": reason}
        pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}, condition]


def _course(resize: Resize, before: dict[str, Any], silent: bool) -> None:
    wanted = resize.expectation
    pod = copy.deepcopy(before)
    for spec, item in zip(pod["spec"]["containers"], wanted.containers, strict=True):
        spec["resources"] = copy.deepcopy(item.asked)
    if wanted.outcome is not Outcome.GRANTED:
        _show(pod, wanted, "Proposed")
        resize.add(0.01, Witness.API, "pod", copy.deepcopy(pod))
        _set_pending(pod, wanted.fingerprint, wanted.outcome.capitalize())
        resize.add(0.5, Witness.API, "pod", copy.deepcopy(pod))
        return
    _show(pod, wanted, "Proposed")
    resize.add(0.01, Witness.API, "pod", copy.deepcopy(pod))
    statuses = pod["status"]["containerStatuses"]
    for status, item in zip(statuses, wanted.containers, strict=True):
        if item.allocated is not None:
            status["allocatedResources"] = dict(item.allocated)
    _show(pod, wanted, "InProgress")
    resize.add(0.05, Witness.API, "pod", copy.deepcopy(pod))
    old, new = first(wanted.cgroups_before["pod"]), first(wanted.cgroups_after["pod"])
    # The pod's is never smaller than its containers': up before them, down after them.
    roomy = {name: max(old[name], new[name], key=_size) for name in new}
    resize.add(0.2, Witness.KERNEL, "pod", roomy)
    if roomy != new:
        resize.add(0.22, Witness.KERNEL, "pod", new)
    for item in wanted.containers:
        subject = f"container/{item.name}"
        resize.add(0.21, Witness.KERNEL, subject, first(wanted.cgroups_after[subject]))
        identity = ("bbbb", 222, 4812, "i-2") if item.restarts else ("aaaa", 111, 4711, "i-1")
        report = None if silent else runtime(item.runtime_after)
        status = {"id": identity[0], "started_at": identity[1], "resources": report}
        resize.add(0.3, Witness.CRI, subject, {"state": "CONTAINER_RUNNING"} | status)
        ticks = 199 if item.restarts else 99
        resize.add(60.0, Witness.PROCESS, subject, {"pid": identity[2], "start_ticks": ticks})
        resize.add(60.0, Witness.WORKLOAD, subject, _beats(1, 600, identity[3]))
    sticks = False
    for status, item in zip(statuses, wanted.containers, strict=True):
        status["restartCount"] = item.restart_count + item.restarts
        if silent and not item.restarts:
            status["resources"]["requests"]["memory"] = item.after["requests"]["memory"]
            sticks = sticks or status["resources"] != item.after
        else:
            status["resources"] = copy.deepcopy(item.after)
    if not sticks:
        _show(pod, wanted, "")
    # With conditions the kubelet looks again when it has acted; before, at its periodic sync.
    latest = 61.0 if wanted.progress.style is ProgressStyle.RESIZE_FIELD else 25.0
    resize.add(min(latest, wanted.deadline - 1), Witness.API, "pod", copy.deepcopy(pod))


def _size(content: str) -> float:
    word = content.split()[0]
    return float("inf") if word in ("max", "-1") else float(word)


def _show(pod: dict[str, Any], wanted: Expectation, value: str) -> None:
    if wanted.progress.style is ProgressStyle.RESIZE_FIELD:
        pod["status"].pop("resize", None)
        if value and value in wanted.progress.chain:
            pod["status"]["resize"] = value
    else:
        pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        if value == "InProgress" and value in wanted.progress.chain:
            condition = {"type": "PodResizeInProgress", "status": "True"}
            pod["status"]["conditions"].append(condition)


@pytest.fixture
def resized() -> Callable[..., Resize]:
    """``resized(change, pod=..., silent=..., kubernetes=...)`` builds a good resize."""
    return build


@pytest.fixture
def pod_of() -> Callable[..., dict[str, Any]]:
    """``pod_of({"c1": resources}, policy=...)`` builds a running pod."""
    return make_pod
