"""A runtime that is there already: looked at, given our image, and left as it was.

Nothing of ours runs for it. What this host cannot see of it (another mount or PID namespace, no
rights) is told as limits of its fingerprint, each a reason for ``unsupported``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from podresize.artifacts.artifact import Component
from podresize.artifacts.images import WORKLOAD
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import get as get_artifact
from podresize.cri.client import CriError, RuntimeClient
from podresize.errors import HostError, UsageError
from podresize.providers import host as hosts
from podresize.providers.child import Tell
from podresize.providers.local import cgroups
from podresize.providers.marks import has_ended, mark
from podresize.providers.oci_program import HandlerSettings, ask_program, handler_settings
from podresize.providers.runtimes import endpoint as endpoints
from podresize.providers.runtimes import fingerprint, oci
from podresize.providers.runtimes.asking import Asking, is_ours
from podresize.providers.runtimes.image_server import serving
from podresize.providers.runtimes.limits import host_limits
from podresize.providers.runtimes.peer import Peer, look_at
from podresize.requirements.runtime_target import OciHandle, RuntimeHandle, RuntimeTarget
from podresize.requirements.target import GUEST, UNKNOWN

_CLEANING_SECONDS = 8.0
_CGROUP = "podresize-"
# What is asked for of the machine on which a runtime is started.
_MACHINES = ("provider", "cgroup", "cgroup_driver", "kernel", "accelerator")


def check_target(target: RuntimeTarget) -> None:
    """Raise ``UsageError`` for what means nothing to a runtime that is there."""
    assert target.endpoint is not None
    endpoints.path_of(target.endpoint)
    for field in dataclasses.fields(target):
        value = getattr(target, field.name)
        if field.name in _MACHINES and value != field.default:
            raise UsageError(
                f"a runtime that is there is where it is: --cri-endpoint takes no {_option(field)}",
                value=str(value),
                origin=_option(field),
                causes=("a runtime that is started can be put into a virtual machine",),
                next_command=f"podresize runtime up --provider {GUEST}"
                + ("" if field.name == "provider" else f" {_option(field)} {value}"),
            )
    if target.tap or target.faults:
        raise UsageError(
            f"{'--tap' if target.tap else '--fault'} does not go together with --cri-endpoint",
            value=target.endpoint,
            origin=endpoints.ORIGIN,
            causes=("the tap is put before a runtime that is started",),
            next_command=" ".join(
                ["podresize runtime up --tap", *(f"--fault {each}" for each in target.faults)]
            ),
        )


def _option(field: dataclasses.Field[object]) -> str:
    return f"--{field.name.replace('_', '-')}"


def up(
    target: RuntimeTarget,
    *,
    owner: int | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> RuntimeHandle:
    """Return the runtime at the target's endpoint, with an image to run.

    ``owner`` is the process whose end makes what was brought in a leftover, None for this one.
    Raises ``UsageError`` for what is no CRI v1 socket, has no such handler or image, ``HostError``
    for one that cannot be used from here.
    """
    began = time.monotonic()

    def told(step: str) -> None:
        if tell is not None:
            tell(step, time.monotonic() - began)

    check_target(target)
    assert target.endpoint is not None
    path = endpoints.path_of(target.endpoint)
    peer = look_at(endpoints.connect(path))
    endpoints.check_protocol(path)
    run = mark(owner)
    with Asking(path) as asking, RuntimeClient(f"unix://{path}") as cri, _explained(path):
        asking.check_version()
        _check_ready(asking, path)
        told("runtime answers CRI v1")
        host = hosts.inspect()
        asking.remove_what_is_left()
        _remove_cgroups_left(host)
        settings = handler_settings(cri.status_info(), target.handler)
        driver, parent = _cgroups(asking, settings, run)
        _check_handler(asking, settings, target.handler, cgroup_parent=parent)
        told("handler found")
        image = target.image or _our_image(asking, peer, run, progress)
        if target.image is not None:
            _pull_theirs(asking, target.image)
        told("image there")
        program, ask, oci_handle, missing = _oci_runtime(settings, peer)
        mounts, unseen = _mounts(host, peer)
        found = fingerprint.detect(
            cri,
            settings=settings,
            handler=target.handler,
            program=program,
            ask=ask,
            cgroup_driver=driver,
            host=host,
            limits=(*host_limits(host), *missing, *unseen, *_out_of_hand(oci_handle)),
        )
        told("fingerprint taken")
    return RuntimeHandle(
        endpoint=f"unix://{path}",
        name=None,
        image=image,
        cgroup_mounts=mounts,
        proc=peer.proc,
        cgroup_parent=parent.removeprefix("/"),
        oci=oci_handle,
        fingerprint=found,
    )


def _out_of_hand(oci_handle: OciHandle | None) -> tuple[str, ...]:
    """Return what cannot be done to a runtime that is somebody's, as reasons for unsupported."""
    unpaused = "no pause (CRI has no call for it, and the OCI runtime is out of reach)"
    return (
        "no control (a runtime that is there is not restarted)",
        *((unpaused,) if oci_handle is None else ()),
    )


def end(handle: RuntimeHandle) -> None:
    """Take away what ``up`` brought: our image, and the cgroup below which sandboxes were made.

    A runtime that has ended meanwhile is left alone, and so is a cgroup that is not this user's.
    Raises ``HostError`` where the runtime refuses.
    """
    path = endpoints.path_of(handle.endpoint)
    if is_ours(handle.image):
        with contextlib.suppress(UsageError, HostError):
            endpoints.connect(path)
            with Asking(path) as asking, _explained(path):
                asking.remove_image(handle.image)
    if handle.cgroup_mounts:
        _remove_cgroup(handle.cgroup_parent)


def _remove_cgroup(name: str) -> None:
    with contextlib.suppress(PermissionError):
        cgroups.remove(name, deadline=time.monotonic() + _CLEANING_SECONDS)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn a call that failed into words for a person."""
    try:
        yield
    except (grpc.RpcError, CriError) as error:
        code = error.code if isinstance(error, CriError) else error.code().name
        message = error.message if isinstance(error, CriError) else error.details()
        if code == grpc.StatusCode.DEADLINE_EXCEEDED.name:
            raise endpoints.silent(path) from error
        raise HostError(
            f"the runtime refused a call: {code}: {message}",
            value=str(path),
            origin=endpoints.ORIGIN,
            causes=("its log says why",),
            next_command="journalctl -u containerd -n 50",
        ) from error


def _check_ready(asking: Asking, path: Path) -> None:
    holds, why = asking.conditions().get("RuntimeReady", (True, ""))
    if not holds:
        raise HostError(
            f"the runtime says that it is not ready: {why}",
            value=str(path),
            origin="its RuntimeReady condition, by CRI Status",
            causes=("it is starting", "its configuration is broken; its log says how"),
            next_command="journalctl -u containerd -n 50",
        )


def _cgroups(asking: Asking, settings: HandlerSettings, run: str) -> tuple[str, str]:
    """Return the driver and the parent of sandboxes as that driver wants it."""
    driver = asking.cgroup_driver()
    if driver is None:
        driver = fingerprint.cgroup_driver(settings) if settings.is_known else UNKNOWN
    if driver == "systemd":
        # Without a hyphen: systemd would put it below another slice (systemd.slice(5)).
        return driver, f"podresize{run.replace('-', 'x')}.slice"
    return driver, f"/{_CGROUP}{run}"


def _remove_cgroups_left(host: hosts.Host) -> None:
    """Remove the cgroups of runs that were killed."""
    for mount in host.cgroup_mounts.values():
        for place in mount.glob(f"{_CGROUP}*"):
            if has_ended(place.name.removeprefix(_CGROUP)):
                _remove_cgroup(place.name)


def _check_handler(
    asking: Asking, settings: HandlerSettings, handler: str, *, cgroup_parent: str
) -> None:
    """Raise ``UsageError`` for a handler that the runtime has not; ask for a sandbox if need be."""
    if not handler:
        return
    known = set(asking.handlers()) | set(settings.all_handlers)
    if handler in known:
        return
    why = ""
    if not known:
        try:
            asking.try_sandbox(handler, cgroup_parent=cgroup_parent)
        except grpc.RpcError as error:
            why = f"it refuses a sandbox: {error.details()}"
        else:
            return
    there = ", ".join(sorted(each for each in known if each)) or "not to be had from it"
    raise UsageError(
        "the runtime has no such handler",
        value=handler,
        origin="--handler",
        causes=(
            *((why,) if why else ()),
            f"its handlers: {there}",
            "a handler is a key of containerd's runtimes, or of crio.runtime.runtimes",
        ),
        next_command=_again(asking, " # the default handler"),
    )


def _our_image(asking: Asking, peer: Peer, run: str, progress: Progress | None) -> str:
    """Return the name under which the runtime has our image, bringing it where it has not."""
    if asking.has_image(WORKLOAD):
        return WORKLOAD
    archive = get_artifact(Component.IMAGES, progress=progress).files["workload.tar"]
    name = ""
    try:
        with serving(archive, mark=run, network=peer.network) as name:
            asking.pull(name)
    except (OSError, grpc.RpcError) as error:
        why = error.details() if isinstance(error, grpc.RpcError) else str(error)
        raise HostError(
            f"the runtime does not pull podresize's image: {why}",
            value=name or WORKLOAD,
            origin="a registry on the loopback, by plain HTTP",
            causes=(
                "its registry configuration wants TLS of localhost as well, or a mirror",
                "it runs in a network namespace in which this process's loopback is not",
            ),
            next_command=_again(asking, "--image a.registry/workload:1"),
        ) from error
    return name


def _again(asking: Asking, options: str) -> str:
    return f"podresize runtime up {endpoints.ORIGIN} unix://{asking.path} {options}"


def _pull_theirs(asking: Asking, image: str) -> None:
    if asking.has_image(image):
        return
    try:
        asking.pull(image)
    except grpc.RpcError as error:
        raise UsageError(
            f"the runtime has no such image and does not pull it: {error.details()}",
            value=image,
            origin="--image",
            causes=("a typing error", "its registry is out of reach or wants a login"),
            next_command="podresize artifacts get images  # workload.tar, for a registry of yours",
        ) from error


def _oci_runtime(
    settings: HandlerSettings, peer: Peer
) -> tuple[Path | None, Callable[[Path], str], OciHandle | None, tuple[str, ...]]:
    """Return the program as the runtime names it, how to ask it, its handle, what is missing."""

    def without(why: str) -> tuple[str, ...]:
        return (f"no oci-state ({why})",)

    if not settings.is_known:
        return None, ask_program, None, without("the runtime does not tell its OCI runtime")
    configured = settings.program
    if settings.config_path is not None:
        try:
            configured = oci.configured_program(peer.path(settings.config_path))
        except (OSError, ValueError) as error:
            return None, ask_program, None, without(f"{settings.config_path}: {error}")
    program = peer.find_program(configured)
    if program is None:
        return None, ask_program, None, without(f"{configured} is out of reach")
    if peer.others & {"pid", "mnt"}:
        why = "the runtime is in other namespaces than this process"
        return program, lambda each: _ask_inside(peer, each), None, without(why)
    if os.geteuid() != 0:
        return program, ask_program, None, without("its states are root's")
    kind = program.name if program.name in ("runc", "crun", "runsc") else settings.handler
    root = (settings.root or oci.DEFAULT_ROOT) / oci.NAMESPACE
    return program, ask_program, OciHandle(kind=kind, program=program, root=root), ()


def _ask_inside(peer: Peer, program: Path) -> str:
    return subprocess.run(
        ["nsenter", f"--target={peer.pid}", "--mount", "--", str(program), "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    ).stdout


def _mounts(host: hosts.Host, peer: Peer) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Return the cgroup mounts below which the runtime's containers are seen, and what is not."""
    if "cgroup" in peer.others:
        why = (
            "the runtime is in another cgroup namespace"
            if peer.pid
            else "the process that listens is not to be seen from here"
        )
        return {}, (f"no cgroup ({why})",)
    return host.cgroup_mounts, ()
