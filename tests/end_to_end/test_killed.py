"""Whatever is killed, and whenever: within ten seconds nothing of the cluster is left.

The moments and victims are drawn from a seed that is printed on failure as part of the test's
name. A victim is found the way a murderer would: by looking at the process table.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.real_clusters import kill_all, leftovers, leftovers_after, own_name, until

from podresize.providers.local import provider, state
from podresize.providers.state_root import state_root

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

OWNER = """
import json, os, signal, sys
from podresize.providers.local import provider
from podresize.requirements.target import Target
name = sys.argv[1]
say = lambda what: print(what, flush=True)
say("begun")
provider.up(Target(), name=name, owner=os.getpid(), tell=lambda step, at: say(step))
say("up")
sys.stdin.readline()
provider.down(name)
"""
READY = "up"
VICTIMS = ("owner", "supervisor", "guardian", "init")
_BORN_SECONDS = 20.0


@dataclasses.dataclass
class Run:
    """One cluster and the processes that answer for it."""

    name: str
    owner: subprocess.Popen[bytes]
    said: list[str] = dataclasses.field(default_factory=list)

    def wait_for(self, step: str) -> None:
        """Return when the owner has said ``step``."""
        assert self.owner.stdout is not None
        while step not in self.said:
            assert select.select([self.owner.stdout], [], [], 60)[0], f"no {step}: {self.said}"
            line = self.owner.stdout.readline()
            assert line, f"the owner ended before {step}: {self.said}"
            self.said.append(line.decode().strip())

    def pid(self, victim: str) -> int | None:
        """Return the victim's pid; None while, or when, there is none."""
        if victim == "owner":
            return self.owner.pid if self.owner.poll() is None else None
        supervisors = [
            pid for pid in children(self.owner.pid) if "local.supervisor" in command(pid)
        ]
        if not supervisors or victim == "supervisor":
            return supervisors[0] if supervisors else None
        # Both are forked from the supervisor; the init is the one with another PID namespace.
        for pid in children(supervisors[0]):
            with contextlib.suppress(OSError):
                namespaces = [Path(f"/proc/{who}/ns/pid").readlink() for who in (pid, "self")]
                inside = len(set(namespaces)) == 2
                if inside == (victim == "init"):
                    return pid
        return None

    def kill(self, *victims: str) -> list[str]:
        """Kill what there is of the victims, as nearly at once as can be; return who was hit."""
        return kill_all({victim: self.pid(victim) for victim in victims})

    def end(self) -> None:
        """Let go of the owner, whatever became of it."""
        self.owner.kill()
        self.owner.wait(10)
        for stream in (self.owner.stdin, self.owner.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    return []


def command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


@contextlib.contextmanager
def started(name: str) -> Iterator[Run]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    run = Run(name, process)
    try:
        yield run
    finally:
        run.end()
        # A test that failed must not leave its cluster to the ones after it.
        provider.sweep()


@dataclasses.dataclass(frozen=True)
class Moment:
    """When to kill: ``delay`` seconds after ``step`` was said; ``down`` asks for the end first."""

    step: str
    delay: float
    victim: str
    down: bool = False

    def __str__(self) -> str:
        when = "down" if self.down else self.step
        return f"{self.victim}-{when.replace(' ', '-')}+{self.delay:.3f}s"


def moments(seed: int = 20) -> list[Moment]:
    """Return 20 moments: 4 around the supervisor's birth, 10 in the start, 3 ready, 3 in down."""
    draw = random.Random(seed)
    early = [Moment("artifacts ready", draw.uniform(0, 0.25), v) for v in VICTIMS]
    victims = [*VICTIMS, *VICTIMS, "supervisor", "init"]
    during = [Moment("files written", draw.uniform(0, 4.0), v) for v in victims]
    ready = [Moment(READY, draw.uniform(0, 0.3), v) for v in ("owner", "supervisor", "guardian")]
    ending = [
        Moment(READY, draw.uniform(0, 0.12), v, down=True)
        for v in ("owner", "supervisor", "guardian")
    ]
    return [*early, *during, *ready, *ending]


found: dict[str, list[str]] = {}
missed: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def total(pytestconfig: pytest.Config) -> Iterator[None]:
    """Print at the end what all the kills left."""
    yield
    count = sum(map(len, found.values()))
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        print(f"\n{len(found)} kills, {len(missed)} came too late, {count} leftovers after 10 s")
        for moment in missed:
            print(f"  {moment}: too late, the victim had ended by itself")
        for moment, left in found.items():
            for what in left:
                print(f"  {moment}: {what}")


@pytest.mark.parametrize("moment", moments(), ids=str)
def test_nothing_is_left_ten_seconds_after_a_kill(moment: Moment) -> None:
    name = own_name("kill")
    with started(name) as run:
        run.wait_for(moment.step)
        if moment.down:
            assert run.owner.stdin is not None
            run.owner.stdin.write(b"down\n")
        time.sleep(moment.delay)  # the moment itself, not a wait
        # Only an end that was asked for takes the victim away by itself. In a start it may not be
        # born yet: a busy host has taken over half a second from the artifacts to the guardian.
        patience = 0.5 if moment.down else _BORN_SECONDS
        if not until(lambda: run.kill(moment.victim), deadline=patience, every=0.001):
            assert moment.down, f"no {moment.victim} {patience:.0f} s after {run.said[-1]!r}"
            missed.append(str(moment))

        found[str(moment)] = left = leftovers_after(name)

    assert left == []


def test_an_owner_killed_before_it_has_a_supervisor_leaves_nothing() -> None:
    name = own_name("kill")
    with started(name) as run:
        run.wait_for("begun")
        assert run.kill("owner") == ["owner"]

        found["owner-begun"] = left = leftovers_after(name)

    assert left == []


def test_owner_and_supervisor_killed_together_are_the_guardians_work() -> None:
    name = own_name("kill")
    with started(name) as run:
        run.wait_for(READY)
        assert run.kill("supervisor", "owner") == ["supervisor", "owner"]

        found["owner+supervisor"] = left = leftovers_after(name)

    assert left == []


def test_all_killed_at_once_end_every_process_and_the_next_command_sweeps_the_rest() -> None:
    """The one case that needs the sweep: nobody is left who could remove cgroups and files.

    Processes, mounts and interfaces are gone all the same: that is the kernel's work.
    """
    name = own_name("kill")
    with started(name) as run:
        run.wait_for(READY)
        found_state = state.find(name)
        assert found_state is not None
        assert len(run.kill("guardian", "supervisor", "owner")) == 3
        quiet = until(
            lambda: not [what for what in leftovers(name) if what.startswith(("proc", "mount"))],
            deadline=10,
        )
        link = Path(f"/sys/class/net/{found_state.layout.link}")
        assert until(lambda: not link.exists(), deadline=10)
        assert quiet
        assert (state_root() / name / "cluster.json").exists()
        listed = subprocess.run(
            [Path(sys.executable).parent / "podresize", "cluster", "list"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert any(name in line and "dead" in line for line in listed.splitlines())

        assert name in provider.sweep()

        found["all at once, swept"] = left = leftovers_after(name, deadline=0)

    assert left == []


def test_a_cluster_up_that_is_killed_while_it_starts_takes_its_cluster_along() -> None:
    """Its owner would be nobody: a half-made cluster that no one was told of."""
    name = own_name("kill")
    process = subprocess.Popen(
        [Path(sys.executable).parent / "podresize", "cluster", "up", "--name", name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if "kubelet started" in line:
                break
        process.kill()

    found["cluster up"] = left = leftovers_after(name)

    assert left == []


def test_a_cluster_up_that_has_ended_leaves_its_cluster_running_until_down() -> None:
    name = own_name("kill")
    program = Path(sys.executable).parent / "podresize"
    subprocess.run([program, "cluster", "up", "--name", name], check=True, capture_output=True)
    made = state.find(name)
    assert made is not None
    assert made.is_alive
    assert json.loads(made.layout.state_file.read_text())["handle"]["name"] == name

    subprocess.run([program, "cluster", "down", name], check=True, capture_output=True)

    assert leftovers(name, index=made.layout.index) == []
