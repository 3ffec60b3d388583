"""What the end-to-end tests share: names of their own, leftovers, ways into a cluster."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from podresize.cluster.api import Api
from podresize.cluster.create import create, create_namespace
from podresize.cluster.delete import delete_namespace
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.wait import wait_for
from podresize.providers.interface import ClusterHandle
from podresize.providers.local import cgroups
from podresize.providers.state_root import state_root

GONE_WITHIN_SECONDS = 10.0


def own_name(prefix: str) -> str:
    """Return a name that no test of another process on this machine uses."""
    return f"{prefix}-{os.getpid()}-{secrets.token_hex(2)}"


def until(holds: Callable[[], object], *, deadline: float, every: float = 0.05) -> bool:
    """Return whether ``holds`` came true within ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


def processes_of(name: str) -> dict[int, str]:
    """Return pid -> what ties it to the cluster: command line, cgroup, or mounts of its own."""
    directory = f"{state_root() / name}/"
    cgroup = f"/podresize-{name}/"
    # It may still be about to make all of the others; the guardian has its command line.
    supervisor = f"local.supervisor {name} "
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if any(tie in command for tie in (directory, f"podresize-{name}", supervisor)):
                found[int(entry.name)] = command
            elif cgroup in (entry / "cgroup").read_text().replace("\n", "/\n"):
                found[int(entry.name)] = f"{command} (by its cgroup)"
            elif directory.rstrip("/") in (entry / "mountinfo").read_text():
                found[int(entry.name)] = f"{command} (by its mounts)"
    return found


def leftovers(name: str, *, index: int | None = None) -> list[str]:
    """Return whatever of a cluster is still there: nothing is what there should be.

    An interface is found by the directory that it carries as its alias, and by ``index``, which is
    left out where another cluster may have taken it.
    """
    root = state_root()
    found = [f"process {pid}: {what}" for pid, what in processes_of(name).items()]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if f"{root / name}" in line]
    found += [f"cgroup {place}" for place in cgroups.places(f"podresize-{name}")]
    if index is not None and Path(f"/sys/class/net/podresize{index}").exists():
        found.append(f"interface podresize{index}")
    for link in Path("/sys/class/net").iterdir():
        with contextlib.suppress(OSError):  # it has gone, or is no link
            if (link / "ifalias").read_text().strip() == str(root / name):
                found.append(f"interface {link.name}, by its alias")
    if root.is_dir():
        found += [f"directory {entry}" for entry in root.iterdir() if entry.name == name]
        for draft in root.glob(".new-*/cluster.json"):
            with contextlib.suppress(OSError):
                found += [f"directory {draft.parent}"] if f'"{name}"' in draft.read_text() else []
    return found


def leftovers_after(name: str, *, deadline: float = GONE_WITHIN_SECONDS) -> list[str]:
    """Return what the last look saw: the first that saw nothing, or that at the deadline.

    Nothing comes into being after a look that saw no supervisor.
    """
    looks: list[list[str]] = []

    def is_gone() -> bool:
        looks.append(leftovers(name))
        return not looks[-1]

    until(is_gone, deadline=deadline)
    return looks[-1]


def kill_all(victims: Mapping[str, int | None]) -> list[str]:
    """Send SIGKILL to what there is of the victims, as nearly at once as can be; name who was hit.

    ``victims`` maps names to pids, None for one that is not there yet or any more.
    """
    hit = []
    for victim, pid in victims.items():
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                hit.append(victim)
    return hit


def pid_of(name: str, program: str) -> int:
    """Return the pid of a component of the cluster, by the name of its program."""
    (pid,) = [
        pid
        for pid, command in processes_of(name).items()
        if Path(command.split(" ")[0]).name == program
    ]
    return pid


def workload(name: str, *, image: str, **spec: Any) -> dict[str, Any]:
    """Return a pod that runs the probe."""
    container = {"name": "main", "image": image, "imagePullPolicy": "Never"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **spec},
    }


@contextlib.contextmanager
def namespace(api: Api, name: str) -> Iterator[str]:
    """A namespace that pods can be created in; deleted in the background afterwards."""
    create_namespace(api, name=name)
    wait_for(
        api,
        kind="serviceaccounts",
        namespace=name,
        name="default",
        predicate=lambda _: True,
        deadline=30,
        what="there",
    )
    yield name
    delete_namespace(api, name=name)


def run_pod(api: Api, *, namespace: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a pod and return it as it was when it ran."""
    create(api, kind="pods", namespace=namespace, body=body)
    return wait_for(
        api,
        kind="pods",
        namespace=namespace,
        name=body["metadata"]["name"],
        predicate=lambda pod: pod["status"].get("phase") == "Running",
        deadline=60,
        what="Running",
    )


def api_of(handle: ClusterHandle) -> Api:
    """Return a connection as the cluster's administrator."""
    return Api(read_kubeconfig(handle.kubeconfig))
