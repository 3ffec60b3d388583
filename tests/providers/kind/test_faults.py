"""What kind prints when it fails, and what is made of it."""

from __future__ import annotations

import pytest

from podresize.errors import HarnessError, HostError, PodresizeError
from podresize.providers.kind.faults import creation_failed

HOW = {"engine": "docker", "image": "node:1"}
LOG = "Creating cluster\n\n ✗ Preparing nodes\nERROR: failed to create cluster: {}\n"


@pytest.mark.parametrize(
    ("said", "kind", "cause"),
    [
        ("write /x: no space left on device", HostError, "disk is full"),
        (
            'could not find a log line that matches "Reached target .*Multi-User System.*"',
            HarnessError,
            "did not boot as kind expects",
        ),
        (
            "docker: Error response from daemon: privileged mode is incompatible with user ns",
            HostError,
            "no privileged containers",
        ),
        (
            "OCI runtime: operation not permitted: unknown",
            HostError,
            "may not do what",
        ),
        (
            "runc: error setting rlimit type 7: operation not permitted: OCI permission denied",
            HostError,
            "higher limits than this host may",
        ),
        ("validate service connection: validate CRI v1 runtime API", HostError, "serves no CRI v1"),
        ("timed out waiting for the condition", HarnessError, "kubeadm waited in vain"),
        (
            "error: error execution phase wait-control-plane: context deadline exceeded",
            HarnessError,
            "kubeadm waited in vain",
        ),
    ],
)
def test_a_known_sign_names_its_cause(said: str, kind: type[PodresizeError], cause: str) -> None:
    error = creation_failed("one", LOG.format(said), **HOW)

    assert type(error) is kind
    assert cause in error.causes[0]
    assert error.value == "one"
    assert said in error.causes[-1]


def test_anything_else_is_told_with_the_last_lines_alone() -> None:
    log = "".join(f"line {number}\n" for number in range(40))

    error = creation_failed("one", log, **HOW)

    assert type(error) is HarnessError
    assert len(error.causes) == 1
    assert "line 39" in error.causes[0]
    assert "line 20\n" not in error.causes[0]


def test_a_stack_of_kubeadm_takes_no_line_of_the_reason() -> None:
    stack = "k8s.io/kubernetes/cmd/kubeadm/app.Run\n\tk8s.io/kubernetes/app.go:48\nruntime.main\n"

    error = creation_failed("one", "the kubelet is not healthy\n" + stack * 10, **HOW)

    assert "the kubelet is not healthy" in error.causes[-1]
    assert "runtime.main" not in error.causes[-1]


@pytest.mark.parametrize("engine", ["docker", "podman"])
@pytest.mark.parametrize("said", ["no space left on device", "operation not permitted"])
def test_the_next_command_is_for_the_engine_that_failed(said: str, engine: str) -> None:
    error = creation_failed("one", LOG.format(said), engine=engine, image="node:1")

    assert str(error.next_command).startswith(f"{engine} ")
    assert "IMAGE" not in str(error.next_command)


def test_the_requests_that_kubeadm_made_do_not_hide_its_error() -> None:
    request = 'I1128 04:36:20.722579     189 round_trippers.go:632] "Response" verb="POST"\n'

    error = creation_failed("c", LOG.format("no bus") + 30 * request, **HOW)

    assert "failed to create cluster: no bus" in str(error)
    assert "round_trippers" not in str(error)
