"""The first process of a cluster's PID namespace: starts the components, reaps, and ends them all.

When this process dies, for whatever reason, the kernel kills every process of the namespace, and
with the last of them go the mounts and the network. It therefore holds no cleaning code at all.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from podresize.providers.local.components import Component
from podresize.providers.local.layout import Layout

# How often conditions are looked at. Nothing announces that a server listens.
_LOOK_SECONDS = 0.02
_READY_DEADLINE_SECONDS = 120.0
# Few and short enough for the pipes: what is told after the start may be read by nobody, and who
# tells must not be held up by that.
_TAIL_LINES = 12
_TAIL_LINE_CHARS = 400


def _accepts(family: socket.AddressFamily, address: Any) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(address) == 0


class _ApiserverProbe:
    """Asks ``/readyz`` as the administrator."""

    def __init__(self, layout: Layout) -> None:
        self._address = layout.node_address
        self._context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
        self._context.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")

    def __call__(self) -> bool:
        connection = http.client.HTTPSConnection(
            self._address, 6443, timeout=1.0, context=self._context
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class _Asked:
    """A condition that takes long to answer, asked in a thread of its own."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._thread: threading.Thread | None = None
        self._holds = False

    def __call__(self) -> bool:
        if not self._holds and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return self._holds

    def _run(self) -> None:
        self._holds = self._ask()


class Init:
    """Runs the plan: each component as soon as what it waits for holds."""

    def __init__(
        self,
        layout: Layout,
        plan: list[Component],
        tell: Callable[[dict[str, Any]], None],
        path: str,
    ) -> None:
        self._layout = layout
        self._waiting = list(plan)
        self._tell = tell
        # An OS package's program may have come with libraries that this host lacks, beside it.
        self._environment = {
            "PATH": path,
            "LD_LIBRARY_PATH": path,
            "HOME": str(layout.directory),
            "LANG": "C.UTF-8",
        }
        self._running: dict[int, Component] = {}
        self._held: set[str] = set()
        self._conditions: dict[str, Callable[[], bool]] = {
            "etcd": lambda: _accepts(socket.AF_INET, ("127.0.0.1", 2379)),
            "containerd": lambda: _accepts(socket.AF_UNIX, str(layout.containerd_socket)),
            "apiserver-port": lambda: _accepts(socket.AF_INET, (layout.node_address, 6443)),
            "apiserver": _Asked(_ApiserverProbe(layout)),
        }

    def run(self) -> NoReturn:
        """Start everything, say so, then reap until a component ends."""
        deadline = time.monotonic() + _READY_DEADLINE_SECONDS
        while self._waiting or self._pending_jobs() or len(self._held) < len(self._conditions):
            self._look()
            self._start_what_can()
            self._reap(block=False)
            if time.monotonic() > deadline:
                missing = sorted(set(self._conditions) - self._held)
                self._fail(f"not ready after {_READY_DEADLINE_SECONDS:.0f} s", missing)
            time.sleep(_LOOK_SECONDS)
        self._tell({"event": "started"})
        while True:
            self._reap(block=True)

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
                self._environment,
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
            component = self._running.pop(pid, None)
            if component is None:
                continue  # an orphan of a component: a shim, or what a shim left
            code = os.waitstatus_to_exitcode(status)
            if component.job and code == 0:
                self._tell({"event": "step", "step": f"{component.name} done"})
                continue
            self._fail(f"{component.name} ended with {code}", [component.name])

    def _fail(self, what: str, names: list[str]) -> NoReturn:
        logs = {}
        for name in names:
            file = self._layout.logs / f"{name}.log"
            if file.exists():
                lines = file.read_text(errors="replace").splitlines()
                logs[name] = [line[:_TAIL_LINE_CHARS] for line in lines[-_TAIL_LINES:]]
        self._tell({"event": "failed", "what": what, "logs": logs})
        os._exit(1)


def teller(descriptor: int) -> Callable[[dict[str, Any]], None]:
    """Return a function that writes events as JSON lines with their monotonic time."""

    def tell(event: dict[str, Any]) -> None:
        line = json.dumps(event | {"t": time.monotonic()}) + "\n"
        os.write(descriptor, line.encode())

    return tell


def search_path(programs: dict[str, Path]) -> str:
    """Return the PATH of the components: containerd finds its shim and runc by name."""
    directories = dict.fromkeys(str(program.parent) for program in programs.values())
    directories.pop(str(Path(sys.executable).parent), None)
    return ":".join([*directories, "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
