"""Stopping and starting the components of a kind node: units of systemd, and static pods.

The kubelet runs the control plane from manifests; one that is taken away ends, one that comes back
is started again. So nothing of the control plane starts while the kubelet of its node is stopped.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from podresize.cri.client import RuntimeClient
from podresize.errors import HostError
from podresize.providers.kind.node import Node
from podresize.providers.systemd import NodeSystemd, Systemd

_UNITS = ("containerd", "kubelet")
_PODS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
_MANIFESTS = Path("/etc/kubernetes/manifests")
_ASIDE = Path("/etc/kubernetes/stopped")
# Below what the client waits for an answer (``providers.control``).
_STOP_SECONDS = 30.0
_START_SECONDS = 35.0
_TERM_SECONDS = 5.0
_LOOK_SECONDS = 0.2


class NodeComponents:
    """What ``commands`` carries out: kubelet and runtime are those of the checks' node."""

    def __init__(self, node: Node, control_plane: Node) -> None:
        self._node = node
        self._control_plane = control_plane

    def running(self) -> dict[str, bool]:
        """Return of each component whether it runs."""
        found = {name: self._manifest(name).exists() for name in _PODS}
        return found | {name: self._unit_is_active(name) for name in _UNITS}

    def ended(self, name: str) -> bool:
        """Return whether systemd had to start a unit again since it was last started by command."""
        if name not in _UNITS:
            raise LookupError(f"{name} is not systemd's; {', '.join(_UNITS)} are")
        said = self._node.run("systemctl", "show", "--property=NRestarts", name).strip()
        return said != "NRestarts=0"

    def stop(self, name: str, *, kill: bool) -> None:
        """End a component; ``LookupError`` for an unknown one, ``TimeoutError`` when it stays."""
        self._known(name)
        if name in _UNITS:
            if kill and self._unit_is_active(name):
                self._node.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", name)
            # Also after a kill: systemd would start it again.
            self._node.run("systemctl", "stop", name)
        elif self._manifest(name).exists():
            self._aside(name).parent.mkdir(exist_ok=True)
            self._manifest(name).rename(self._aside(name))
            self._end_containers(name, kill=kill)

    def start(self, name: str) -> None:
        """Start a component; raises as ``stop`` does."""
        self._known(name)
        if name in _UNITS:
            self._node.run("systemctl", "start", name)
        elif self._aside(name).exists():
            self._aside(name).rename(self._manifest(name))
            self._wait_until_it_runs(name)

    def systemd(self) -> Systemd:
        """Return the systemd in the container of the checks' node."""
        return NodeSystemd(self._node.run)

    def _known(self, name: str) -> None:
        if name not in (*_UNITS, *_PODS):
            raise LookupError(f"no component {name!r}; there are {', '.join((*_UNITS, *_PODS))}")

    def _unit_is_active(self, name: str) -> bool:
        return self._node.run("systemctl", "show", "--property=ActiveState", name).strip() in (
            "ActiveState=active",
            "ActiveState=activating",
        )

    def _manifest(self, name: str) -> Path:
        return self._control_plane.inside(_MANIFESTS / f"{name}.yaml")

    def _aside(self, name: str) -> Path:
        return self._control_plane.inside(_ASIDE / f"{name}.yaml")

    def _end_containers(self, name: str, *, kill: bool) -> None:
        """Signal the component's containers until none runs: SIGTERM, after 5 s SIGKILL.

        The kubelet would give them half a minute; one that it had not heard of the manifest's end
        yet starts another.
        """
        begun = time.monotonic()
        with RuntimeClient(self._control_plane.endpoint) as runtime:
            while running := _running(runtime, name):
                waited = time.monotonic() - begun
                if waited > _STOP_SECONDS:
                    raise TimeoutError(f"{name} runs still after {waited:.0f} s")
                signal = "SIGKILL" if kill or waited > _TERM_SECONDS else "SIGTERM"
                for container in running:
                    self._signal(container, signal)
                time.sleep(_LOOK_SECONDS)  # the runtime's list can be asked, not watched

    def _signal(self, container: str, signal: str) -> None:
        command = ("ctr", "--namespace=k8s.io", "tasks", "kill", f"--signal={signal}", container)
        with contextlib.suppress(HostError):  # it has ended meanwhile
            self._control_plane.run(*command)

    def _wait_until_it_runs(self, name: str) -> None:
        end = time.monotonic() + _START_SECONDS
        with RuntimeClient(self._control_plane.endpoint) as runtime:
            while not _running(runtime, name):
                if time.monotonic() > end:
                    raise TimeoutError(f"{name} does not run after {_START_SECONDS:.0f} s")
                time.sleep(_LOOK_SECONDS)  # the runtime's list can be asked, not watched


def _running(runtime: RuntimeClient, name: str) -> list[str]:
    """Return the ids of the component's running containers."""
    return [
        each["id"]
        for each in runtime.list_containers()
        if each["name"] == name and each["state"] == "CONTAINER_RUNNING"
    ]
