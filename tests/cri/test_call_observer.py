"""The calls of one pod, out of all that a tap writes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cri_api.v1 import api_pb2

from podresize.cri.call import Call
from podresize.cri.call_file import CallFile
from podresize.cri.call_observer import CallObserver
from podresize.errors import HarnessError
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Observation, Witness

IDS = {"container/c1": "one", "container/c2": "two"}
_SECONDS = 10.0


def line(**about: Any) -> str:
    now = time.monotonic()
    record = {"method": "UpdateContainerResources", "began": now - 0.25, "ended": now}
    return json.dumps(record | {"code": "OK", "message": "", "about": about}) + "\n"


def observer(calls: Path, recorder: Recorder, ids: dict[str, str] | None = None) -> CallObserver:
    return CallObserver(
        calls, ids=lambda: IDS if ids is None else ids, sandbox="box", recorder=recorder
    )


def seen(recorder: Recorder, number: int) -> tuple[Observation, ...]:
    found = recorder.wait_until(
        lambda all_: all_ if len(all_) >= number else None, deadline=_SECONDS
    )
    assert found is not None
    return found


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "calls.jsonl"
    path.write_text(line(container_id="one"))  # from before
    return path


def test_what_concerns_the_pod_is_recorded_with_its_times(calls: Path) -> None:
    recorder = Recorder()
    with observer(calls, recorder), calls.open("a") as file:
        file.write(line(container_id="two", linux={"cpu_quota": 5}) + line(container_id="other"))
        file.write(line(pod_sandbox_id="box") + line())
        file.flush()
        update, sandbox = seen(recorder, 2)

    assert (update.witness, update.subject) == (Witness.CALL, "container/c2")
    assert update.data == {
        "method": "UpdateContainerResources",
        "code": "OK",
        "message": "",
        "seconds": pytest.approx(0.25),
        "linux": {"cpu_quota": 5},
    }
    assert update.t <= time.monotonic() - recorder.origin
    assert sandbox.subject == "pod"
    assert len(recorder.observations()) == 2


def test_half_a_line_waits_for_its_other_half(calls: Path) -> None:
    recorder = Recorder()
    whole = line(container_id="one")
    with observer(calls, recorder), calls.open("a") as file:
        for part in (whole[:20], whole[20:-1], "\n"):
            assert recorder.observations() == ()
            file.write(part)
            file.flush()
            time.sleep(0.12)
        seen(recorder, 1)


def test_a_container_that_is_known_later_has_its_first_calls(calls: Path) -> None:
    recorder = Recorder()
    ids = dict(IDS)
    with observer(calls, recorder, ids), calls.open("a") as file:
        file.write(line(container_id="new"))
        file.flush()
        time.sleep(0.12)
        assert recorder.observations() == ()
        ids["container/c1"] = "new"
        (call,) = seen(recorder, 1)

    assert call.subject == "container/c1"


def test_what_came_just_before_the_end_is_not_lost(calls: Path) -> None:
    recorder = Recorder()
    with observer(calls, recorder), calls.open("a") as file:
        file.write(line(container_id="one"))

    assert len(recorder.observations()) == 1


def test_a_file_that_is_turned_over_is_followed(calls: Path) -> None:
    recorder = Recorder()
    request = api_pb2.StopContainerRequest(container_id="one").SerializeToString()
    file = CallFile(calls, limit=1)  # each call fills it
    with observer(calls, recorder):
        for number in (1, 2, 3):
            now = time.monotonic()
            method = "/runtime.v1.RuntimeService/StopContainer"
            file.tell(
                Call(method=method, began=now, ended=now, code="OK", message="", request=request)
            )
            seen(recorder, number)
    file.close()

    assert len(recorder.observations()) == 3


def test_no_file_is_an_error_and_no_silence(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="kubelet and runtime"):
        observer(tmp_path / "none", Recorder()).start()
