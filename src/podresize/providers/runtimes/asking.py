"""The CRI calls that it takes to come to a runtime that is there, and to leave it as it was."""

from __future__ import annotations

from pathlib import Path

import grpc
from cri_api.v1 import api_pb2, api_pb2_grpc

from podresize.closing import Closing
from podresize.cri.client import CHANNEL_OPTIONS
from podresize.providers.marks import has_ended, mark
from podresize.providers.runtimes import endpoint as endpoints
from podresize.providers.runtimes.image_server import REPOSITORY

OWNER_LABEL = "podresize.owner"
"""The label of a sandbox, with ``marks.mark()`` as its value: the next run removes it if that
process has ended."""
# A pull of 3 MB from the loopback, and a sandbox, on a host with much else to do.
_LONG_SECONDS = 120.0


class Asking(Closing):
    """A connection to the runtime at a socket. Calls raise ``grpc.RpcError``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seconds = endpoints.ANSWER_SECONDS
        self._channel = grpc.insecure_channel(f"unix://{path}", options=CHANNEL_OPTIONS)
        # The published stubs carry no types.
        self._stub = api_pb2_grpc.RuntimeServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._images = api_pb2_grpc.ImageServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def check_version(self) -> None:
        """Return where CRI v1 is spoken. Raises ``UsageError`` and ``HostError``."""
        try:
            self._stub.Version(api_pb2.VersionRequest(version="v1"), timeout=self._seconds)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise endpoints.silent(self.path) from error
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise endpoints.not_cri(self.path, f"{error.code().name}: {error.details()}") from (
                    error
                )
            old = self._old_version()
            if old is not None:
                raise endpoints.only_v1alpha2(self.path, old) from error
            raise endpoints.not_cri(self.path, str(error.details())) from error

    def _old_version(self) -> str | None:
        """Return what a runtime says of itself by v1alpha2, whose messages are v1's; else None."""
        call = self._channel.unary_unary(
            "/runtime.v1alpha2.RuntimeService/Version",
            request_serializer=api_pb2.VersionRequest.SerializeToString,
            response_deserializer=api_pb2.VersionResponse.FromString,
        )
        try:
            answer = call(api_pb2.VersionRequest(version="v1alpha2"), timeout=self._seconds)
        except grpc.RpcError:
            return None
        return f"{answer.runtime_name} {answer.runtime_version}"

    def conditions(self) -> dict[str, tuple[bool, str]]:
        """Return of each condition of the runtime whether it holds, and the reason given."""
        answer = self._stub.Status(api_pb2.StatusRequest(), timeout=self._seconds)
        return {
            each.type: (each.status, f"{each.reason}: {each.message}".strip(": "))
            for each in answer.status.conditions
        }

    def handlers(self) -> tuple[str, ...]:
        """Return the handlers that the runtime lists; none of one that predates the list."""
        answer = self._stub.Status(api_pb2.StatusRequest(), timeout=self._seconds)
        return tuple(each.name for each in answer.runtime_handlers)

    def cgroup_driver(self) -> str | None:
        """Return ``cgroupfs`` or ``systemd``; None of a runtime without ``RuntimeConfig``."""
        try:
            answer = self._stub.RuntimeConfig(api_pb2.RuntimeConfigRequest(), timeout=self._seconds)
        except grpc.RpcError:
            return None
        if not answer.HasField("linux"):
            return None
        return str(api_pb2.CgroupDriver.Name(answer.linux.cgroup_driver)).lower()

    def try_sandbox(self, handler: str, *, cgroup_parent: str) -> None:
        """Start a sandbox in the host's network, and remove it."""
        options = api_pb2.NamespaceOption(network=api_pb2.NODE, pid=api_pb2.CONTAINER)
        config = api_pb2.PodSandboxConfig(
            metadata=api_pb2.PodSandboxMetadata(
                name="podresize-trial", uid=mark(), namespace="podresize"
            ),
            labels={OWNER_LABEL: mark()},
            linux=api_pb2.LinuxPodSandboxConfig(
                cgroup_parent=cgroup_parent,
                security_context=api_pb2.LinuxSandboxSecurityContext(namespace_options=options),
            ),
        )
        request = api_pb2.RunPodSandboxRequest(config=config, runtime_handler=handler)
        self.remove_sandbox(self._stub.RunPodSandbox(request, timeout=_LONG_SECONDS).pod_sandbox_id)

    def remove_sandbox(self, sandbox: str) -> None:
        """Stop and remove a sandbox with its containers."""
        self._stub.StopPodSandbox(
            api_pb2.StopPodSandboxRequest(pod_sandbox_id=sandbox), timeout=_LONG_SECONDS
        )
        self._stub.RemovePodSandbox(
            api_pb2.RemovePodSandboxRequest(pod_sandbox_id=sandbox), timeout=_LONG_SECONDS
        )

    def has_image(self, name: str) -> bool:
        """Return whether the runtime has an image of that name."""
        request = api_pb2.ImageStatusRequest(image=api_pb2.ImageSpec(image=name))
        return bool(self._images.ImageStatus(request, timeout=self._seconds).HasField("image"))

    def pull(self, name: str) -> None:
        """Have the runtime pull an image."""
        request = api_pb2.PullImageRequest(image=api_pb2.ImageSpec(image=name))
        self._images.PullImage(request, timeout=_LONG_SECONDS)

    def remove_image(self, name: str) -> None:
        """Remove an image; one that is not there is fine."""
        request = api_pb2.RemoveImageRequest(image=api_pb2.ImageSpec(image=name))
        self._images.RemoveImage(request, timeout=_LONG_SECONDS)

    def remove_what_is_left(self) -> list[str]:
        """Remove sandboxes and images of runs that were killed; name them."""
        sandboxes = self._stub.ListPodSandbox(
            api_pb2.ListPodSandboxRequest(), timeout=self._seconds
        ).items
        dead = [each.id for each in sandboxes if has_ended(each.labels.get(OWNER_LABEL, ""))]
        for each in dead:
            self.remove_sandbox(each)
        images = self._images.ListImages(api_pb2.ListImagesRequest(), timeout=self._seconds).images
        tags = [tag for image in images for tag in image.repo_tags]
        left = [tag for tag in tags if is_ours(tag) and has_ended(tag.rpartition(":")[2])]
        for tag in left:
            self.remove_image(tag)
        return dead + left


def is_ours(tag: str) -> bool:
    """Return whether an image's name is one under which ours is served."""
    return tag.startswith("127.0.0.1:") and f"/{REPOSITORY}:" in tag
