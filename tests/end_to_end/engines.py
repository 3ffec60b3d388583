"""A container engine for the tests with kind: the host's, or one of scripts/docker-engine."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from podresize.errors import HostError
from podresize.providers.kind.engine import find_engine

ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = ROOT / "scripts" / "docker-engine"


@dataclasses.dataclass(frozen=True)
class RealEngine:
    """An engine that runs, and the environment that leads to it."""

    environment: dict[str, str] = dataclasses.field(default_factory=lambda: dict(os.environ))

    def run(self, *words: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a command; nothing is raised for its exit code."""
        return subprocess.run(
            words,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            words,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def docker(self, *words: str) -> list[str]:
        """Return the lines that the engine's program prints."""
        done = self.run("docker", *words, seconds=60)
        assert done.returncode == 0, done.stdout
        return done.stdout.splitlines()

    @property
    def things(self) -> dict[str, set[str]]:
        """The engine's containers, networks and volumes by name."""
        return {
            "containers": set(self.docker("ps", "--all", "--format", "{{.Names}}")),
            "networks": set(self.docker("network", "ls", "--format", "{{.Name}}")),
            "volumes": set(self.docker("volume", "ls", "--format", "{{.Name}}")),
        }


@pytest.fixture(scope="session")
def engine(real_host: object) -> Iterator[RealEngine]:
    """The host's own engine where one serves kind; else one of this session's own."""
    assert real_host
    try:
        find_engine()
    except HostError:
        pass
    else:
        yield RealEngine()
        return
    if shutil.which("apt-get") is None:
        pytest.skip("no container engine here, and none can be fetched: no apt-get")
    with subprocess.Popen(
        [_SCRIPT, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdin is not None
        assert served.stdout is not None
        said = dict(served.stdout.readline().strip().split("=", 1) for _ in range(3))
        yield RealEngine(environment=dict(os.environ) | said)
        served.stdin.close()
        assert served.wait(60) == 0
    # In each hierarchy of cgroup v1, or in the one of v2.
    places = ("", "*/")
    left = [
        found
        for place in places
        for found in Path("/sys/fs/cgroup").glob(f"{place}podresize-engine-{served.pid}")
    ]
    assert left == [], "the engine's cgroups are still there after its end"
