"""Containers by an OCI runtime alone: what a CRI runtime would do between a client and it.

There is no CRI, so there are no codes: an update that fails is answered UNKNOWN with what the
program wrote (the OCI runtime specification says "MUST generate an error" and no more).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from podresize.cri import bundle
from podresize.cri.oci_command import OciCommand
from podresize.cri.service import Executed, Sandbox
from podresize.cri.snapshots import hierarchies
from podresize.errors import HarnessError
from podresize.evidence.kernel_view import KernelView
from podresize.evidence.updates.update import OK, Answer

UNKNOWN = "UNKNOWN"
_END_SECONDS = 20.0
_LOOK_SECONDS = 0.02
# Of ``systemctl stop`` (systemctl(1), "Exit status"): no scope was ever made in it.
_NOT_LOADED = 5


class OciService:
    """Makes containers by an OCI runtime's program; see ``Service``.

    ``mounts`` are the cgroup hierarchies of its machine by controller, ``kernel`` is that machine's
    kernel. Below a slice systemd makes the cgroups, else a sandbox's is made here.
    """

    def __init__(
        self, command: OciCommand, *, mounts: Mapping[str, Path], kernel: KernelView
    ) -> None:
        bundles = command.handle.bundles
        if bundles is None:
            raise HarnessError(
                "this OCI runtime is a CRI runtime's", value=str(command.handle.program)
            )
        self._command = command
        self._place = command.workplace
        self._kernel = kernel
        self._bundles = bundles
        self._mounts = dict(mounts)
        self._lock = threading.Lock()
        self._parents: dict[str, str] = {}
        self._containers: dict[str, str] = {}

    def run_sandbox(self, *, name: str, run: str, cgroup_parent: str, handler: str = "") -> Sandbox:
        """Make a cgroup for containers, which is all of a sandbox here. Raises ``HarnessError``."""
        del run, handler
        for place in self._cgroups(cgroup_parent):
            try:
                self._make_cgroup(place)
            except OSError as error:
                raise HarnessError(
                    f"the cgroup of a sandbox cannot be made: {error}", value=cgroup_parent
                ) from error
        sandbox = Sandbox(id=name, cgroup_parent=cgroup_parent)
        with self._lock:
            self._parents[sandbox.id] = cgroup_parent
        return sandbox

    def create(
        self,
        sandbox: Sandbox,
        *,
        name: str,
        image: str,
        resources: Mapping[str, Any],
        arguments: tuple[str, ...] = (),
    ) -> str:
        """Write a bundle and create its container. ``image`` is the root file system's directory.

        Raises ``HarnessError``.
        """
        del name
        container = secrets.token_hex(32)  # as long as a CRI runtime's: nothing else is like it
        place = self._bundles / container
        configuration = bundle.configuration(
            rootfs=Path(image),
            cgroups_path=bundle.cgroups_path(sandbox.cgroup_parent, container),
            resources=resources,
            arguments=arguments,
        )
        try:
            self._place.write(place / "config.json", json.dumps(configuration))
        except OSError as error:
            raise HarnessError(
                f"the bundle of a container cannot be written: {error}", value=str(place)
            ) from error
        with self._lock:
            self._containers[container] = sandbox.id
        self._command.must("create", "--bundle", str(place), container)
        return container

    def start(self, container: str) -> None:
        """Start a created container. Raises ``HarnessError``."""
        self._command.must("start", container)

    def update(self, container: str, fields: Mapping[str, Any], *, empty: bool = False) -> Answer:
        """Ask for other resources and return the answer, an error included.

        They go to standard input, as an object of the OCI specification. With ``empty`` there is
        none. Raises ``HarnessError`` for a field that such an object cannot have.
        """
        if fields.get(bundle.OOM):
            raise HarnessError(
                "an OCI runtime cannot be asked for another oom_score_adj", value=str(dict(fields))
            )
        began = time.monotonic()
        if empty:
            done = self._command.run("update", container)
        else:
            text = json.dumps(bundle.linux_resources(fields))
            done = self._command.run("update", "--resources", "-", container, text=text)
        return Answer(
            code=UNKNOWN if done.code else OK,
            message=done.stderr.strip() if done.code else "",
            seconds=time.monotonic() - began,
        )

    def execute(self, container: str, *command: str) -> Executed:
        """Run a command in a container to its end."""
        return self._command.run("exec", container, *command)

    def stop(self, container: str) -> None:
        """Kill a container's first process, and return when all of its processes are gone.

        Raises ``HarnessError``.
        """
        place = self._cgroup_of(container)
        self._command.must("kill", container, "KILL")
        seconds = _END_SECONDS * self._command.slowness
        deadline = time.monotonic() + seconds
        while place is not None and self._kernel.pids(place):
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"a process is still there {seconds:g} s after KILL", value=container
                )
            time.sleep(_LOOK_SECONDS)  # a cgroup does not tell everywhere that it is empty

    def remove(self, container: str) -> None:
        """Remove a container, by force if it runs. Raises ``HarnessError``."""
        self._command.must("delete", "--force", container)
        place = self._bundles / container
        try:
            self._place.remove(place)
        except OSError as error:
            raise HarnessError(
                f"the bundle of a container cannot be removed: {error}", value=str(place)
            ) from error
        with self._lock:
            self._containers.pop(container, None)

    def remove_sandbox(self, sandbox: str) -> None:
        """Remove what is left of a sandbox: its containers and its cgroup.

        Raises ``HarnessError``.
        """
        with self._lock:
            mine = [each for each, owner in self._containers.items() if owner == sandbox]
            parent = self._parents.pop(sandbox, None)
        for container in mine:
            self.remove(container)
        if parent is None:
            return
        if parent.endswith(".slice"):
            self._stop_slice(parent)
        for place in self._cgroups(parent):
            try:
                if self._kernel.exists(place):  # not in a hierarchy that is not this runtime's
                    self._place.remove_directory(place)
            except OSError as error:
                raise HarnessError(
                    f"the cgroup of a sandbox cannot be removed: {error}", value=str(place)
                ) from error

    def _cgroups(self, parent: str) -> Iterator[Path]:
        """Yield the places of a sandbox's cgroup that are made here, one in each hierarchy."""
        if not parent.endswith(".slice"):
            for root in self._mounts.values():
                yield root / parent.strip("/")

    def _make_cgroup(self, place: Path) -> None:
        """Make one as a kubelet hands it to a runtime: on v1 an empty cpuset takes no child."""
        if not self._kernel.exists(place.parent):
            raise FileNotFoundError(f"there is no {place.parent}")
        self._place.make_directory(place)
        there = self._kernel.files(place)
        if "cgroup.controllers" in there:
            return  # on v2 an empty one has what its parent has
        for name in ("cpuset.cpus", "cpuset.mems"):
            if name in there:
                self._kernel.write(place / name, self._kernel.read(place.parent / name))

    def _stop_slice(self, name: str) -> None:
        """End a slice, which systemd has made for its first scope and keeps."""
        try:
            done = self._place.run(
                *("systemctl", "stop", name), seconds=_END_SECONDS * self._command.slowness
            )
        except OSError as error:
            raise HarnessError(f"a slice cannot be stopped: {error}", value=name) from error
        if done.code not in (0, _NOT_LOADED):
            raise HarnessError(f"a slice cannot be stopped: {done.stderr.strip()}", value=name)

    def _cgroup_of(self, container: str) -> Path | None:
        """Return the cgroup whose processes are a container's, None where it has none."""
        with self._lock:
            parent = self._parents.get(self._containers.get(container, ""))
        known = hierarchies(self._mounts)
        names = [name for name in ("cpu", "unified") if name in known]
        if parent is None or not names:
            return None
        (name,) = names
        found = self._kernel.container_cgroups(
            {name: known[name]}, parent=parent, container_id=container
        )
        return found.own.get(name)
