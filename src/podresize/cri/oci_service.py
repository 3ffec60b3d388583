"""Containers by an OCI runtime alone: what a CRI runtime would do between a client and it.

There is no CRI, so there are no codes: an update that fails is answered UNKNOWN with what the
program wrote (the OCI runtime specification says "MUST generate an error" and no more).
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from podresize.cri import bundle
from podresize.cri.oci_command import OciCommand
from podresize.cri.service import Executed, Sandbox
from podresize.errors import HarnessError
from podresize.evidence.updates.update import OK, Answer

UNKNOWN = "UNKNOWN"
_END_SECONDS = 20.0


class OciService:
    """Makes containers by an OCI runtime's program; see ``Service``.

    ``rootfs`` is the root file system of all of them, ``mounts`` the cgroup hierarchies of this
    host by controller.
    """

    def __init__(self, command: OciCommand, *, mounts: Mapping[str, Path]) -> None:
        bundles = command.handle.bundles
        if bundles is None:
            raise HarnessError(
                "this OCI runtime is a CRI runtime's", value=str(command.handle.program)
            )
        self._command = command
        self._bundles = bundles
        self._mounts = dict(mounts)
        self._lock = threading.Lock()
        self._parents: dict[str, str] = {}
        self._containers: dict[str, str] = {}

    def run_sandbox(self, *, name: str, run: str, cgroup_parent: str, handler: str = "") -> Sandbox:
        """Make a cgroup for containers, which is all of a sandbox here. Raises ``HarnessError``."""
        del run, handler
        for root in self._mounts.values():
            try:
                _make_cgroup(root / cgroup_parent.strip("/"))
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
        place.mkdir(parents=True)
        configuration = bundle.configuration(
            rootfs=Path(image),
            cgroups_path=f"{sandbox.cgroup_parent}/{container}",
            resources=resources,
            arguments=arguments,
        )
        (place / "config.json").write_text(json.dumps(configuration))
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
        with self._processes(container) as processes:
            self._command.must("kill", container, "KILL")
            deadline = time.monotonic() + _END_SECONDS
            for descriptor in processes:
                left = max(0.0, deadline - time.monotonic())
                if not select.select([descriptor], [], [], left)[0]:
                    raise HarnessError(
                        f"a process is still there {_END_SECONDS:g} s after KILL", value=container
                    )

    def remove(self, container: str) -> None:
        """Remove a container, by force if it runs. Raises ``HarnessError``."""
        self._command.must("delete", "--force", container)
        shutil.rmtree(self._bundles / container, ignore_errors=True)
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
        for root in self._mounts.values() if parent is not None else ():
            place = root / str(parent).strip("/")
            try:
                place.rmdir()
            except FileNotFoundError:
                continue  # not a hierarchy of this runtime's
            except OSError as error:
                raise HarnessError(
                    f"the cgroup of a sandbox cannot be removed: {error}", value=str(place)
                ) from error

    @contextlib.contextmanager
    def _processes(self, container: str) -> Iterator[list[int]]:
        """Give a descriptor of each process in a container for as long as the context is open."""
        with self._lock:
            parent = self._parents.get(self._containers.get(container, ""), "")
        root = self._mounts.get("cpu") or self._mounts.get("unified")
        found: list[int] = []
        try:
            if root is not None:
                place = root / parent.strip("/") / container / "cgroup.procs"
                with contextlib.suppress(OSError):
                    for pid in place.read_text().split():
                        with contextlib.suppress(ProcessLookupError):
                            found.append(os.pidfd_open(int(pid)))
            yield found
        finally:
            for descriptor in found:
                os.close(descriptor)


def _make_cgroup(place: Path) -> None:
    """Make a cgroup as a kubelet hands one to a runtime: on v1 an empty cpuset takes no child."""
    place.mkdir(exist_ok=True)
    for name in ("cpuset.cpus", "cpuset.mems"):
        file = place / name
        # On v2 an empty one has what its parent has.
        if file.exists() and not (place / "cgroup.controllers").exists():
            file.write_text((place.parent / name).read_text())
