"""``podresize runtime``: what a person reads of runtimes alone, and of sockets of no use."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.providers.local import state
from podresize.requirements.runtime_target import RuntimeTarget

if TYPE_CHECKING:
    from tests.cli.conftest import Run

Screen = Callable[[str, str], None]


@pytest.mark.usefixtures("able_host")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("oci-runtime-unknown", ("--oci-runtime", "youki@1.0.0")),
        ("oci-runtime-malformed", ("--oci-runtime", "runc@latest")),
        ("handler-unknown", ("--handler", "kata")),
        ("image-of-a-made-one", ("--image", "example.org/workload:1")),
        ("fault-without-tap", ("--fault", "update-dropped")),
        ("containerd-too-old", ("--containerd", "1.5.18")),
        ("name-malformed", ("--name", "Not_A_Name")),
        ("tap-before-a-strangers", ("--cri-endpoint", "unix:///none/x.sock", "--tap")),
        ("name-of-a-strangers", ("--cri-endpoint", "unix:///none/x.sock", "--name", "mine")),
        ("endpoint-of-tcp", ("--cri-endpoint", "tcp://127.0.0.1:1")),
    ],
)
def test_what_cannot_be_is_one_message_and_exit_code_2(
    run: Run, screen: Screen, state_dir: Path, name: str, options: tuple[str, ...]
) -> None:
    ran = run("runtime", "up", *options)

    assert ran.exit_code == 2
    screen(f"runtime-{name}", ran.error)
    assert not state_dir.exists()


def test_no_such_socket_says_where_to_look(run: Run) -> None:
    ran = run("runtime", "up", "--cri-endpoint", "unix:///none/x.sock")

    assert ran.exit_code == 2
    assert "there is no such socket\n  value:   /none/x.sock (from --cri-endpoint)" in ran.error


def test_no_runtimes_is_said(run: Run) -> None:
    ran = run("runtime", "list")

    assert (ran.stdout, ran.stderr, ran.exit_code) == ("no runtimes\n", "", 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: another message")
def test_taking_down_what_is_not_there_says_what_is(run: Run, screen: Screen) -> None:
    ran = run("runtime", "down", "nobody")

    assert ran.exit_code == 2
    screen("no-such-runtime", ran.error)


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: another message")
def test_a_runtime_is_no_cluster_and_listed_apart(
    run: Run, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(state_dir))
    target = RuntimeTarget(containerd="1.6.8", oci_runtime="crun")
    state.claim("taken", target=dataclasses.asdict(target), what=state.RUNTIME)

    assert run("cluster", "list").stdout == "no clusters\n"
    assert run("runtime", "list").stdout == "taken  starting  containerd 1.6.8, crun\n"
    refused = run("cluster", "down", "taken")
    assert refused.exit_code == 2
    assert "it is a runtime\n  next:    podresize runtime down taken" in refused.error
    again = run("cluster", "up", "--name", "taken")
    assert "a runtime of that name is running" in again.error
    assert "next:    podresize runtime down taken" in again.error
