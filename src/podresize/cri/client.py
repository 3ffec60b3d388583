"""CRI v1, as far as a witness needs it: what the runtime says of containers and sandboxes.

The client only reads. What the runtime left out is kept apart from what it set to nothing: a
status without ``resources`` is a finding of its own (KEP-1287, "CRI changes").
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import grpc
from cri_api.v1 import api_pb2, api_pb2_grpc
from google.protobuf.json_format import MessageToDict

from podresize.closing import Closing
from podresize.errors import HarnessError, HostError

CALL_TIMEOUT = 5.0
POD_UID_LABEL = "io.kubernetes.pod.uid"
# sockaddr_un.sun_path holds 108 bytes with its final zero.
LONGEST_SOCKET_PATH = 107
OWN = (("podresize-witness", "1"),)
"""The metadata of a witness's calls: a tap passes them on and tells nobody of them."""
CHANNEL_OPTIONS = (
    # A runtime that is restarted by a check must be found again at once: gRPC's own back-off goes
    # up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    # By its name a pause between attempts, in effect also the time that one attempt may take: at
    # 100 ms a host under load never got a connection.
    ("grpc.min_reconnect_backoff_ms", 5000),
    # Verbose statuses carry the whole OCI specification.
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # A proxy from the environment has nothing to do with a unix socket.
    ("grpc.enable_http_proxy", 0),
)


class CriError(HarnessError):
    """The runtime refused a call or did not answer it.

    ``code`` is the gRPC code's name (``NOT_FOUND``, ``UNAVAILABLE``, ``DEADLINE_EXCEEDED``),
    ``message`` its detail. Common causes: the container is gone; the runtime died or hangs (its
    log says why); the socket belongs to another runtime.
    """

    def __init__(self, *, code: str, message: str, call: str, endpoint: str) -> None:
        super().__init__(
            f"the runtime did not answer {call}: {code}: {message}",
            value=endpoint,
            origin="the node's CRI endpoint",
            causes=("the container is gone", "the runtime died or hangs; its log says why"),
        )
        self.code = code
        self.message = message


class RuntimeClient(Closing):
    """A connection to one runtime; may be shared between threads.

    ``endpoint`` is ``unix:///path`` (or a bare path). The connection is made by the first call and
    made again when it is lost. Every call has a deadline: ``timeout`` seconds. Raises ``HostError``
    for a socket path that the kernel cannot take.
    """

    def __init__(self, endpoint: str, *, timeout: float = CALL_TIMEOUT) -> None:
        self.endpoint = endpoint if "://" in endpoint else f"unix://{endpoint}"
        path = self.endpoint.removeprefix("unix://")
        if self.endpoint.startswith("unix://") and len(path.encode()) > LONGEST_SOCKET_PATH:
            raise HostError(
                f"the runtime's socket path has {len(path.encode())} bytes; "
                f"the kernel takes {LONGEST_SOCKET_PATH}",
                value=path,
                origin="the node's CRI endpoint",
                causes=("the cluster's name or state directory is too long",),
            )
        self._timeout = timeout
        self._channel = grpc.insecure_channel(self.endpoint, options=CHANNEL_OPTIONS)
        # The published stubs carry no types.
        self._stub = api_pb2_grpc.RuntimeServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._images = api_pb2_grpc.ImageServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._lock = threading.Lock()
        self._under_way: dict[int, Any] = {}

    def wait_connected(self, *, seconds: float) -> None:
        """Return when the runtime takes calls. Raises ``CriError`` when it does not in time.

        A witness that looks for the first time must not be the one to find out that a loaded host
        takes long to connect.
        """
        try:
            grpc.channel_ready_future(self._channel).result(timeout=seconds)
        except grpc.FutureTimeoutError as error:
            message = f"no connection within {seconds:g} s"
            raise self._error("connect", "UNAVAILABLE", message) from error

    def version(self) -> dict[str, str]:
        """Return ``runtime_name``, ``runtime_version``, ``runtime_api_version``, ``version``."""
        answer = self._call("Version", api_pb2.VersionRequest(version="v1"))
        return {
            "version": answer.version,
            "runtime_name": answer.runtime_name,
            "runtime_version": answer.runtime_version,
            "runtime_api_version": answer.runtime_api_version,
        }

    def status_info(self) -> dict[str, Any]:
        """Return the runtime's own JSON objects from a verbose ``Status``, by key.

        containerd gives its CRI plugin's settings under ``config``. Raises ``CriError``.
        """
        return _info(self._call("Status", api_pb2.StatusRequest(verbose=True)).info)

    def container_status(
        self,
        container_id: str,
        *,
        verbose: bool = False,
        stopping: threading.Event | None = None,
    ) -> dict[str, Any]:
        """Return ``{"id", "state", "started_at", "resources"}`` of a container.

        ``container_id`` may carry the ``containerd://`` prefix of a pod's status. ``state`` is the
        enum's name (``CONTAINER_RUNNING``), ``started_at`` nanoseconds since the epoch.
        ``resources`` is None when the runtime reports none, else the Linux fields that are set
        (protobuf cannot tell 0 from unset). ``verbose`` adds ``info``: the runtime's own JSON
        objects by key. A call is not begun once ``stopping`` is set. Raises ``CriError``.
        """
        request = api_pb2.ContainerStatusRequest(
            container_id=container_id.rpartition("://")[2], verbose=verbose
        )
        answer = self._call("ContainerStatus", request, stopping=stopping)
        status = answer.status
        found = {
            "id": status.id,
            "state": api_pb2.ContainerState.Name(status.state),
            "started_at": status.started_at,
            "resources": linux_fields(status.resources.linux)
            if status.HasField("resources")
            else None,
        }
        return found | {"info": _info(answer.info)} if verbose else found

    def whole_status(self, container_id: str) -> dict[str, Any]:
        """Return all of a container's ``ContainerStatus`` as JSON has it. Raises ``CriError``."""
        request = api_pb2.ContainerStatusRequest(container_id=container_id)
        answer = self._call("ContainerStatus", request)
        return dict(MessageToDict(answer.status, preserving_proto_field_name=True))

    def has_image(self, name: str) -> bool:
        """Return whether pods can run the image of that name without a registry."""
        request = api_pb2.ImageStatusRequest(image=api_pb2.ImageSpec(image=name))
        answer = self._call("ImageStatus", request, stub=self._images)
        return bool(answer.HasField("image"))

    def list_containers(self, pod_uid: str | None = None) -> list[dict[str, Any]]:
        """Return the containers, dead ones included, of one pod or of all.

        Each is ``{"id", "name", "attempt", "state", "created_at", "pod_sandbox_id", "labels"}``,
        oldest first.
        """
        selector = {POD_UID_LABEL: pod_uid} if pod_uid is not None else {}
        request = api_pb2.ListContainersRequest(
            filter=api_pb2.ContainerFilter(label_selector=selector)
        )
        containers = self._call("ListContainers", request).containers
        return [
            {
                "id": container.id,
                "name": container.metadata.name,
                "attempt": container.metadata.attempt,
                "state": api_pb2.ContainerState.Name(container.state),
                "created_at": container.created_at,
                "pod_sandbox_id": container.pod_sandbox_id,
                "labels": dict(container.labels),
            }
            for container in sorted(containers, key=lambda container: container.created_at)
        ]

    def list_pod_sandboxes(self, pod_uid: str | None = None) -> list[dict[str, Any]]:
        """Return the sandboxes, dead ones included, of one pod or of all.

        Each is ``{"id", "name", "namespace", "uid", "attempt", "state", "created_at"}``.
        """
        selector = {POD_UID_LABEL: pod_uid} if pod_uid is not None else {}
        request = api_pb2.ListPodSandboxRequest(
            filter=api_pb2.PodSandboxFilter(label_selector=selector)
        )
        sandboxes = self._call("ListPodSandbox", request).items
        return [
            {
                "id": sandbox.id,
                "name": sandbox.metadata.name,
                "namespace": sandbox.metadata.namespace,
                "uid": sandbox.metadata.uid,
                "attempt": sandbox.metadata.attempt,
                "state": api_pb2.PodSandboxState.Name(sandbox.state),
                "created_at": sandbox.created_at,
            }
            for sandbox in sorted(sandboxes, key=lambda sandbox: sandbox.created_at)
        ]

    def cancel(self, *, thread: int) -> None:
        """Cancel the call that the thread with this ident is waiting for, if any.

        Who sets the ``stopping`` of that thread's calls first can be sure that none is missed.
        """
        with self._lock:
            call = self._under_way.get(thread)
        if call is not None:
            call.cancel()

    def close(self) -> None:
        """Close the connection; calls under way end with ``CANCELLED``."""
        self._channel.close()

    def _call(
        self,
        name: str,
        request: object,
        *,
        stopping: threading.Event | None = None,
        stub: object | None = None,
    ) -> Any:
        thread = threading.get_ident()
        try:
            # Within the lock: a cancel comes before the question, or finds the call.
            with self._lock:
                if stopping is not None and stopping.is_set():
                    raise self._error(name, "CANCELLED", "its caller is stopping")
                call = getattr(stub or self._stub, name).future(
                    request, timeout=self._timeout, metadata=OWN
                )
                self._under_way[thread] = call
            return call.result()
        except grpc.FutureCancelledError as error:
            raise self._error(name, "CANCELLED", "cancelled by its caller") from error
        except grpc.RpcError as error:
            # Every error of a call is also a grpc.Call, which its type does not say.
            code, details = error.code().name, error.details() or ""
            raise self._error(name, code, details) from error
        except ValueError as error:
            raise self._error(name, "CANCELLED", str(error)) from error  # the channel is closed
        finally:
            with self._lock:
                self._under_way.pop(thread, None)

    def _error(self, call: str, code: str, message: str) -> CriError:
        return CriError(code=code, message=message, call=call, endpoint=self.endpoint)


def linux_fields(linux: Any) -> dict[str, Any]:
    """Return the set fields of a ``LinuxContainerResources`` by their CRI names."""
    found: dict[str, Any] = {}
    for field, value in linux.ListFields():
        if field.name == "hugepage_limits":
            found[field.name] = {limit.page_size: limit.limit for limit in value}
        elif field.name == "unified":
            found[field.name] = dict(value)
        else:
            found[field.name] = value
    return found


def _info(info: Mapping[str, str]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for key, text in info.items():
        try:
            parsed[key] = json.loads(text)
        except ValueError:
            parsed[key] = text  # some runtimes put plain text there
    return parsed
