"""The machine of a runtime alone as this process reaches it: this host, or a guest by its agent."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from podresize.cri.service import Executed
from podresize.cri.workplace import HostWorkplace, Workplace
from podresize.evidence.kernel_view import HostKernel, KernelView
from podresize.guest.client import PATIENCE_SECONDS, Agent
from podresize.guest.kernel import GuestKernel
from podresize.requirements.runtime_target import RuntimeHandle

# Whatever namespace the runtime is in: cgroups tell the pids of who reads them.
_PROC = Path("/proc")
# Native seconds, for what does little.
_SHORT_SECONDS = 30.0


class GuestWorkplace:
    """A guest. See ``Workplace``; ``slowness`` is ``RuntimeFingerprint.slowness``."""

    def __init__(self, agent: Agent, *, slowness: float = 1.0) -> None:
        self._agent = agent
        self._seconds = _SHORT_SECONDS * slowness

    def run(self, *command: str, text: str | None = None, seconds: float) -> Executed:
        """Run a command."""
        stdin = b"" if text is None else text.encode()
        done = self._agent.execute(*command, stdin=stdin, seconds=seconds, files=True)
        return Executed(
            code=done.code,
            stdout=done.stdout.decode(errors="replace"),
            stderr=done.stderr.decode(errors="replace"),
        )

    def write(self, path: Path, text: str) -> None:
        """Write a file."""
        self._agent.write(path, text.encode(), directories=True)

    def make_directory(self, path: Path) -> None:
        """Make a directory."""
        self._must("mkdir", "-p", str(path))

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory."""
        self._must("rmdir", str(path))

    def remove(self, path: Path) -> None:
        """Remove a directory and all in it."""
        self._must("rm", "-rf", "--", str(path))

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a directory for a while."""
        place = Path(self._must("mktemp", "-d").strip())
        try:
            yield place
        finally:
            self.remove(place)

    def _must(self, *command: str) -> str:
        done = self.run(*command, seconds=self._seconds)
        if done.code:
            raise OSError(errno.EIO, done.stderr.strip() or f"it ended with {done.code}")
        return done.stdout


def runtime_agent(handle: RuntimeHandle) -> Agent | None:
    """Return the client of the agent of a runtime's guest, None of one on this host."""
    if handle.agent is None:
        return None
    return Agent(handle.agent, patience=handle.fingerprint.patience(PATIENCE_SECONDS))


def runtime_kernel(handle: RuntimeHandle) -> KernelView:
    """Return the view of the kernel that a runtime's containers are on."""
    agent = runtime_agent(handle)
    if agent is None:
        return HostKernel(handle.cgroup_mounts, proc=_PROC)
    return GuestKernel(agent, handle.cgroup_mounts, proc=_PROC)


def runtime_workplace(handle: RuntimeHandle) -> Workplace:
    """Return where the programs of a runtime are called."""
    agent = runtime_agent(handle)
    if agent is None:
        return HostWorkplace()
    return GuestWorkplace(agent, slowness=handle.fingerprint.slowness)
