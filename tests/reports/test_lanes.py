"""Timelines as lanes: the changes are found, the repetitions are not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.timeline import Observation, Timeline, Witness
from podresize_reports.drawing import Axis, draw
from podresize_reports.lanes import lanes
from podresize_reports.marks import MAX_MARKS, Lane
from podresize_reports.quantities import cri_values, in_bytes, in_millicores, kernel_value


def _named(record: dict[str, Any]) -> dict[str, Lane]:
    return {f"{lane.witness}: {lane.name}": lane for lane in lanes(Timeline.from_json(record))}


def _timeline(*seen: tuple[float, Witness, str, Any], ended: float = 5.0) -> Timeline:
    return Timeline(
        id="t",
        pod="a/b",
        started="",
        ended=ended,
        observations=tuple(
            Observation(t=t, witness=witness, subject=subject, data=data)
            for t, witness, subject, data in seen
        ),
    )


def _labels(lane: Lane) -> list[tuple[float, str]]:
    return [(mark.t, mark.label) for mark in lane.marks]


def test_a_resize_that_the_runtime_reports() -> None:
    found = _named(build.timeline())

    assert _labels(found["client: request and answer"]) == [
        (0.0, "PATCH resize: 200 after 0.009 s")
    ]
    assert _labels(found["api: status.resize"]) == [
        (-0.31, "not set"),
        (0.012, "Proposed"),
        (0.12, "InProgress"),
        (1.81, "not set"),
    ]
    assert _labels(found["api: c1 spec cpu"]) == [(-0.31, "400m"), (0.012, "600m")]
    assert _labels(found["api: c1 status.resources cpu"]) == [(-0.31, "400m"), (1.81, "600m")]
    assert _labels(found["cri: c1 cpu"]) == [
        (-0.3, "limit 400m, shares 409"),
        (0.16, "limit 600m, shares 614"),
    ]
    assert _labels(found["kernel: c1 cpu.cfs_quota_us"]) == [
        (-0.29, "40000 (400m)"),
        (0.14, "60000 (600m)"),
    ]
    assert _labels(found["process: c1 process"]) == [(-0.28, "pid 4711, start tick 99120")]
    assert _labels(found["workload: c1 heartbeat"]) == [(-0.31, "58 beats, longest gap 1.02 s")]


def test_what_did_not_change_is_left_out_beside_what_did() -> None:
    assert not [name for name in _named(build.timeline()) if "memory" in name]


def test_a_refused_patch_still_shows_what_stayed() -> None:
    found = _named(build.timeline(resized=False))

    assert _labels(found["kernel: c1 memory.limit_in_bytes"]) == [(-0.29, "64Mi")]
    assert _labels(found["api: status.resize"]) == [(-0.31, "not set")]
    assert _labels(found["api: c1 spec memory"]) == [(-0.31, "64Mi")]


def test_a_runtime_that_reports_nothing_is_one_absent_lane() -> None:
    found = _named(build.timeline(reported=False))

    (mark,) = found["cri: c1 resources"].marks
    assert (mark.label, mark.absent) == ("not reported", True)
    assert found["api: c1 status.resources cpu"].marks[0].absent


def test_conditions_take_the_place_of_the_field() -> None:
    def pod(*conditions: dict[str, str]) -> dict[str, Any]:
        return {"status": {"conditions": [{"type": "Ready", "status": "True"}, *conditions]}}

    waiting = {"type": "PodResizePending", "status": "True", "reason": "Deferred"}
    working = {"type": "PodResizeInProgress", "status": "True"}
    timeline = _timeline(
        (-0.1, Witness.API, "pod", pod()),
        (0.1, Witness.API, "pod", pod(waiting)),
        (2.0, Witness.API, "pod", pod(working)),
        (3.0, Witness.API, "pod", pod()),
    )

    (lane,) = lanes(timeline)
    assert lane.name == "resize conditions"
    assert [mark.label for mark in lane.marks] == [
        "none",
        "Pending: Deferred",
        "InProgress",
        "none",
    ]


def test_a_restart_is_seen_even_with_the_same_pid() -> None:
    timeline = _timeline(
        (-0.1, Witness.PROCESS, "container/c1", {"pid": 7, "start_ticks": 1}),
        (1.0, Witness.PROCESS, "container/c1", {"pid": 7, "start_ticks": 2}),
        (4.0, Witness.WORKLOAD, "container/c1", {"instance": "a", "beats": 9}),
        (4.5, Witness.WORKLOAD, "container/c1", {"instance": "b", "beats": 1}),
    )

    process, heartbeat = lanes(timeline)
    assert len(process.marks) == 2
    assert _labels(heartbeat) == [(-0.1, "9 beats"), (4.5, "1 beats")]


def test_a_request_without_an_answer() -> None:
    request = {"request": {"method": "PATCH", "path": "/api/v1/namespaces/a/pods/b"}}
    refused = {"answer": {"code": 422, "reason": "Invalid"}} | request
    timeline = _timeline(
        (0.0, Witness.CLIENT, "pod", request),
        (1.0, Witness.CLIENT, "pod", request),
        (1.1, Witness.CLIENT, "pod", refused),
        (3.0, Witness.CLIENT, "pod", request),
        (3.5, Witness.EVENT, "pod", {"reason": "Resized"}),
    )

    client, events = lanes(timeline)
    assert [mark.label for mark in client.marks] == [
        "PATCH b",
        "PATCH b: 422 Invalid after 0.10 s",
        "PATCH b: no answer",
    ]
    assert events.points


def test_a_call_is_marked_when_it_began_and_what_only_asks_is_left_out() -> None:
    def call(method: str, code: str, seconds: float) -> dict[str, Any]:
        return {"method": method, "code": code, "message": "", "seconds": seconds}

    timeline = _timeline(
        (0.1, Witness.CALL, "container/c1", call("ContainerStatus", "OK", 0.001)),
        (0.5, Witness.CALL, "container/c1", call("UpdateContainerResources", "OK", 0.25)),
        (0.9, Witness.CALL, "container/c1", call("UpdateContainerResources", "UNKNOWN", 0.1)),
    )

    (calls,) = lanes(timeline)

    assert (calls.name, calls.points) == ("c1 calls", True)
    assert _labels(calls) == [
        (0.25, "UpdateContainerResources: OK after 250.0 ms"),
        (0.8, "UpdateContainerResources: UNKNOWN after 100.0 ms"),
    ]


@pytest.mark.parametrize("data", [{}, {"spec": 7, "status": ["x"]}, {"resources": "none"}, {"": 0}])
@pytest.mark.parametrize("witness", list(Witness))
def test_no_shape_is_relied_upon(witness: Witness, data: dict[str, Any]) -> None:
    drawing = draw(_timeline((0.5, witness, "container/c1", data)))

    assert drawing is None or drawing.lanes


def test_a_lane_without_end_is_cut_and_says_so() -> None:
    seen = [
        (n / 10, Witness.KERNEL, "pod", {"memory.current": str(n)}) for n in range(MAX_MARKS + 9)
    ]
    (lane,) = lanes(_timeline(*seen))

    assert (len(lane.marks), lane.cut) == (MAX_MARKS, 9)


@pytest.mark.parametrize("after", [0.05, 0.4, 2.4, 90.0, 3600.0])
@pytest.mark.parametrize("before", [0.0, 0.001, 0.3, 60.0])
def test_the_axis_keeps_order_and_bounds(before: float, after: float) -> None:
    axis = Axis(before=before, after=after)
    times = [t for t in (-before, -before / 2, 0.0, 0.01, 0.1, 1.0, 10.0, 3600.0) if t <= after]
    places = [axis.x(t) for t in times]

    assert places == sorted(places)
    assert places[0] == 0.0
    assert axis.x(after) == 100.0
    ticks = [tick.x for tick in axis.ticks()]
    assert all(right - left >= 11 for left, right in itertools.pairwise(ticks))


def test_the_table_says_all_that_the_drawing_shows() -> None:
    drawing = draw(Timeline.from_json(build.timeline()))

    assert drawing is not None
    assert len(drawing.table) == sum(len(lane.segments) for lane in drawing.lanes)
    assert [happening.t for happening in drawing.table] == sorted(h.t for h in drawing.table)
    assert drawing.table[0].time == "before the patch"


def test_quantities_read_as_in_the_api() -> None:
    assert in_millicores(60000, 100000) == "600m"
    assert in_millicores(250000, 100000) == "2500m"
    assert in_millicores(200000, 100000) == "2"
    assert in_bytes(41943040) == "40Mi"
    assert in_bytes(41943041) == "41943041"
    assert in_bytes(9223372036854771712) == "no limit"
    assert kernel_value("cpu.max", "60000 100000\n") == "60000 100000 (600m)"
    assert kernel_value("cpu.max", "max 100000\n") == "max 100000"
    assert kernel_value("cpu.max", "1 0") == "1 0"
    assert kernel_value("cpu.cfs_quota_us", "-1\n") == "-1"
    assert kernel_value("memory.max", "max\n") == "max"
    assert kernel_value("cpu.stat", "a 1\nb 2\n") == "a 1 …"
    assert kernel_value("x", "\n") is None
    camel = {"linux": {"cpuQuota": "60000", "cpuPeriod": "100000", "memoryLimitInBytes": "1048576"}}
    assert cri_values(camel) == {"cpu": "limit 600m", "memory": "1Mi"}
