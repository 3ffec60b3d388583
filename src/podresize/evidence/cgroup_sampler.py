"""The kernel as a witness: cgroup files, read fast enough to see the order of the writes.

A resize writes several files within milliseconds, and the order is part of the contract (the pod's
limit grows before the container's). So the files stay open and are read at offset 0, some hundred
times a second while things move, and seldom otherwise: a watch of 100 s must not heat the node that
it measures.

Files are read one after the other, so a single reading may mix what was before a write with what
was after it. A reading that differs from the one before is therefore repeated at once; all readings
of one sample carry its time, and the last of them is a state in which all files were together.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path

from podresize.evidence.kernel_observers import Progress, Sampler
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness

FAST_RATE, SLOW_RATE = 250.0, 20.0
FAST_SECONDS = 5.0
# After a change others often follow: a resize that was deferred is seen as sharply as any.
FAST_AFTER_CHANGE = 2.0
LONGEST_FILE = 65536
LONGEST_SLEEP = 0.02
# A resize writes some ten files with pauses between them; a reading takes far less than a pause.
READINGS = 6

_Content = dict[str, bytes | None]
# The file or its cgroup is not there; the last is a file of a feature that the kernel turned off.
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.EOPNOTSUPP)


class CgroupSampler(Sampler):
    """Samples ``files`` and records a subject when one of its files changed.

    ``files`` maps a subject (``pod``, ``container/<name>``, ``qos``) to file names and their paths.
    Every observation holds all files of its subject, without the last line end; None is a file that
    is not there (any more). ``rate`` is in samples per second, for the time before the patch,
    ``FAST_SECONDS`` after it and ``FAST_AFTER_CHANGE`` after a change; ``slow_rate`` otherwise.
    Files whose content moves by itself (usage, statistics) do not belong here.
    """

    def __init__(
        self,
        files: Mapping[str, Mapping[str, Path]],
        *,
        recorder: Recorder,
        rate: float = FAST_RATE,
        slow_rate: float = SLOW_RATE,
    ) -> None:
        super().__init__(name="the cgroup files", recorder=recorder)
        self._files = {subject: dict(paths) for subject, paths in files.items()}
        self._rate = rate
        self._slow_rate = min(slow_rate, rate)
        self._descriptors: dict[Path, int] = {}
        self._last: dict[str, _Content] = {}
        self._fast_until = 0.0
        self.samples = 0
        self.largest_gap_seconds = 0.0
        self.largest_fast_gap_seconds = 0.0

    def hurry(self, *, seconds: float = FAST_SECONDS) -> None:
        """Sample fast for ``seconds`` from now, for a second step of the same resize."""
        self._fast_until = max(self._fast_until, time.monotonic() + seconds)

    def follow(self, subject: str, paths: Mapping[str, Path]) -> None:
        """Look elsewhere for a subject from the next sample on: its container was started anew."""
        # One assignment: the sampling thread sees the old mapping or the new one.
        self._files = {**self._files, subject: dict(paths)}

    def progress(self, *, after: float = -math.inf) -> Progress:
        """Return how many samples there were until now, which is after any time that was."""
        del after
        return Progress(samples=self.samples, at=time.monotonic())

    def forget_gaps(self) -> None:
        """Have ``largest_gap_seconds`` count from now on."""
        self.largest_gap_seconds = 0.0

    def _run(self) -> None:
        try:
            self._sample_until_stopped()
        finally:
            for descriptor in self._descriptors.values():
                os.close(descriptor)
            self._descriptors.clear()

    def _sample_until_stopped(self) -> None:
        before: float | None = None
        was_fast = True
        due = time.monotonic()
        while True:
            now = time.monotonic()
            self._sample(now)
            self._looked()
            if before is not None:
                self.largest_gap_seconds = max(self.largest_gap_seconds, now - before)
                if was_fast:
                    self.largest_fast_gap_seconds = max(self.largest_fast_gap_seconds, now - before)
            before = now
            was_fast = self._is_fast(now)
            # From the time it was due, so that the rate does not drift; never in a burst to make
            # up for a time when the host did not let us run.
            due = max(due + 1 / (self._rate if was_fast else self._slow_rate), now)
            if self._stops_within(max(0.0, due - time.monotonic())):
                # One look more: what changed until the stop was seen.
                self._sample(time.monotonic())
                return

    def _stops_within(self, seconds: float) -> bool:
        """Pause. A short one is slept: a wait for the event takes twice the processor time."""
        if seconds > LONGEST_SLEEP:
            return self._stopping.wait(seconds)
        time.sleep(seconds)
        return self._stopping.is_set()

    def _is_fast(self, now: float) -> bool:
        patched = self.recorder.patched_at
        return patched is None or now < max(self._fast_until, patched + FAST_SECONDS)

    def _sample(self, now: float) -> None:
        self.samples += 1
        changed: list[tuple[str, _Content]] = []
        for _ in range(READINGS):
            found = self._changed(now)
            changed += found
            if not found:
                break
        # Known from now on. The time before the reading may lie before the cause: a busy host takes
        # the processor away for tens of milliseconds in between.
        seen = time.monotonic()
        for subject, content in changed:
            data = {
                name: None if raw is None else raw.decode(errors="replace").rstrip("\n")
                for name, raw in content.items()
            }
            self.recorder.observe(Witness.KERNEL, subject, data, at=seen)

    def _changed(self, now: float) -> list[tuple[str, _Content]]:
        """Read every file once and return the subjects that changed, with their content."""
        changed = []
        for subject, paths in self._files.items():
            content = {name: self._read(path) for name, path in paths.items()}
            if content != self._last.get(subject):
                changed.append((subject, content))
                # The first look is no change.
                if subject in self._last:
                    self._fast_until = now + FAST_AFTER_CHANGE
                self._last[subject] = content
        return changed

    def _read(self, path: Path) -> bytes | None:
        """Return the content, None when there is none."""
        descriptor = self._descriptors.get(path)
        try:
            if descriptor is None:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                self._descriptors[path] = descriptor
            return os.pread(descriptor, LONGEST_FILE, 0)
        except OSError as error:
            if self._descriptors.pop(path, None) is not None and descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
            if error.errno not in GONE:
                raise
            return None
