"""A kind cluster of which a process is killed: what the tests and benchmarks/kind_kills share.

The owner is a process of its own that says each step of the start on a line; everything else is
found by the cluster's name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.end_to_end.engines import RealEngine
from tests.end_to_end.real_clusters import kill_all, until

from podresize.providers.state_root import state_root

READY = "up"
# kind takes half a minute, a busy host longer.
START_SECONDS = 240.0
GONE_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_OWNER = """
import os, sys
from podresize.providers.kind import provider
from podresize.requirements.target import Target
target = Target(
    provider="kind", kubernetes=sys.argv[2], containerd=sys.argv[3], tap=sys.argv[4] == "tap"
)
handle = provider.up(
    target, name=sys.argv[1], owner=os.getpid(), tell=lambda step, _: print(step, flush=True)
)
print("up", flush=True)
sys.stdin.read()
"""


@dataclasses.dataclass
class Run:
    """One cluster, the process that owns it, and what the engine had before.

    ``containers`` are the ids of the cluster's own, as they were seen at a kill.
    """

    name: str
    engine: RealEngine
    owner: subprocess.Popen[str]
    before: dict[str, set[str]]
    containers: set[str] = dataclasses.field(default_factory=set)

    def wait_for(self, step: str) -> None:
        """Return when the start has come to a step. Raises ``AssertionError`` where it does not."""
        assert self.owner.stdout is not None
        end = time.monotonic() + START_SECONDS
        said = []
        for line in self.owner.stdout:
            said.append(line)
            assert time.monotonic() < end, said
            if line.startswith(step):
                return
        raise AssertionError(f"the start ended before {step!r}: {''.join(said)}")

    def pid(self, victim: str) -> int | None:
        """Return the pid of owner, keeper, guardian or creator; None while there is none.

        The creator is the process that calls kind.
        """
        if victim == "owner":
            return self.owner.pid if self.owner.poll() is None else None
        keeper = self._keeper()
        if keeper is None or victim == "keeper":
            return keeper
        # Both are forked from the keeper. The guardian comes first, and listens to nobody else.
        children = _children(keeper)
        at = {"guardian": 0, "creator": 1}[victim]
        return children[at] if len(children) > at else None

    def _keeper(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            state = json.loads((state_root() / self.name / "kind.json").read_text())
            return int(state["keeper"][0])
        return None

    def kill(self, *victims: str) -> list[str]:
        """Kill what there is of the victims, as nearly at once as can be; return who was hit."""
        ids = self.engine.docker("ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}}")
        self.containers |= {line.split()[0] for line in ids if f" {self.name}-" in line}
        return kill_all({victim: self.pid(victim) for victim in victims})

    def leftovers(self) -> list[str]:
        """Return whatever of the cluster is still there: nothing is what there should be."""
        now = self.engine.things
        found = [
            f"{kind.removesuffix('s')} {name}"
            for kind, names in now.items()
            for name in sorted(names - self.before[kind])
        ]
        root = state_root()
        if (root / self.name).exists():
            found.append(f"directory {root / self.name}")
        found += [f"process {pid}: {what}" for pid, what in self._processes().items()]
        return found + [f"cgroup {place}" for place in self._cgroups()]

    def _cgroups(self) -> list[Path]:
        """Return the cgroups of the cluster's containers; the engine's are this host's."""
        found = []
        # Not a pattern: what goes while one looks is no error here.
        for place, below, _ in os.walk("/sys/fs/cgroup"):
            own = [name for name in below if any(each in name for each in self.containers)]
            found += [Path(place) / name for name in own]
            below[:] = [name for name in below if name not in own]
        return found

    def _processes(self) -> dict[int, str]:
        """Return pid -> command line of what names the cluster, or runs in its containers."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            if int(entry.name) in (os.getpid(), self.owner.pid):
                continue
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                inside = any(id_ in (entry / "cgroup").read_text() for id_ in self.containers)
                if self.name in command or inside:
                    found[int(entry.name)] = command
        return found

    def leftovers_after(self, *, deadline: float = GONE_SECONDS) -> list[str]:
        """Return what the last look saw: the first that saw nothing, or that at the deadline."""
        looks: list[list[str]] = []

        def is_gone() -> bool:
            looks.append(self.leftovers())
            return not looks[-1]

        until(is_gone, deadline=deadline, every=_LOOK_SECONDS)
        return looks[-1]

    def steps(self) -> list[str]:
        """Return the steps that the start has come to since they were last asked for."""
        assert self.owner.stdout is not None
        said = b""
        while select.select([self.owner.stdout], [], [], 0)[0]:
            chunk = os.read(self.owner.stdout.fileno(), 65536)
            said += chunk
            if not chunk:
                break
        return said.decode(errors="replace").splitlines()


@contextlib.contextmanager
def started(
    engine: RealEngine,
    name: str,
    *,
    kubernetes: str = "1.27.4",
    containerd: str = "1.6.8",
    tap: bool = False,
) -> Iterator[Run]:
    """Start an owner, which begins with a cluster of that name; end it whatever became of it."""
    before = engine.things
    tapped = "tap" if tap else "no tap"
    owner = engine.start(sys.executable, "-c", _OWNER, name, kubernetes, containerd, tapped)
    with owner:
        try:
            yield Run(name, engine, owner, before)
        finally:
            owner.kill()


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return []
