"""The kernel from inside a container: the witness where the node is out of reach.

The probe looks at its own cgroup and at process 1, and prints what changed. That is less than the
node shows: no cgroup above the container's own, fifty looks a second, nothing while a container is
being started anew. What is seen is stamped with the node's clock, moved by the least delay that a
line took to arrive.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable

from podresize.cluster.api import Api, ApiError, ApiUnreachableError
from podresize.cluster.exec_stream import ExecStream
from podresize.errors import HarnessError
from podresize.evidence.observer import FIRST_LOOK, Observer
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness
from podresize.oracle.model import container_subject

COMMAND = ("/probe", "watch", "--every", "20", "--seconds", "600")
# The probe says something every second; one that gets a hundredth of a processor may be late.
_SILENCE_SECONDS = 4.0
# A container that is started anew is away for seconds; with a back-off for longer.
_AWAY_SECONDS = 90.0
_AGAIN_SECONDS = 0.2
# Less than the first look is waited for, so that what went wrong is said.
_FIRST_SECONDS = FIRST_LOOK - 2.0
# Every program that enters a container shares its processor: one that is begun beside another,
# because that took long, makes both take longer. So the first is given nearly all of that time.
_FIRST_SILENCE_SECONDS = _FIRST_SECONDS - 1.0


class InsideReader(Observer):
    """Reads one container's cgroup files and first process through exec."""

    def __init__(
        self, api: Api, *, namespace: str, pod: str, container: str, recorder: Recorder
    ) -> None:
        super().__init__(name=f"the cgroup inside container {container}", recorder=recorder)
        self._subject = container_subject(container)
        self._where = {"namespace": namespace, "pod": pod, "container": container}
        self._api = api
        self._last: dict[Witness, object] = {}
        self._stream = self._new_stream()
        self.clock_ahead = math.inf

    def _run(self) -> None:
        heard = time.monotonic()
        problem = "no line came"
        while not self._stopping.is_set():
            self._stream = self._new_stream()
            if self._stopping.is_set():
                return
            try:
                for at, line in self._stream.lines():
                    heard = at
                    self._take(at, line)
                    if self._stopping.is_set():
                        return
            except ApiError as error:
                # 403 is for ever; a container that does not run yet is a 4xx or 5xx for a while.
                if error.code in (401, 403):
                    raise
                problem = error.message
            except ApiUnreachableError as error:
                # The node lost it with its container; the deadline below says for how long.
                problem = str(error)
            may_last = _AWAY_SECONDS if self._last else _FIRST_SECONDS
            if time.monotonic() - heard > may_last:
                raise HarnessError(
                    "the container could not be entered",
                    value=f"{self._subject}: {problem}",
                    causes=("it does not run any more", "its image has no /probe"),
                )
            self._stopping.wait(_AGAIN_SECONDS)

    def _new_stream(self) -> ExecStream:
        silence = _SILENCE_SECONDS if self._last else _FIRST_SILENCE_SECONDS
        return ExecStream(self._api, command=COMMAND, silence=silence, **self._where)

    def _take(self, at: float, line: str) -> None:
        try:
            said = json.loads(line)
            monotonic, values, process = said["monotonic"], said["values"], said["process"]
        except (ValueError, KeyError, TypeError):
            return  # not a line of the probe's
        self.clock_ahead = min(self.clock_ahead, at - monotonic)
        for witness, data in ((Witness.KERNEL, values), (Witness.PROCESS, process)):
            if self._last.get(witness) != data:
                self._last[witness] = data
                self.recorder.observe(
                    witness, self._subject, data, at=min(at, monotonic + self.clock_ahead)
                )
        self._looked()

    def _interrupt(self) -> None:
        self._stream.stop()


class Inside:
    """The readers of all containers of a pod."""

    def __init__(
        self,
        api: Api,
        *,
        namespace: str,
        pod: str,
        containers: Iterable[str],
        recorder: Recorder,
    ) -> None:
        self.observers = [
            InsideReader(api, namespace=namespace, pod=pod, container=each, recorder=recorder)
            for each in containers
        ]

    @property
    def clock_ahead(self) -> float:
        """Seconds by which this host's monotonic clock is ahead of the node's."""
        found = min((each.clock_ahead for each in self.observers), default=0.0)
        return 0.0 if math.isinf(found) else found
