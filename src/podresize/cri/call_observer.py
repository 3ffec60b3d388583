"""The calls between kubelet and runtime as a witness: those about the containers of one pod."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from podresize.cri.call_file import CallReader
from podresize.evidence.observer import Observer
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness

LOOK_SECONDS = 0.05
# Calls about containers that this pod may yet turn out to have: one that is started anew is known
# only when the runtime's list has it.
_REMEMBERED = 500


class CallObserver(Observer):
    """Reads what a tap writes from now on, and records what concerns the pod.

    ``ids`` returns subject (``container/<name>``) -> container id as they are now; ``sandbox`` is
    the pod sandbox's id. An observation has the time of the call's end.
    """

    def __init__(
        self,
        calls: Path,
        *,
        ids: Callable[[], Mapping[str, str]],
        sandbox: str,
        recorder: Recorder,
    ) -> None:
        super().__init__(name="the calls between kubelet and runtime (CRI)", recorder=recorder)
        self._path = calls
        self._ids = ids
        self._sandbox = sandbox
        self._unknown: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)

    def _run(self) -> None:
        with contextlib.closing(CallReader(self._path)) as calls:
            self._looked()
            while not self._stopping.wait(LOOK_SECONDS):
                self._look(calls)
            self._look(calls)

    def _interrupt(self) -> None:
        pass  # it waits for nothing that the event does not end

    def _look(self, calls: CallReader) -> None:
        subjects = {id_: subject for subject, id_ in self._ids().items()}
        subjects[self._sandbox] = "pod"
        waiting, self._unknown = self._unknown, deque(maxlen=_REMEMBERED)
        for call in (*waiting, *calls.new()):
            about = call["about"]
            id_ = about.get("container_id") or about.get("pod_sandbox_id")
            if id_ in subjects:
                self._record(subjects[id_], call)
            elif id_:
                self._unknown.append(call)

    def _record(self, subject: str, call: dict[str, Any]) -> None:
        data = {key: call[key] for key in ("method", "code", "message")}
        data["seconds"] = call["ended"] - call["began"]
        if "linux" in call["about"]:
            data["linux"] = call["about"]["linux"]
        self.recorder.observe(Witness.CALL, subject, data, at=call["ended"])
