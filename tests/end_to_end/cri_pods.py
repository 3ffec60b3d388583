"""A pod and a container at the CRI, without a kubelet: what a runtime alone is asked."""

from __future__ import annotations

from typing import Any

import grpc
from cri_api.v1 import api_pb2, api_pb2_grpc

from podresize.artifacts.images import WORKLOAD

_SECONDS = 30.0


def pull_image(endpoint: str, name: str) -> None:
    """Have the runtime pull an image."""
    with grpc.insecure_channel(endpoint) as channel:
        stub = api_pb2_grpc.ImageServiceStub(channel)  # type: ignore[no-untyped-call]
        request = api_pb2.PullImageRequest(image=api_pb2.ImageSpec(image=name))
        stub.PullImage(request, timeout=_SECONDS)


class CriPod:
    """A running sandbox in its node's network with one running container, the probe."""

    def __init__(
        self,
        endpoint: str,
        *,
        cgroup_parent: str,
        resources: dict[str, Any],
        image: str = WORKLOAD,
        labels: dict[str, str] | None = None,
    ) -> None:
        self._channel = grpc.insecure_channel(endpoint)
        self._stub = api_pb2_grpc.RuntimeServiceStub(self._channel)  # type: ignore[no-untyped-call]
        options = api_pb2.NamespaceOption(network=api_pb2.NODE, pid=api_pb2.CONTAINER)
        sandbox = api_pb2.PodSandboxConfig(
            metadata=api_pb2.PodSandboxMetadata(name="alone", uid="alone", namespace="cri"),
            log_directory="/tmp",
            labels=labels,
            linux=api_pb2.LinuxPodSandboxConfig(
                cgroup_parent=cgroup_parent,
                security_context=api_pb2.LinuxSandboxSecurityContext(namespace_options=options),
            ),
        )
        self.sandbox = self._ask("RunPodSandbox", config=sandbox).pod_sandbox_id
        container = api_pb2.ContainerConfig(
            metadata=api_pb2.ContainerMetadata(name="probe"),
            image=api_pb2.ImageSpec(image=image),
            log_path="probe.log",
            linux=api_pb2.LinuxContainerConfig(
                resources=api_pb2.LinuxContainerResources(**resources),
                security_context=api_pb2.LinuxContainerSecurityContext(namespace_options=options),
            ),
        )
        self.container = self._ask(
            "CreateContainer",
            pod_sandbox_id=self.sandbox,
            config=container,
            sandbox_config=sandbox,
        ).container_id
        self._ask("StartContainer", container_id=self.container)

    def update(self, **resources: Any) -> None:
        """Ask the runtime for other resources, as the kubelet does for a resize."""
        self._ask(
            "UpdateContainerResources",
            container_id=self.container,
            linux=api_pb2.LinuxContainerResources(**resources),
        )

    def remove(self) -> None:
        """Remove container and sandbox."""
        self._ask("StopPodSandbox", pod_sandbox_id=self.sandbox)
        self._ask("RemovePodSandbox", pod_sandbox_id=self.sandbox)

    def close(self) -> None:
        """Close the connection; the pod goes with its runtime."""
        self._channel.close()

    def _ask(self, call: str, **fields: Any) -> Any:
        request = getattr(api_pb2, f"{call}Request")(**fields)
        return getattr(self._stub, call)(request, timeout=_SECONDS)
