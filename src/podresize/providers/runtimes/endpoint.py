"""A CRI socket that somebody names: is it one, may it be used, does a CRI v1 runtime answer there?

Each way in which it is not is told apart before anything is asked of the runtime that would change
it.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from pathlib import Path

from podresize.cri.client import LONGEST_SOCKET_PATH
from podresize.errors import HostError, UsageError

ORIGIN = "--cri-endpoint"
ANSWER_SECONDS = 10.0
_RETRY = "podresize runtime up --cri-endpoint"
# Where runtimes listen by default: containerd, CRI-O, cri-dockerd, k3s, MicroK8s.
KNOWN = (
    Path("/run/containerd/containerd.sock"),
    Path("/run/crio/crio.sock"),
    Path("/run/cri-dockerd.sock"),
    Path("/run/k3s/containerd/containerd.sock"),
    Path("/var/snap/microk8s/common/run/containerd.sock"),
)
_PING = b"GET /_ping HTTP/1.1\r\nHost: podresize\r\nConnection: close\r\n\r\n"
_HTTP2_SETTINGS = 4  # the type of the frame that a server begins with (RFC 9113, 3.4)


def path_of(endpoint: str, *, known: tuple[Path, ...] = KNOWN) -> Path:
    """Return the socket of ``unix:///path``, or of a bare path.

    Raises ``UsageError`` for what names no socket of this host.
    """
    text = endpoint.removeprefix("unix://")
    if "://" in text or not text.startswith("/"):
        raise UsageError(
            "not the address of a CRI socket",
            value=endpoint,
            origin=ORIGIN,
            causes=("it is written like unix:///run/containerd/containerd.sock",),
            next_command=_next(known),
        )
    if len(os.fsencode(text)) > LONGEST_SOCKET_PATH:
        raise UsageError(
            f"the socket's path has {len(os.fsencode(text))} bytes; "
            f"the kernel takes {LONGEST_SOCKET_PATH}",
            value=text,
            origin=ORIGIN,
            causes=("no process can listen there", "a symbolic link to its directory is shorter"),
        )
    return Path(text)


def connect(path: Path, *, known: tuple[Path, ...] = KNOWN) -> int:
    """Return the pid of the process that listens at a socket, 0 where it is not to be seen.

    Raises ``UsageError`` for no such socket and what is none, ``HostError`` for one without rights
    or listener.
    """
    try:
        mode = path.stat()
    except FileNotFoundError:
        there = [str(each) for each in known if each.exists()]
        raise UsageError(
            "there is no such socket",
            value=str(path),
            origin=ORIGIN,
            causes=(
                "the runtime does not run (systemctl status containerd)",
                f"it listens elsewhere; here are: {', '.join(there) or 'none of the usual ones'}",
            ),
            next_command=_next(known),
        ) from None
    except PermissionError as error:
        raise _no_rights(path, str(error)) from error
    except OSError as error:
        raise UsageError(
            f"the socket cannot be looked at: {error.strerror}", value=str(path), origin=ORIGIN
        ) from error
    if not stat.S_ISSOCK(mode.st_mode):
        raise UsageError(
            "this is no socket",
            value=f"{path} ({stat.filemode(mode.st_mode)})",
            origin=ORIGIN,
            causes=("a directory or a file has the name", "a typing error"),
            next_command=_next(known),
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except PermissionError as error:
            owner = f"{stat.filemode(mode.st_mode)} uid {mode.st_uid} gid {mode.st_gid}"
            raise _no_rights(path, owner) from error
        except ConnectionRefusedError as error:
            raise HostError(
                "nobody listens at this socket",
                value=str(path),
                origin=ORIGIN,
                causes=("the runtime has ended and left it", "the runtime is starting"),
                next_command="systemctl status containerd",
            ) from error
        except (TimeoutError, BlockingIOError) as error:
            raise silent(path) from error
        pid, _, _ = struct.unpack(
            "3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        )
        return int(pid)


def check_protocol(path: Path) -> None:
    """Return where a gRPC server answers.

    Raises ``UsageError`` for a server of another kind, with Docker's named, and ``HostError`` for
    one that says nothing within ``ANSWER_SECONDS``.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(str(path))
            probe.sendall(_PING)
            said = probe.recv(4096)
        except (TimeoutError, BlockingIOError) as error:
            raise silent(path) from error
        except OSError:
            said = b""
    if len(said) > 3 and said[3] == _HTTP2_SETTINGS and not said.startswith(b"HTTP/"):
        return
    head = said.lower()
    if b"\r\napi-version:" in head or b"\r\nserver: docker" in head:
        raise UsageError(
            "this is Docker's API socket, not a CRI one",
            value=str(path),
            origin=ORIGIN,
            causes=(
                "Docker speaks no CRI; cri-dockerd in front of it does, at /run/cri-dockerd.sock",
                "the containerd below Docker has a socket of its own",
            ),
            next_command=f"{_RETRY} unix:///run/containerd/containerd.sock",
        )
    raise not_cri(path, f"it answers {said[:40]!r} where gRPC begins with its settings")


def not_cri(path: Path, why: str) -> UsageError:
    """Return the error for a socket of something else."""
    return UsageError(
        "this is not a CRI socket",
        value=str(path),
        origin=ORIGIN,
        causes=(
            why,
            "it is another socket of the runtime (containerd.sock.ttrpc, a debug socket)",
            'containerd with disabled_plugins = ["cri"], as Docker\'s own package configures it',
        ),
        next_command=_next(KNOWN),
    )


def only_v1alpha2(path: Path, runtime: str) -> UsageError:
    """Return the error for a runtime that is too old."""
    return UsageError(
        "this runtime speaks CRI v1alpha2 only",
        value=f"{runtime} at {path}",
        origin=ORIGIN,
        causes=(
            "UpdateContainerResources and ContainerStatus.resources are asked of CRI v1, which the "
            "kubelet requires since 1.26; containerd serves it since 1.6, CRI-O since 1.20",
        ),
        next_command="podresize runtime up --containerd 1.6.8",
    )


def silent(path: Path) -> HostError:
    """Return the error for one that says nothing."""
    return HostError(
        f"the runtime does not answer within {ANSWER_SECONDS:g} s",
        value=str(path),
        origin=ORIGIN,
        causes=("it hangs or is too busy; its log says why", "what listens there is no runtime"),
        next_command="journalctl -u containerd -n 50",
    )


def _no_rights(path: Path, why: str) -> HostError:
    return HostError(
        "no rights on this socket",
        value=f"{path} ({why})",
        origin=ORIGIN,
        causes=(f"it is root's, or a group's, and this is uid {os.geteuid()}",),
        next_command=f"sudo {_RETRY} unix://{path}",
    )


def _next(known: tuple[Path, ...]) -> str:
    there = next((each for each in known if each.exists()), known[0])
    return f"{_RETRY} unix://{there}"
