"""The first process of a cluster's PID namespace: starts the components, reaps, and ends them all.

When this process dies, for whatever reason, the kernel kills every process of the namespace, and
with the last of them go the mounts and the network. It therefore holds no cleaning code at all.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from podresize.providers.commands import Commanded, Commands
from podresize.providers.local.components import Component
from podresize.providers.local.conditions import Conditions
from podresize.providers.local.layout import Layout
from podresize.providers.oci_program import library_path
from podresize.providers.systemd import NoSystemdError, Systemd

NO_SYSTEMD = "its components are processes of this host, which no systemd runs"
# How often conditions are looked at. Nothing announces that a server listens.
_LOOK_SECONDS = 0.02
# A commanded end: what SIGTERM has not done by then SIGKILL does, at once but for a busy kernel.
_TERM_SECONDS = 5.0
_KILL_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
# Few and short enough for the pipes: what is told after the start may be read by nobody, and who
# tells must not be held up by that.
_TAIL_LINES = 12
_TAIL_LINE_CHARS = 400


class Init:
    """Runs the plan: each component as soon as what it waits for holds.

    All of it is to have started within ``seconds``. ``commanded`` returns who carries commands out,
    this by default.
    """

    def __init__(
        self,
        layout: Layout,
        plan: list[Component],
        conditions: Conditions,
        tell: Callable[[dict[str, Any]], None],
        path: str,
        *,
        seconds: float,
        commanded: Callable[[Init], Commanded] | None = None,
    ) -> None:
        self._layout = layout
        self._plan = tuple(plan)
        self._waiting = list(plan)
        self._tell = tell
        # An OS package's program may have come with libraries that this host lacks, beside it.
        self._environment = {
            "PATH": path,
            "LD_LIBRARY_PATH": library_path(map(Path, path.split(":"))),
            "HOME": str(layout.directory),
            "LANG": "C.UTF-8",
        }
        self._components = {each.name: each for each in plan if not each.job}
        # Guards the two below: commands come on threads of their own.
        self._changed = threading.Condition()
        self._running: dict[int, Component] = {}
        self._commanded: set[str] = set()
        self._held: set[str] = set()
        self._conditions = conditions.held
        self._answers = conditions.answers
        self._ready_seconds = seconds
        self._commands_go_to = self if commanded is None else commanded(self)

    def run(self) -> NoReturn:
        """Start everything, say so, then reap until a component ends."""
        deadline = time.monotonic() + self._ready_seconds
        while self._waiting or self._pending_jobs() or len(self._held) < len(self._conditions):
            self._look()
            self._start_what_can()
            self._reap(block=False)
            if time.monotonic() > deadline:
                missing = sorted(set(self._conditions) - self._held)
                for each in self._running.values():
                    missing += (each.name, *each.others) if each.job else each.others
                self._fail(f"not ready after {self._ready_seconds:.0f} s", missing)
            time.sleep(_LOOK_SECONDS)
        Commands(self._layout.control_socket, self._commands_go_to).serve()
        self._tell({"event": "started"})
        while True:
            self._reap(block=True)
            time.sleep(_LOOK_SECONDS)  # no child at all: every component was stopped

    def running(self) -> dict[str, bool]:
        """Return of each component whether its process is there."""
        with self._changed:
            there = {component.name for component in self._running.values()}
        return {name: name in there for name in self._components}

    def ended(self, name: str) -> bool:
        """Return False: such an end is this process's own, and with it the cluster's."""
        with self._changed:
            self._pid(name)
        return False

    def stop(self, name: str, *, kill: bool) -> None:
        """End a component's process and return when it is gone; done already is fine.

        Its children stay (systemd's ``KillMode=process``): containers outlive kubelet and runtime.
        """
        with self._changed:
            pid = self._pid(name)
            if pid is None:
                return
            self._commanded.add(name)
            if not kill:
                os.kill(pid, signal.SIGTERM)
                if self._changed.wait_for(lambda: pid not in self._running, _TERM_SECONDS):
                    return
            os.kill(pid, signal.SIGKILL)
            if not self._changed.wait_for(lambda: pid not in self._running, _KILL_SECONDS):
                raise TimeoutError(f"{name} is still there {_KILL_SECONDS:.0f} s after SIGKILL")

    def start(self, name: str) -> None:
        """Start a component that was stopped; one that runs is left alone.

        etcd and containerd take connections and the apiserver is ready when this returns; of
        another the process is there.
        """
        with self._changed:
            if self._pid(name) is not None:
                return
            component = self._components[name]
            self._running[self._spawn(component)] = component
        deadline = time.monotonic() + _ANSWER_SECONDS
        while name in self._answers and not self._answers[name]():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{name} does not answer {_ANSWER_SECONDS:.0f} s after its start"
                )
            time.sleep(_LOOK_SECONDS)

    def systemd(self) -> Systemd:
        """Raise ``NoSystemdError``: it is this process that starts and ends them."""
        raise NoSystemdError(NO_SYSTEMD)

    def _pid(self, name: str) -> int | None:
        if name not in self._components:
            raise LookupError(f"no component {name!r}; there are {', '.join(self._components)}")
        found = [pid for pid, component in self._running.items() if component.name == name]
        return found[0] if found else None

    def _pending_jobs(self) -> bool:
        return any(component.job for component in self._running.values())

    def _look(self) -> None:
        for name, holds in self._conditions.items():
            if name not in self._held and holds():
                self._held.add(name)
                self._tell({"event": "step", "step": f"{name} up"})

    def _start_what_can(self) -> None:
        ready = [c for c in self._waiting if self._held.issuperset(c.after)]
        for component in ready:
            self._waiting.remove(component)
            with self._changed:
                self._running[self._spawn(component)] = component
            self._tell({"event": "step", "step": f"{component.name} started"})

    def _spawn(self, component: Component) -> int:
        log = os.open(
            self._layout.logs / f"{component.name}.log",
            os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
            0o644,
        )
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.posix_spawn(
                component.command[0],
                component.command,
                self._environment | dict(component.environment),
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, null, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGTERM, signal.SIGINT, signal.SIGPIPE),
            )
        except OSError as error:
            self._fail(f"{component.name} cannot be started: {error}", [component.name])
        finally:
            os.close(log)
            os.close(null)

    def _reap(self, *, block: bool) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, 0 if block else os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            with self._changed:
                component = self._running.pop(pid, None)
                if component is None:
                    continue  # an orphan of a component: a shim, or what a shim left
                self._changed.notify_all()
                if component.name in self._commanded:
                    self._commanded.remove(component.name)
                    continue
            code = os.waitstatus_to_exitcode(status)
            if component.job and code == 0:
                self._tell({"event": "step", "step": f"{component.name} done"})
                continue
            logs = [component.name, *component.others]
            self._fail(f"{component.name} ended with {code}", logs)

    def _fail(self, what: str, names: list[str]) -> NoReturn:
        logs = {}
        telling = {name: each.telling for each in self._plan for name in each.others}
        for name in dict.fromkeys(names):
            file = self._layout.logs / f"{name}.log"
            if file.exists():
                lines = file.read_text(errors="replace").splitlines()
                logs[name] = [line[:_TAIL_LINE_CHARS] for line in _tail(lines, telling.get(name))]
        self._tell({"event": "failed", "what": what, "logs": logs})
        os._exit(1)


def _tail(lines: list[str], telling: re.Pattern[str] | None) -> list[str]:
    """Return the last lines, with the last telling one before them where they do not hold it."""
    last = lines[-_TAIL_LINES:]
    if telling is None or any(map(telling.search, last)):
        return last
    return [*filter(telling.search, lines)][-1:] + last


def search_path(programs: dict[str, Path]) -> str:
    """Return the PATH of the components: containerd finds its shim and runc by name."""
    directories = dict.fromkeys(str(program.parent) for program in programs.values())
    directories.pop(str(Path(sys.executable).parent), None)
    return ":".join([*directories, "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
