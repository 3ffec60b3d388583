"""CRI v1 as a client that acts: sandboxes and containers without a kubelet.

What the runtime is asked for by a check goes through here, so a tap tells of it; what a witness
asks goes through ``RuntimeClient``. An error of the runtime is an answer and no exception where
the check is about the answer (``update``), else a ``CriError``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import grpc
from cri_api.v1 import api_pb2, api_pb2_grpc

from podresize.closing import Closing
from podresize.cri.client import CHANNEL_OPTIONS, CriError
from podresize.cri.service import Executed, Sandbox
from podresize.evidence.updates.update import OK, Answer

CALL_TIMEOUT = 30.0
"""Seconds for one call: those that start something take long on a busy host."""
_EXECUTE_SECONDS = 20
NAMESPACE = "podresize"
RUN_LABEL = "podresize/run"


class ContainerService(Closing):
    """A connection to one runtime for those who make containers; may be shared between threads.

    ``labels`` are put on every sandbox beside the run's id: by them a later run finds what this
    process left when it was killed. ``slowness`` is how many times as long as here everything may
    take where the runtime is.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        timeout: float = CALL_TIMEOUT,
        labels: Mapping[str, str] | None = None,
        slowness: float = 1.0,
    ) -> None:
        self._labels = dict(labels or {})
        self.endpoint = endpoint
        self._timeout = timeout * slowness
        self._execute_seconds = round(_EXECUTE_SECONDS * slowness)
        self._channel = grpc.insecure_channel(endpoint, options=CHANNEL_OPTIONS)
        # The published stubs carry no types.
        self._stub = api_pb2_grpc.RuntimeServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._lock = threading.Lock()

    def run_sandbox(
        self,
        *,
        name: str,
        run: str,
        cgroup_parent: str,
        handler: str = "",
        log_directory: str = "",
    ) -> Sandbox:
        """Start a sandbox on the node's network, which needs no CNI, and return it.

        ``run`` is the run's id, by which leftovers are found. Raises ``CriError``.
        """
        node = api_pb2.NamespaceOption(network=api_pb2.NODE)
        config = api_pb2.PodSandboxConfig(
            metadata=api_pb2.PodSandboxMetadata(name=name, uid=name, namespace=NAMESPACE),
            log_directory=log_directory,
            labels={RUN_LABEL: run, **self._labels},
            linux=api_pb2.LinuxPodSandboxConfig(
                cgroup_parent=cgroup_parent,
                security_context=api_pb2.LinuxSandboxSecurityContext(namespace_options=node),
            ),
        )
        request = api_pb2.RunPodSandboxRequest(config=config, runtime_handler=handler)
        answer = self._call("RunPodSandbox", request)
        return Sandbox(id=answer.pod_sandbox_id, cgroup_parent=cgroup_parent, config=config)

    def create(
        self,
        sandbox: Sandbox,
        *,
        name: str,
        image: str,
        resources: Mapping[str, Any],
        arguments: tuple[str, ...] = (),
        log_path: str = "",
    ) -> str:
        """Create a container and return its id. ``resources`` are LinuxContainerResources by field.

        Raises ``CriError``.
        """
        node = api_pb2.NamespaceOption(network=api_pb2.NODE)
        config = api_pb2.ContainerConfig(
            metadata=api_pb2.ContainerMetadata(name=name),
            image=api_pb2.ImageSpec(image=image),
            args=arguments,
            log_path=log_path,
            labels=sandbox.config.labels,
            linux=api_pb2.LinuxContainerConfig(
                resources=linux_resources(resources),
                security_context=api_pb2.LinuxContainerSecurityContext(namespace_options=node),
            ),
        )
        request = api_pb2.CreateContainerRequest(
            pod_sandbox_id=sandbox.id, config=config, sandbox_config=sandbox.config
        )
        return str(self._call("CreateContainer", request).container_id)

    def start(self, container: str) -> None:
        """Start a created container. Raises ``CriError``."""
        self._call("StartContainer", api_pb2.StartContainerRequest(container_id=container))

    def update(self, container: str, fields: Mapping[str, Any], *, empty: bool = False) -> Answer:
        """Ask for other resources and return the answer, an error included.

        With ``empty`` the request has no LinuxContainerResources at all.
        """
        request = api_pb2.UpdateContainerResourcesRequest(container_id=container)
        if not empty:
            request.linux.CopyFrom(linux_resources(fields))
        return self._answer("UpdateContainerResources", request)

    def update_sandbox(self, sandbox: str, fields: Mapping[str, Any]) -> Answer:
        """Ask for other resources of a sandbox and return the answer, an error included."""
        request = api_pb2.UpdatePodSandboxResourcesRequest(
            pod_sandbox_id=sandbox,
            overhead=api_pb2.LinuxContainerResources(),
            resources=linux_resources(fields),
        )
        return self._answer("UpdatePodSandboxResources", request)

    def execute(self, container: str, *command: str) -> Executed:
        """Run a command in a container to its end. Raises ``CriError``."""
        request = api_pb2.ExecSyncRequest(
            container_id=container, cmd=command, timeout=self._execute_seconds
        )
        answer = self._call("ExecSync", request)
        return Executed(
            code=answer.exit_code,
            stdout=answer.stdout.decode(errors="replace"),
            stderr=answer.stderr.decode(errors="replace"),
        )

    def checkpoint(self, container: str, location: str) -> Answer:
        """Ask for a checkpoint into a file and return the answer, an error included."""
        request = api_pb2.CheckpointContainerRequest(container_id=container, location=location)
        return self._answer("CheckpointContainer", request)

    def stop(self, container: str, *, seconds: int = 0) -> None:
        """Stop a container, by force after so many seconds. Raises ``CriError``."""
        request = api_pb2.StopContainerRequest(container_id=container, timeout=seconds)
        self._call("StopContainer", request)

    def remove(self, container: str) -> None:
        """Remove a container, by force if it runs. Raises ``CriError``."""
        self._call("RemoveContainer", api_pb2.RemoveContainerRequest(container_id=container))

    def remove_sandbox(self, sandbox: str) -> None:
        """Stop a sandbox and remove it with its containers. Raises ``CriError``."""
        self._call("StopPodSandbox", api_pb2.StopPodSandboxRequest(pod_sandbox_id=sandbox))
        self._call("RemovePodSandbox", api_pb2.RemovePodSandboxRequest(pod_sandbox_id=sandbox))

    def sandboxes(self, *, run: str) -> list[str]:
        """Return the ids of a run's sandboxes, whatever their state. Raises ``CriError``."""
        selector = api_pb2.PodSandboxFilter(label_selector={RUN_LABEL: run})
        answer = self._call("ListPodSandbox", api_pb2.ListPodSandboxRequest(filter=selector))
        return [item.id for item in answer.items]

    def close(self) -> None:
        """Close the connection; calls under way end with ``CANCELLED``."""
        self._channel.close()

    def _answer(self, name: str, request: object) -> Answer:
        began = time.monotonic()
        try:
            getattr(self._stub, name)(request, timeout=self._timeout)
        except grpc.RpcError as error:
            # Every error of a call is also a grpc.Call, which its type does not say.
            return Answer(
                code=error.code().name,
                message=(error.details() or "").strip(),
                seconds=time.monotonic() - began,
            )
        return Answer(code=OK, seconds=time.monotonic() - began)

    def _call(self, name: str, request: object) -> Any:
        try:
            return getattr(self._stub, name)(request, timeout=self._timeout)
        except grpc.RpcError as error:
            code, details = error.code().name, error.details() or ""
            raise CriError(code=code, message=details, call=name, endpoint=self.endpoint) from error


def linux_resources(fields: Mapping[str, Any]) -> Any:
    """Return a LinuxContainerResources; ``hugepage_limits`` is a mapping of page size to limit."""
    plain = {name: value for name, value in fields.items() if name != "hugepage_limits"}
    return api_pb2.LinuxContainerResources(
        hugepage_limits=[
            api_pb2.HugepageLimit(page_size=page, limit=limit)
            for page, limit in fields.get("hugepage_limits", {}).items()
        ],
        **plain,
    )
