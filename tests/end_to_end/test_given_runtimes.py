"""A runtime that is there: what is seen of it, what is brought into it, and what is no runtime."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cri_api.v1 import api_pb2, api_pb2_grpc
from tests.end_to_end.host_runtimes import containerd

from podresize.errors import HostError, UsageError
from podresize.providers.local import cgroups
from podresize.providers.runtimes import asking, endpoint, provider
from podresize.requirements.runtime_target import RuntimeTarget

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

RUN = """
import json, os, subprocess, sys
from tests.end_to_end.cri_pods import CriPod
from podresize.providers import marks
from podresize.providers.runtimes import asking, provider
from podresize.requirements.runtime_target import RuntimeTarget
handle = provider.up(RuntimeTarget(endpoint=sys.argv[1]))
pod = CriPod(
    handle.endpoint,
    cgroup_parent="/" + handle.cgroup_parent,
    resources={"cpu_shares": 300},
    image=handle.image,
    labels={asking.OWNER_LABEL: marks.mark()},
)
state = None
if handle.oci is not None:
    words = [handle.oci.program, "--root", handle.oci.root, "state", pod.container]
    state = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
print(json.dumps([handle.to_json(), state]), flush=True)
sys.stdin.readline()
pod.remove()
provider.end(handle)
"""


@pytest.fixture(scope="module", params=["1.6.36", "2.4.2"])
def there(real_host: object, request: pytest.FixtureRequest) -> Iterator[tuple[Path, int]]:
    assert real_host
    with containerd(request.param) as (directory, pid):
        yield directory / "containerd.sock", pid


def images(path: Path) -> set[str]:
    with grpc.insecure_channel(f"unix://{path}") as channel:
        stub = api_pb2_grpc.ImageServiceStub(channel)  # type: ignore[no-untyped-call]
        found = stub.ListImages(api_pb2.ListImagesRequest(), timeout=10).images
        return {tag for image in found for tag in image.repo_tags}


def sandboxes(path: Path) -> list[Any]:
    with grpc.insecure_channel(f"unix://{path}") as channel:
        stub = api_pb2_grpc.RuntimeServiceStub(channel)  # type: ignore[no-untyped-call]
        return list(stub.ListPodSandbox(api_pb2.ListPodSandboxRequest(), timeout=10).items)


def began(path: Path, *, inside: int | None = None) -> tuple[subprocess.Popen[str], Any, Any]:
    """Start a run against the runtime, in the namespaces of a process or in this one's."""
    enter = ["nsenter", f"--target={inside}", "--mount", "--pid"] if inside else []
    process = subprocess.Popen(
        [*enter, sys.executable, "-c", RUN, f"unix://{path}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    if not said:
        process.communicate(timeout=20)
        raise AssertionError("the run ended before it said anything")
    handle, state = json.loads(said)
    return process, handle, state


def test_it_gets_our_image_and_a_container_and_is_left_as_it_was(there: tuple[Path, int]) -> None:
    path, pid = there
    before = images(path)
    process, handle, state = began(path, inside=pid)

    assert state["status"] == "running"
    assert handle["image"] in images(path)
    assert cgroups.places(handle["cgroup_parent"]) != []
    assert handle["fingerprint"]["runtime"] == "containerd"
    assert "no oci-state" not in str(handle["fingerprint"]["host_limits"])

    process.communicate("end\n", timeout=60)
    assert process.returncode == 0
    assert images(path) == before
    assert sandboxes(path) == []
    assert cgroups.places(handle["cgroup_parent"]) == []


def test_what_this_process_cannot_see_of_it_is_said(there: tuple[Path, int]) -> None:
    path, pid = there

    handle = provider.up(RuntimeTarget(endpoint=str(path)))
    try:
        assert handle.oci is None
        assert "no oci-state (the runtime is in other namespaces than this process)" in (
            handle.fingerprint.host_limits
        )
        # The program says its version all the same, and the pids that it tells are found.
        assert handle.fingerprint.oci_runtime == "runc"
        assert handle.proc == Path(f"/proc/{pid}/root/proc")
    finally:
        provider.end(handle)


def test_what_a_killed_run_left_is_removed_by_the_next(there: tuple[Path, int]) -> None:
    path, _ = there
    process, handle, _ = began(path)
    process.kill()
    process.communicate(timeout=20)
    assert handle["image"] in images(path)
    assert len(sandboxes(path)) == 1

    provider.end(provider.up(RuntimeTarget(endpoint=str(path))))

    assert sandboxes(path) == []
    assert handle["image"] not in images(path)
    assert cgroups.places(handle["cgroup_parent"]) == []


def test_a_handler_that_it_has_not(there: tuple[Path, int]) -> None:
    path, _ = there
    before = images(path)

    with pytest.raises(UsageError, match="no such handler") as caught:
        provider.up(RuntimeTarget(endpoint=str(path), handler="kata"))

    assert "its handlers: runc" in str(caught.value)
    assert images(path) == before
    with pytest.raises(grpc.RpcError), asking.Asking(path) as runtime:
        runtime.try_sandbox("kata", cgroup_parent="/podresize-trial")
    assert sandboxes(path) == []


def test_an_image_that_it_neither_has_nor_gets(there: tuple[Path, int]) -> None:
    path, _ = there

    with pytest.raises(UsageError, match="no such image") as caught:
        provider.up(RuntimeTarget(endpoint=str(path), image="127.0.0.1:9/none:1"))

    assert caught.value.origin == "--image"


def test_an_image_of_the_users(there: tuple[Path, int]) -> None:
    path, _ = there

    handle = provider.up(RuntimeTarget(endpoint=str(path), image="podresize.local/pause:1"))
    provider.end(handle)

    assert handle.image == "podresize.local/pause:1"
    assert "podresize.local/pause:1" in images(path)


def test_a_socket_without_rights(there: tuple[Path, int]) -> None:
    path, _ = there
    path.parent.chmod(0o755)
    command = [
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"),
        *(sys.executable, "-c", "from podresize.cli import main; main()"),
        *("runtime", "up", "--cri-endpoint", f"unix://{path}"),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))},
    )

    if "ModuleNotFoundError" in done.stderr or "Permission denied" in done.stderr:
        pytest.skip("this interpreter is out of that user's reach")
    assert done.returncode == 2
    assert "error: no rights on this socket" in done.stderr
    assert f"sudo podresize runtime up --cri-endpoint unix://{path}" in done.stderr


def test_one_that_hangs(there: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    path, pid = there
    monkeypatch.setattr(endpoint, "ANSWER_SECONDS", 0.5)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(HostError, match="does not answer within") as caught:
            provider.up(RuntimeTarget(endpoint=str(path)))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert caught.value.value == str(path)


def test_another_socket_of_the_runtime(there: tuple[Path, int]) -> None:
    path, _ = there

    with pytest.raises((UsageError, HostError), match=r"not a CRI socket|does not answer"):
        provider.up(RuntimeTarget(endpoint=f"{path}.ttrpc"))


def test_a_containerd_without_its_cri_plugin(real_host: object) -> None:
    assert real_host
    with (
        containerd("1.6.36", plugins_off='"io.containerd.grpc.v1.cri"') as (directory, _),
        pytest.raises(UsageError, match="not a CRI socket") as caught,
    ):
        provider.up(RuntimeTarget(endpoint=f"unix://{directory}/containerd.sock"))

    assert 'disabled_plugins = ["cri"]' in str(caught.value)
