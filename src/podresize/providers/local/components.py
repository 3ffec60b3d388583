"""The processes of a cluster: their command lines and what each waits for."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable
from pathlib import Path

from packaging.version import Version

from podresize.providers.kubelet import feature_gates
from podresize.providers.local.layout import SERVICE_SUBNET, Layout
from podresize.providers.tap_command import tap_command
from podresize.requirements.target import Target


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One process. ``after`` names the conditions that must hold before it starts.

    ``job`` marks a process that is meant to end, with success; any other that ends takes the
    cluster down. ``environment`` is added to that of all of them. ``others`` are further logs,
    beside its own, whose last lines are shown when it ends; of a line that is ``telling`` the last
    one is, however much was said after it.
    """

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    job: bool = False
    environment: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    telling: re.Pattern[str] | None = None


# An apiserver's start makes garbage for a second of processor time and more: it is collected when
# there is much of it, not each time that the heap has doubled. Nothing of it is under test.
_COLLECT_LATE = (("GOGC", "off"), ("GOMEMLIMIT", "600MiB"))


def _gates(target: Target, component: str) -> list[str]:
    gates = feature_gates(target, component)
    return [f"--feature-gates={name}={'true' if on else 'false'}" for name, on in gates.items()]


def _apiserver(layout: Layout, target: Target, program: Path) -> tuple[str, ...]:
    pki = layout.pki
    return (
        str(program),
        "--etcd-servers=http://127.0.0.1:2379",
        f"--bind-address={layout.node_address}",
        f"--advertise-address={layout.node_address}",
        "--secure-port=6443",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet.key'}",
        # Otherwise exec and logs look the node's name up in a DNS that does not know it.
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--anonymous-auth=false",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        f"--service-cluster-ip-range={SERVICE_SUBNET}",
        "--allow-privileged=true",
        "--v=1",
        *_gates(target, "apiserver"),
    )


def _controller_manager(layout: Layout, target: Target, program: Path) -> tuple[str, ...]:
    pki = layout.pki
    config = layout.etc / "controller-manager.kubeconfig"
    return (
        str(program),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'service-account.key'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--use-service-account-credentials=true",
        # Its controllers start one after the other, each behind the client's rate limit: at the
        # default of 20 requests a second that alone takes four seconds.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        # One replica: an election would only cost its lease time.
        "--leader-elect=false",
        "--v=1",
        *_gates(target, "controller-manager"),
    )


def _scheduler(layout: Layout, target: Target, program: Path) -> tuple[str, ...]:
    config = layout.etc / "scheduler.kubeconfig"
    return (
        str(program),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--v=1",
        *_gates(target, "scheduler"),
    )


def _kubelet(layout: Layout, program: Path) -> tuple[str, ...]:
    return (
        str(program),
        f"--config={layout.etc / 'kubelet.yaml'}",
        f"--kubeconfig={layout.etc / 'kubelet.kubeconfig'}",
        f"--hostname-override={layout.node_name}",
        f"--node-ip={layout.node_address}",
        f"--root-dir={layout.directory / 'kubelet'}",
        f"--cert-dir={layout.directory / 'kubelet' / 'pki'}",
        "--v=2",
    )


def _etcd(layout: Layout, program: Path, version: str) -> tuple[str, ...]:
    command = [
        str(program),
        f"--data-dir={layout.directory / 'etcd' / 'data'}",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
    ]
    if Version(version) >= Version("3.5"):
        command.append("--unsafe-no-fsync")
    return tuple(command)


def plan(
    layout: Layout,
    target: Target,
    programs: dict[str, Path],
    images: tuple[Path, ...],
    etcd_version: str,
    *,
    joins: bool = False,
) -> list[Component]:
    """Return every process of the cluster in the order of their starts.

    ``programs`` maps a program's name to its file. The conditions are ``etcd``, ``containerd``,
    ``tap``, ``apiserver-port`` and ``apiserver`` (ready). A node that ``joins`` another cluster has
    no control plane of its own.
    """
    kubelet = Component(
        name="kubelet",
        command=_kubelet(layout, programs["kubelet"]),
        after=(
            "containerd",
            *(() if joins else ("apiserver-port",)),
            *(("tap",) if target.tap else ()),
        ),
    )
    runtime = plan_runtime(layout, programs, images, tap=target.tap, faults=target.faults)
    node = [*runtime, kubelet]
    return node if joins else [*plan_control_plane(layout, target, programs, etcd_version), *node]


def plan_runtime(
    layout: Layout,
    programs: dict[str, Path],
    images: tuple[Path, ...],
    *,
    tap: bool = False,
    faults: tuple[str, ...] = (),
) -> list[Component]:
    """Return the processes of a runtime with these images, behind a tap or not."""
    ctr = str(programs["ctr"])
    socket = str(layout.containerd_socket)
    return [
        *((plan_tap(layout, faults),) if tap else ()),
        Component(
            name="containerd",
            command=(str(programs["containerd"]), "--config", str(layout.etc / "containerd.toml")),
        ),
        *(
            Component(
                name=f"load-{image.stem}",
                command=(ctr, "-a", socket, "-n", "k8s.io", "images", "import", str(image)),
                after=("containerd",),
                job=True,
            )
            for image in images
        ),
    ]


# Of a process that is this interpreter: the libraries on the others' path are not its own, and its
# modules are those of the process that starts it.
OWN_ENVIRONMENT = (
    ("LD_LIBRARY_PATH", ""),
    ("PYTHONPATH", os.environ.get("PYTHONPATH", "")),
)


def plan_tap(layout: Layout, faults: Iterable[str], *, after: tuple[str, ...] = ()) -> Component:
    """Return the tap in front of the runtime that listens at ``layout.containerd_socket``."""
    return Component(
        name="tap",
        command=tap_command(
            listen=layout.tap_socket,
            runtime=f"unix://{layout.containerd_socket}",
            calls=layout.calls,
            faults=faults,
            control=layout.control_socket,
        ),
        after=after,
        environment=OWN_ENVIRONMENT,
    )


def plan_control_plane(
    layout: Layout, target: Target, programs: dict[str, Path], etcd_version: str
) -> list[Component]:
    """Return the processes of a control plane; its node may be elsewhere."""
    return [
        Component(name="etcd", command=_etcd(layout, programs["etcd"], etcd_version)),
        Component(
            name="kube-apiserver",
            command=_apiserver(layout, target, programs["kube-apiserver"]),
            after=("etcd",),
            environment=_COLLECT_LATE,
        ),
        Component(
            name="kube-controller-manager",
            command=_controller_manager(layout, target, programs["kube-controller-manager"]),
            # It gives up when the API is not healthy within about ten seconds.
            after=("apiserver",),
        ),
        Component(
            name="kube-scheduler",
            command=_scheduler(layout, target, programs["kube-scheduler"]),
            after=("apiserver",),
        ),
    ]
