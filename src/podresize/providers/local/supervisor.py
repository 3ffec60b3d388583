"""The process that stays outside: makes the cluster, and sees to it that it goes.

Three processes answer for a cluster. The **init** (PID 1 of the cluster's PID namespace) dies with
the supervisor, by the kernel's hand, and takes every process, mount and interface with it. The
**supervisor** watches the init, the owner and the guardian, and removes cgroups and directories.
The **guardian** watches the supervisor and does the same work if that is killed. So any one of
them, and the owner, may be killed with SIGKILL at any moment.

Started as ``python -m podresize.providers.local.supervisor NAME`` with its order as JSON on
standard input; tells what happens as JSON lines on standard output.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import sys
import traceback
from typing import Any

from podresize.errors import PodresizeError
from podresize.providers import host as hosts
from podresize.providers import linux
from podresize.providers.guarding import close_all_but, detach_output, end_guardian, fork_guardian
from podresize.providers.local import cgroups, mounts, network, state
from podresize.providers.local.cleaning import clean
from podresize.providers.local.init import Init, search_path
from podresize.providers.local.layout import Layout
from podresize.providers.local.making import Making
from podresize.providers.telling import teller, to_event
from podresize.providers.ties import TieCutError, Ties, process


def making_of(order: dict[str, Any]) -> Making:
    """Return what is ordered: ``making`` names the class, as an entry point does.

    Only its modules are imported: they are a tenth of a start. And they may be another provider's,
    which this one does not know.
    """
    module, _, name = order["making"].partition(":")
    made: Making = getattr(importlib.import_module(module), name)(order)
    return made


def _become_init(making: Making, layout: Layout, events: int, side: int | None) -> None:
    """Turn this process, PID 1 of its namespace, into the cluster's init. Never returns.

    ``side`` is a descriptor of the network of the cluster that its node joins.
    """
    tell = teller(events)
    try:
        mounts.enter(
            keep=[layout.directory, *making.keep],
            memory_backed=making.in_memory(layout),
            hidden=making.hidden,
        )
        network.enter(layout)
        making.join(layout, side)
        tell({"event": "step", "step": "namespaces made"})
        Init(
            *(layout, making.components(layout), making.conditions(layout), tell),
            search_path(making.programs),
            seconds=making.ready_seconds * making.patience,
            commanded=lambda init: making.commanded(layout, init),
        ).run()
    except Exception as error:
        tell(
            {
                "event": "failed",
                "what": str(error),
                "logs": {"init": traceback.format_exc().splitlines()},
            }
        )
    finally:
        os._exit(1)


def _clean_up(name: str, supervisor: tuple[int, int], known: dict[str, Any]) -> None:
    """Do the supervisor's last work in its place."""
    init = known.get("init")
    found = state.find(name)
    layout = Layout(name=name, index=0) if found is None else found.layout
    clean(layout, supervisor, (init[0], init[1]) if init else None)


class Supervisor:
    """One cluster, from its directory to its removal."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._making = making_of(order)
        self._tell = teller(1)
        self._ended = False

    def tell(self, event: dict[str, Any]) -> None:
        """Tell the owner; nobody may be listening any more."""
        with contextlib.suppress(BrokenPipeError):
            self._tell(event)

    def run(self) -> int:
        """Make the cluster, wait for its end, remove it. Returns the exit code."""
        pid = os.getpid()
        ticks = linux.start_ticks(pid)
        assert ticks is not None
        me = (pid, ticks)
        stop, stop_writer = os.pipe()
        os.set_blocking(stop_writer, False)
        signal.set_wakeup_fd(stop_writer)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        name = self._order["name"]
        guardian, tell_guardian = fork_guardian(lambda known: _clean_up(name, me, known))
        try:
            claimed = state.claim(
                name,
                target=self._order["target"],
                what=self._order["what"],
                joins=self._making.joins,
            )
        except PodresizeError as error:
            end_guardian(guardian)
            self.tell(to_event(error))
            return 1
        layout = claimed.layout
        init: tuple[int, int] | None = None
        try:
            self.tell({"event": "claimed", "index": layout.index})
            host = hosts.inspect()
            cgroups.create(layout.cgroup, version=host.cgroup_version, mounts=host.cgroup_mounts)
            self._making.prepare(layout, host)
            self.tell({"event": "step", "step": "files written"})
            events, init = self._fork_init(layout)
            tell_guardian({"init": init})
            state.born(claimed, init)
            self.tell({"event": "born", "init": init[0]})
            self._watch(init[0], guardian, stop, events)
        except PodresizeError as error:
            self.tell(to_event(error))
        except OSError as error:
            self.tell({"event": "failed", "what": f"the cluster could not be made: {error}"})
        except Exception as error:
            self.tell(
                {
                    "event": "failed",
                    "what": str(error),
                    "logs": {"supervisor": traceback.format_exc().splitlines()},
                }
            )
        finally:
            clean(layout, me, init)
            end_guardian(guardian)
            self.tell({"event": "gone"})
        return 0

    def _fork_init(self, layout: Layout) -> tuple[int, tuple[int, int]]:
        joins = self._making.joins
        side = None if joins is None else network.namespace_of(joins)
        reader, writer = os.pipe()
        own = os.open("/proc/self/ns/pid", os.O_RDONLY)
        linux.unshare(linux.CLONE_NEWPID)
        supervisor = os.pidfd_open(os.getpid())
        pid = os.fork()
        if pid == 0:
            linux.die_with_parent()
            if select.select([supervisor], [], [], 0)[0]:
                os._exit(1)  # killed before the line above; the parent's pid is 0 from in here
            signal.set_wakeup_fd(-1)
            os.setsid()
            detach_output()
            close_all_but(writer, side)
            _become_init(self._making, layout, writer, side)
        # Only the init is born there: once it is dead nothing else can be, and cleaning needs `ip`.
        linux.setns(own, linux.CLONE_NEWPID)
        for descriptor in (own, supervisor, writer, side):
            if descriptor is not None:
                os.close(descriptor)
        ticks = linux.start_ticks(pid)
        return reader, (pid, ticks or 0)

    def _watch(self, init: int, guardian: int, stop: int, events: int) -> None:
        """Return when anything that the cluster depends on has ended."""
        ends = {
            os.pidfd_open(init): "init ended",
            os.pidfd_open(guardian): "guardian ended",
            stop: "asked to stop",
        }
        heard = [events]
        try:
            ties = Ties(
                ends,
                owner=process(self._order["owner"]),
                starter=process(self._order["starter"]),
                was_handed_over=self._was_handed_over,
            )
            while True:
                ties.wait(*heard)
                if not self._forward(events):
                    heard = []
        except TieCutError as end:
            self._forward(events)
            self.tell({"event": "ending", "why": str(end)})

    def _was_handed_over(self) -> bool:
        """Whether whoever asked for the cluster got it: a start is not finished by anyone else."""
        found = state.find(self._order["name"])
        return found is not None and found.handle is not None

    def _forward(self, events: int) -> bool:
        """Pass the init's lines on. False when there will be no more."""
        os.set_blocking(events, False)
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(events, 65536)
            with contextlib.suppress(BrokenPipeError):
                os.write(1, chunk)
            return bool(chunk)
        return True


def main() -> int:
    """Run the supervisor with the order on standard input."""
    return Supervisor(json.load(sys.stdin)).run()


if __name__ == "__main__":
    sys.exit(main())
