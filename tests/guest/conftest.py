"""The agent, built for real, and a relay before it: only the guest between them is missing."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest

from podresize.artifacts.cache import Cache
from podresize.artifacts.progress import Silent
from podresize.artifacts.toolchain import find_go
from podresize.guest.client import Agent

SECONDS = 60.0


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the agent's program, static as it is in a guest."""
    out = tmp_path_factory.mktemp("agent")
    go = find_go(Cache(out / "cache"), at_least="1.21", progress=Silent())
    source = resources.files("podresize.artifacts") / "agent"
    settings = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=mod -buildvcs=false"}
    subprocess.run(
        [go, "build", "-trimpath", "-o", out / "agent", "."],
        cwd=str(source),
        env=os.environ | settings,
        check=True,
    )
    return out / "agent"


@dataclasses.dataclass
class Line:
    """An agent and a relay, as processes that may be killed."""

    program: Path
    directory: Path
    processes: dict[str, subprocess.Popen[bytes]] = dataclasses.field(default_factory=dict)

    @property
    def port(self) -> Path:
        return self.directory / "port.sock"

    @property
    def socket(self) -> Path:
        return self.directory / "agent.sock"

    @property
    def relay_log(self) -> str:
        return (self.directory / "relay.log").read_text()

    def start_agent(self, device: str | None = None, **environment: str) -> None:
        """Start the agent at the port's socket, or at a device."""
        self.port.unlink(missing_ok=True)
        how = ["--listen", str(self.port)] if device is None else ["--port", device]
        self.processes["agent"] = subprocess.Popen(
            [self.program, *how], env=os.environ | environment
        )

    def start_relay(self, *more: str) -> None:
        command = [sys.executable, "-m", "podresize.guest.relay", "--port", str(self.port)]
        with (self.directory / "relay.log").open("ab") as log:
            self.processes["relay"] = subprocess.Popen(
                [*command, "--listen", str(self.socket), *more], stderr=log
            )

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)

    def end(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def agent(self) -> Agent:
        """Return the client once the relay is there and the agent answers."""
        found = Agent(self.socket, patience=SECONDS)
        found.wait()
        return found


@pytest.fixture
def line(program: Path, tmp_path: Path) -> Iterator[Line]:
    """Give an agent and a relay that run."""
    made = Line(program, tmp_path)
    made.start_agent()
    made.start_relay()
    yield made
    made.end()


@pytest.fixture(scope="module")
def agent(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """Give an agent to tests that do it no harm."""
    made = Line(program, tmp_path_factory.mktemp("line"))
    made.start_agent()
    made.start_relay()
    yield made.agent()
    made.end()


def until(is_so: Callable[[], bool], *, what: str) -> None:
    """Wait for what another process does and does not announce."""
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.01)
