"""Booting a guest to be kept: who waits sees each step as it is done, and why one failed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from podresize.artifacts.cache import Cache
from podresize.artifacts.progress import Advance, Progress
from podresize.errors import HarnessError, PodresizeError
from podresize.providers.beginning import begin
from podresize.providers.local import state
from podresize.providers.local.layout import Layout
from podresize.providers.local.starting import end, start
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import kvm, making, parts, snapshot
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.machine import Machine
from podresize.providers.vm.machine_making import GUEST_READY_SECONDS
from podresize.providers.vm.silence import SILENT
from podresize.providers.vm.steps import Following, Steps

# What is waited for after a step.
_STAGES = {
    "guest started": "a guest boots until its agent answers",
    "agent answers": "its images are imported into its containerd",
    "images in containerd": "its slowness is measured",
    "slowness measured": "its memory is written",
}


class Stages:
    """The steps of a boot as they are done; in between, what is waited for, with a clock.

    A step is told when no clock is drawn, which would be in its way. Any thread may call; a
    context, which ends the last stage.
    """

    def __init__(self, progress: Progress, tell: Callable[[str], None]) -> None:
        self.done: list[tuple[str, float]] = []
        self._progress = progress
        self._tell = tell
        self._lock = threading.Lock()
        self._stage = contextlib.ExitStack()
        self._advance: Advance | None = None

    def step(self, name: str, seconds: float) -> None:
        """Tell a step that was done so many seconds after the beginning."""
        with self._lock:
            self._stage.close()
            self._advance = None
            self.done.append((name, seconds))
            self._tell(name)
            if name in _STAGES:
                work = self._progress.work(_STAGES[name], unit="steps done")
                self._advance = self._stage.enter_context(work)

    def look(self) -> None:
        """Let the clock go on."""
        with self._lock:
            if self._advance is not None:
                self._advance(len(self.done), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._advance = None
            self._stage.__exit__(kind, error, trace)


def boot(
    machine: Machine,
    of: parts.Parts,
    order: dict[str, Any],
    *,
    key: str,
    progress: Progress,
    tell: Callable[[str], None],
    cache: Cache,
) -> snapshot.Kept:
    """Boot a guest and keep it under this key. As ``kept.keep_guest``, which sees to it that
    nobody else does."""
    stages = Stages(progress, tell)
    beginning = begin(None, stages.step)
    # Where its files are follows from its name alone.
    steps = Steps(GuestLayout(Layout(name=beginning.name, index=0)).steps)

    def take(_supervisor: object, layout: Layout, _init: int) -> snapshot.Kept:
        following.catch_up()
        try:
            made = snapshot.Kept(
                directory=layout.directory,
                slowness=float((layout.run / "slowness").read_text()),
                steps=tuple(sorted(stages.done, key=lambda each: each[1])),
            )
            kept = snapshot.store(key, made, cache.layout)
        except OSError as error:
            raise HarnessError(
                "the guest that was booted could not be put away",
                value=str(error),
                origin=str(layout.directory),
                causes=("its machine or its supervisor has ended, and its files are gone",),
                next_command="podresize doctor",
            ) from error
        beginning.tell("guest kept")
        return kept

    try:
        with (
            stages,
            Following(
                steps, lambda step: beginning.tell_at(step.name, step.t), stages.look
            ) as following,
        ):
            kept = start(
                beginning,
                order
                | {
                    "what": state.GUEST,
                    "making": making.GUEST,
                    "target": {"provider": "vm"},
                    "joins": None,
                    "guest": {
                        "parts": parts.to_json(of),
                        "machine": dataclasses.asdict(machine),
                    },
                },
                # Nobody else knows of it.
                owner=os.getpid(),
                wait_ready=take,
                patience=making.patience_with(machine),
                ready_seconds=GUEST_READY_SECONDS,
            )
    except HarnessError as error:
        if not machine.is_emulated and says(error, SILENT):
            # So that the next one is emulated, where nobody asks for KVM alone.
            why = "it hangs: a guest that was booted with it answered no more"
            kvm.remember(guest_host.record(), of, kvm.Found(why=why))
        raise _did_not_come_up(error, of, machine) from error
    if (there := state.find(beginning.name, state.GUEST)) is not None:
        end(there)
    return kept


def says(error: PodresizeError, words: str) -> bool:
    """Whether the logs of what ended, which are among an error's causes, hold these words."""
    return any(words in cause for cause in error.causes)


def _did_not_come_up(error: PodresizeError, of: parts.Parts, machine: Machine) -> HarnessError:
    what = error.what if error.value is None else f"{error.what}: {error.value}"
    next_command = error.next_command or "podresize doctor"
    if not machine.is_emulated and says(error, SILENT):
        next_command = "podresize cluster up --provider vm --accelerator tcg"
    return HarnessError(
        "the guest did not come up",
        value=f"kernel {of.kernel.release}",
        origin=str(of.kernel.image.parent),
        causes=(what, *error.causes),
        next_command=next_command,
    )
