"""The process that stays: has kind make the cluster, and sees to it that it goes.

Two processes answer for a kind cluster. The **keeper** watches the owner, the guardian and the
nodes' containers, takes commands for a node's components, and deletes the cluster at its end. The
**guardian** watches the keeper and does the same if that is killed. If both are killed at once, the
next command finds the cluster by its directory and sweeps.

Started as ``python -m podresize.providers.kind.keeper NAME`` with its order as JSON on standard
input; tells what happens as JSON lines on standard output.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from podresize.errors import PodresizeError
from podresize.providers import host as hosts
from podresize.providers import linux
from podresize.providers.commands import Commands
from podresize.providers.guarding import end_guardian, fork_guardian
from podresize.providers.kind import configuration, state
from podresize.providers.kind.adapter import kind_cluster
from podresize.providers.kind.components import NodeComponents
from podresize.providers.kind.engine import NETWORK_VARIABLES, Engine, find_engine
from podresize.providers.kind.faults import creation_failed
from podresize.providers.kind.layout import Layout
from podresize.providers.kind.node import Node
from podresize.providers.kind.removing import remove
from podresize.providers.kind.tap import Tap
from podresize.providers.telling import teller, to_event
from podresize.providers.ties import Process, TieCutError, Ties, process
from podresize.requirements.target import Target

_STEP_MARKS = ("•", "✓", "✗")


class Keeper:
    """One kind cluster, from its directory to its removal."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._name: str = order["name"]
        self._layout = Layout(name=self._name)
        # The kubelet's settings come apart, those of a file with them.
        self._target = Target(**order["target"] | {"kubelet": ()})
        self._tap: Tap | None = None
        self._tell = teller(1)

    def tell(self, event: dict[str, Any]) -> None:
        """Tell the owner; nobody may be listening any more."""
        with contextlib.suppress(BrokenPipeError):
            self._tell(event)

    def run(self) -> int:
        """Make the cluster, wait for its end, remove it. Returns the exit code."""
        pid = os.getpid()
        me = (pid, linux.start_ticks(pid) or 0)
        stop, stop_writer = os.pipe()
        os.set_blocking(stop_writer, False)
        signal.set_wakeup_fd(stop_writer)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        name = self._name
        guardian, _ = fork_guardian(lambda _known: remove(name, me, killed=True))
        try:
            state.claim(name, target=self._order["target"], kind=Path(self._order["kind"]))
        except PodresizeError as error:
            end_guardian(guardian)
            self.tell(to_event(error))
            return 1
        try:
            self.tell({"event": "claimed"})
            self._keep(stop, guardian)
        except TieCutError as end:
            self.tell({"event": "ending", "why": str(end)})
        except PodresizeError as error:
            self.tell(to_event(error))
        except Exception as error:
            self.tell(
                {
                    "event": "failed",
                    "what": str(error),
                    "logs": {"keeper": traceback.format_exc().splitlines()},
                }
            )
        finally:
            if self._tap is not None:
                self._tap.stop()
            self._remove(me)
            end_guardian(guardian)
            self.tell({"event": "gone"})
        return 0

    def _keep(self, stop: int, guardian: int) -> None:
        """Return never but by what it raises: ``TieCutError``, or what went wrong."""
        ends = {os.pidfd_open(guardian): "guardian ended", stop: "asked to stop"}
        ties = Ties(
            ends,
            owner=process(self._order["owner"]),
            starter=process(self._order["starter"]),
            was_handed_over=self._was_handed_over,
        )
        engine = find_engine()
        host = hosts.inspect()
        self._layout.configuration.write_text(
            configuration.cluster(
                self._target, host, self._order["kubelet_overrides"], address=engine.address
            )
        )
        self._create(ties, engine)
        names = self._layout.node_names(self._target.worker_nodes)
        nodes = [Node(engine, name) for name in names]
        for node in nodes:
            written = node.inside(Path("/etc/containerd/config.toml")).read_text()
            configuration.check_taken(written, self._target, host)
        # The commands are for the checks' node and the control plane, not for other workers.
        handles = [
            node.handle(
                logs=self._layout.logs,
                driver=str(self._target.driver),
                **(self._of_the_checks_node() if node is nodes[0] else {}),
            )
            for node in nodes
        ]
        commands = Commands(self._layout.control_socket, NodeComponents(nodes[0], nodes[-1]))
        commands.serve()
        try:
            self.tell({"event": "started", "nodes": [handle.to_json() for handle in handles]})
            lives = {os.pidfd_open(node.pid): node.container for node in nodes}
            ended = lives[self._wait(ties, *lives)]
            self.tell({"event": "failed", "what": f"the node's container ended: {ended}"})
        finally:
            commands.close()

    def _of_the_checks_node(self) -> dict[str, Any]:
        found: dict[str, Any] = {"control": self._layout.control_socket}
        if self._tap is not None:
            found |= {"calls": self._layout.calls, "faults": self._target.faults}
        return found

    def _wait(self, ties: Ties, *others: int) -> int:
        """As ``ties.wait``. Raises ``HarnessError`` where the tap has ended."""
        if self._tap is None:
            return ties.wait(*others)
        ready = ties.wait(*others, self._tap.descriptor)
        if ready == self._tap.descriptor:
            raise self._tap.why_ended()
        return ready

    def _create(self, ties: Ties, engine: Engine) -> None:
        """Have kind create the cluster; what it says becomes steps, and its log."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_creator(engine, writer)
        os.close(writer)
        creator = os.pidfd_open(pid)
        try:
            rest = b""
            awaited: tuple[int, ...] = (reader, creator)
            with self._layout.kind_log.open("ab") as log:
                while True:
                    if self._wait(ties, *awaited) == creator:
                        # kind has ended too, unless its caller was killed: then it would go on.
                        _kill_group(pid)
                        awaited = (reader,)
                        continue
                    chunk = os.read(reader, 65536)
                    if not chunk:
                        break
                    log.write(chunk)
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        if self._tell_step(line.decode(errors="replace")):
                            self._start_tap_where_it_can(engine)
            status = os.waitpid(pid, 0)[1]
            pid = 0
        finally:
            os.close(reader)
            os.close(creator)
            if pid:
                _kill_group(pid)
                os.waitpid(pid, 0)
        if status != 0:
            said = self._layout.kind_log.read_text(errors="replace")
            raise creation_failed(self._name, said, engine=engine.name, image=self._order["image"])

    def _become_creator(self, engine: Engine, output: int) -> None:
        """Turn this process into the one that calls kind. Never returns."""
        code = 1
        try:
            linux.die_with_parent()
            signal.set_wakeup_fd(-1)
            os.setsid()
            for descriptor in (1, 2):
                os.dup2(output, descriptor)
            os.environ.update(engine.environment)
            os.environ.update(dict.fromkeys(NETWORK_VARIABLES, self._layout.network))
            os.chdir(self._layout.directory)
            kind_cluster(
                self._name,
                kubeconfig=self._layout.kubeconfig,
                image=self._order["image"],
                kind=Path(self._order["kind"]),
                kubectl=Path(self._order["kubectl"]),
            ).create(self._layout.configuration)
            code = 0
        except BaseException as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(code)

    def _start_tap_where_it_can(self, engine: Engine) -> None:
        """Start the tap that is wanted as soon as there is the checks' node."""
        name = self._layout.node_names(self._target.worker_nodes)[0]
        if not self._target.tap or self._tap is not None:
            return
        if name in engine.containers(self._name) and engine.inspect(name)["State"]["Running"]:
            self._tap = Tap(Node(engine, name), self._layout, self._target.faults)
            self.tell({"event": "step", "step": "tap started"})

    def _tell_step(self, line: str) -> bool:
        """Tell of kind's own steps: it marks the begin and the end of each. Return if one ended."""
        words = line.split()
        if not words or words[0] not in _STEP_MARKS[:2]:
            return False
        said = " ".join(word for word in words[1:] if word.isascii() and word != "...")
        done = words[0] == _STEP_MARKS[1]
        self.tell({"event": "step", "step": f"kind: {said}" + (" (done)" if done else "")})
        return done

    def _was_handed_over(self) -> bool:
        """Whether whoever asked for the cluster got it: a start is not finished by anyone else."""
        found = state.find(self._name)
        return found is not None and found.handle is not None

    def _remove(self, me: Process) -> None:
        try:
            remove(self._name, me, killed=False)
        except PodresizeError as error:
            self.tell(to_event(error))


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def main() -> int:
    """Run the keeper with the order on standard input."""
    return Keeper(json.load(sys.stdin)).run()


if __name__ == "__main__":
    sys.exit(main())
