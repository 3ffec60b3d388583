"""A running pod that can be resized under observation.

``resize`` is the way of one check: observers first, then the patch, then a wait until the
expectation is decided or its time is over. It returns a timeline and judges nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from podresize.cluster.create import try_create
from podresize.cluster.get import get
from podresize.cluster.logs import log_text
from podresize.cluster.observing import without_managed_fields
from podresize.cluster.wait import wait_for, wait_settled
from podresize.evidence.decider import is_decided
from podresize.evidence.heartbeat import summarise
from podresize.evidence.recorder import Recorder
from podresize.evidence.sampling import SamplingMeter
from podresize.evidence.timeline import Observation, Timeline, Witness
from podresize.oracle.admission import endpoint
from podresize.oracle.change import Change
from podresize.oracle.edit import Edit, Form
from podresize.oracle.expectation import Expectation, expectation, pending_reason
from podresize.oracle.model import POD, container_subject
from podresize.oracle.series import Series, series_expectation
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.requirements.model import Outcome
from podresize.resizing.asking import How, ask
from podresize.resizing.counting import record_metrics
from podresize.resizing.live_pod import LivePod, is_running
from podresize.resizing.many import SETTLE_SECONDS, Pace, ask_many
from podresize.resizing.reach import Reach
from podresize.resizing.surrounding import node_surroundings
from podresize.resizing.watching import container_ids, observers

# A pod of loaded images runs about a second after it is created; a busy host takes longer.
_RUNNING_SECONDS = 90.0
# The kubelet looks at its containers once a second, and a pod that has just been started is still
# being reported on: a resize that comes meanwhile races with that (K-22, PD-07, PD-10).
_QUIET_SECONDS = 1.5
_ONCE_SECONDS = 2.0
_PENDING = (Outcome.DEFERRED, Outcome.INFEASIBLE)
_PENDING_SECONDS = 2.5
_PLAINLY = How()
_numbers = itertools.count(1)
_AT_ONCE = contextlib.nullcontext()


class RunningPod(LivePod):
    """A pod of probe containers that runs on the target's node."""

    def __init__(self, reach: Reach, body: dict[str, Any], *, has_node_alone: bool = False) -> None:
        super().__init__(reach, body)
        self._before = body
        self._is_new_until = 0.0
        self._has_node_alone = has_node_alone
        self._surroundings = NOTHING_KNOWN

    @classmethod
    def create(
        cls,
        reach: Reach,
        *,
        namespace: str,
        body: dict[str, Any],
        has_node_alone: bool = False,
        runs: bool = True,
        may_be_there: bool = False,
        turn: AbstractContextManager[object] = _AT_ONCE,
    ) -> RunningPod:
        """Create a pod on the node and return when its containers run.

        ``has_node_alone``: no other check has pods on the node, so that what surrounds a resize is
        known before it is asked for. ``runs`` False returns as soon as the pod is there. ``turn``
        is held while the pod is created, not while it starts. With ``may_be_there`` a pod of that
        name is taken as it is.
        Raises ``ApiError`` when it is refused and ``HarnessError`` when it does not run in time.
        """
        name = body["metadata"]["name"]
        with turn:
            answer = try_create(reach.api, kind="pods", namespace=namespace, body=body)
            if not (may_be_there and answer.code == 409):
                answer.accepted()
        made = get(reach.api, kind="pods", namespace=namespace, name=name)
        if not runs:
            return cls(reach, made, has_node_alone=has_node_alone)
        raw = wait_for(
            reach.api,
            kind="pods",
            namespace=namespace,
            name=name,
            predicate=is_running,
            deadline=reach.patience(_RUNNING_SECONDS),
            what="Running",
        )
        pod = cls(reach, raw, has_node_alone=has_node_alone)
        pod._is_new_until = time.monotonic() + reach.lull(_QUIET_SECONDS)
        return pod

    @property
    def resource_version(self) -> str:
        """The version of the pod that the last request was computed from."""
        return str(self._before["metadata"]["resourceVersion"])

    @property
    def is_untouched(self) -> bool:
        """Whether the pod still is what it was when it was made, and runs."""
        now = self._get()
        return (
            now["spec"] == self.raw["spec"]
            and all(
                now["metadata"].get(key) == self.raw["metadata"].get(key)
                for key in ("uid", "labels", "annotations", "deletionTimestamp")
            )
            and container_ids(now) == container_ids(self.raw)
        )

    def expectation(
        self, change: Change | Edit | Series | None, *, spec: Mapping[str, Any] | None = None
    ) -> Expectation:
        """Return what the change must show, counted from the pod as it was before it was asked.

        None stands for what becomes of the resize that was pending, a list for ``resize_many``.
        ``spec`` are fields as they were asked for, where a stack may have forgotten them.
        """
        before = self._before | {"spec": self._before["spec"] | dict(spec or {})}
        fingerprint, surroundings = self._reach.handle.fingerprint, self._surroundings
        if isinstance(change, Sequence):
            return series_expectation(before, change, fingerprint, surroundings=surroundings)
        return expectation(before, change, fingerprint, surroundings=surroundings)

    def resize(
        self,
        change: Change | Edit,
        *,
        form: Form = Form.STRATEGIC,
        surroundings: Surroundings | None = None,
        metrics: bool = False,
        then: tuple[str, Callable[[], object]] | None = None,
        settle: float = 0.0,
    ) -> Timeline:
        """Ask for the change and return everything that was seen until it was decided.

        ``metrics``: what kubelet and apiserver count is read before and after as well. ``then``
        is done as soon as the answer is there, and named in the evidence as ``observe`` does it.
        It is watched for ``settle`` seconds at least, of a node at full speed: what undoes a resize
        may come after its end.

        ``surroundings`` are by default those that the pod's maker can vouch for: the whole node
        where the check has it alone, nothing where others come and go. Raises ``HarnessError`` when
        a witness could not look.
        """
        self._settle()
        self._look(surroundings)
        recorder = self._reach.recorder()

        def act() -> None:
            self._ask(change, How(form=form), recorder)
            if then is not None:
                _act(recorder, *then)

        expected = self.expectation(change)
        if then is not None:
            # What is done meanwhile may cost the resize one turn of the kubelet: it gets another.
            expected = dataclasses.replace(expected, deadline=2 * expected.deadline)
        return self._observe(recorder, expected, act, metrics=metrics, settle=settle)

    def resize_many(
        self,
        changes: Series,
        *,
        pace: Pace = Pace.AT_ONCE,
        beside: Callable[[], object] | None = None,
        surroundings: Surroundings | None = None,
    ) -> Timeline:
        """Ask for several changes one after the other and watch where they end.

        Each counts from what the one before it left in the spec. ``beside`` is done at the moment
        of the first one, by somebody else. The node gets a while to begin with the last one: a
        revert ends where it began, which must not be taken for an end.
        """
        self._settle()
        self._look(surroundings)
        recorder = self._reach.recorder()
        return self._observe(
            recorder,
            self.expectation(changes),
            lambda: ask_many(
                self._reach, self._before, changes, pace=pace, beside=beside, recorder=recorder
            ),
            settle=SETTLE_SECONDS,
        )

    def ask(
        self,
        change: Change | Edit,
        how: How = _PLAINLY,
        *,
        surroundings: Surroundings | None = None,
    ) -> Timeline:
        """Ask for the change and look at the API alone, at once: the way of a refusal.

        The pod is read before and after the answer; a read after it sees whatever the request did.
        """
        self._look(surroundings)
        self._surroundings = dataclasses.replace(
            self._surroundings,
            endpoint=how.endpoint,
            is_dry_run=how.dry_run,
            is_put=how.form is Form.PUT,
            is_stale=how.resource_version not in (None, self.resource_version),
        )
        recorder = self._reach.recorder()
        self._record_pod(recorder, self._before)
        recorder.mark_patch()
        self._ask(change, how, recorder)
        self._record_pod(recorder, self._get())
        recorder.note_stop(at=time.monotonic())
        return self._timeline(recorder, watched=False)

    def observe(
        self,
        action: Callable[[], object],
        *,
        what: str,
        change: Change | Edit | None = None,
        surroundings: Surroundings | None = NOTHING_KNOWN,
        metrics: bool = False,
        settle: float = 0.0,
    ) -> Timeline:
        """Do something else than to patch this pod, and watch what becomes of it.

        ``action`` is done at t = 0 and ``what`` names it in the evidence ("DELETE pod filler"). It
        is expected to let the pending resize be granted, in these surroundings, or as ``change``
        says, which was asked for before. ``metrics`` is as ``resize`` has it. With ``surroundings``
        None it is expected to change nothing, in those from before the action, and is watched for
        ``settle`` seconds at least.
        """
        self._look(surroundings)
        recorder = self._reach.recorder()

        return self._observe(
            recorder,
            self.expectation(change),
            lambda: _act(recorder, what, action),
            metrics=metrics,
            settle=settle,
        )

    def becomes(self, change: Change | Edit, *, within: float) -> str:
        """Ask for the change and return what is pending of it, waited for ``within`` seconds."""
        self.ask(change)
        return pending_reason(self.until(pending_reason, within=within))

    def _settle(self) -> None:
        """Wait for what is left of the time in which a new pod is still being reported on."""
        left = self._is_new_until - time.monotonic()
        if left > 0:
            wait_settled(
                self._reach.api,
                kind="pods",
                namespace=self.namespace,
                name=self.name,
                predicate=is_running,
                quiet=left,
                deadline=self._reach.patience(_RUNNING_SECONDS),
                what="Running",
            )

    def _look(self, surroundings: Surroundings | None) -> None:
        """Remember the pod, and what surrounds it, as they are now."""
        self._before = self._get()
        if surroundings is not None:
            self._surroundings = surroundings
        elif self._has_node_alone:
            self._surroundings = node_surroundings(self._reach, without=self.raw["metadata"]["uid"])
        else:
            self._surroundings = NOTHING_KNOWN

    def _ask(self, change: Change | Edit, how: How, recorder: Recorder) -> None:
        ask(
            self._reach.api,
            self._before,
            change,
            how,
            endpoint=endpoint(self._reach.handle.fingerprint),
            recorder=recorder,
        )

    def _record_pod(self, recorder: Recorder, pod: dict[str, Any]) -> None:
        recorder.observe(Witness.API, POD, without_managed_fields(pod))

    def _observe(
        self,
        recorder: Recorder,
        expected: Expectation,
        act: Callable[[], None],
        *,
        settle: float = 0.0,
        metrics: bool = False,
    ) -> Timeline:
        def decided(seen: tuple[Observation, ...]) -> bool:
            # From the first one each time: what a slower observer saw earlier is sorted in before
            # what was there already. There are some dozens of them.
            return is_decided(seen, expected)

        containers = container_ids(self._before)
        with observers(self._reach, self._before, containers=containers, recorder=recorder) as look:
            if metrics:
                record_metrics(self._reach, recorder)
            look.hurry()
            recorder.mark_patch()
            meter = None if look.sampler is None else SamplingMeter(look.sampler)
            act()
            if settle:
                recorder.wait_until(lambda _: False, deadline=self._reach.lull(settle))
            recorder.wait_until(decided, deadline=expected.deadline)
            if any(item.restarts for item in expected.containers):
                # Once means once: a second restart follows on the heels of the first.
                recorder.wait_until(lambda _: False, deadline=self._reach.lull(_ONCE_SECONDS))
            if expected.outcome in _PENDING:
                # The condition is written before the runtime is asked, in the same turn of a
                # kubelet that would enact what it calls pending.
                recorder.wait_until(lambda _: False, deadline=self._reach.lull(_PENDING_SECONDS))
            sampling = None if meter is None else meter.read()
        if metrics:
            record_metrics(self._reach, recorder)
        for name in containers:
            text = log_text(
                self._reach.api, namespace=self.namespace, pod=self.name, container=name
            )
            life = summarise(text.splitlines(), since=recorder.origin - look.clock_ahead)
            recorder.observe(Witness.WORKLOAD, container_subject(name), life)
        return self._timeline(recorder, sampling=sampling)

    def _timeline(
        self,
        recorder: Recorder,
        *,
        sampling: dict[str, float] | None = None,
        watched: bool = True,
    ) -> Timeline:
        reach = self._reach
        # Workers share pods: the process is part of the number.
        number = f"{os.getpid()}.{next(_numbers)}"
        return recorder.to_timeline(
            id=f"{reach.run_id}-{reach.handle.name}-{self.namespace}-{self.name}-{number}",
            pod=f"{self.namespace}/{self.name}",
            sampling=sampling,
            watched=watched,
        )


def _act(recorder: Recorder, what: str, action: Callable[[], object]) -> None:
    """Do what is no request, and record it as one."""
    request = {"method": "ACTION", "path": what, "body": None}
    recorder.observe(Witness.CLIENT, POD, {"request": request})
    action()
    answer = {"code": 200, "message": "", "reason": ""}
    recorder.observe(Witness.CLIENT, POD, {"request": request, "answer": answer})
