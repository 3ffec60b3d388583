"""``podresize runtime``: what a person reads of runtimes alone, and of sockets of no use."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.cli.certify_runtime import _command
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
        ("guest-of-a-strangers", ("--cri-endpoint", "unix:///none/x.sock", "--provider", "vm")),
        ("driver-of-a-strangers", ("--cri-endpoint", "unix:///x", "--cgroup-driver", "systemd")),
        ("gvisor-in-a-guest", ("--provider", "vm", "--oci-runtime", "runsc")),
        ("fault-of-this-host", ("--provider", "vm", "--tap", "--fault", "runtime-killed")),
        ("systemd-without-one", ("--cgroup-driver", "systemd")),
        ("kernel-without-a-guest", ("--kernel", "6.1")),
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
    assert "  runtimes      taken\n" in run("doctor").stdout

    assert run("cluster", "list").stdout == "no clusters\n"
    assert run("runtime", "list").stdout == "taken  starting  containerd 1.6.8, crun\n"
    refused = run("cluster", "down", "taken")
    assert refused.exit_code == 2
    assert "it is a runtime\n  next:    podresize runtime down taken" in refused.error
    again = run("cluster", "up", "--name", "taken")
    assert "a runtime of that name is running" in again.error
    assert "next:    podresize runtime down taken" in again.error


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: another message")
def test_a_runtime_in_a_guest_is_listed_with_what_it_is_in(
    run: Run, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(state_dir))
    target = RuntimeTarget(provider="vm", cgroup="v2", tap=True, faults=("status-empty",))
    raw = json.loads(json.dumps(dataclasses.asdict(target)))
    state.claim("taken", target=raw, what=state.RUNTIME)

    assert run("cluster", "list").stdout == "no clusters\n"
    assert run("runtime", "list").stdout == (
        "taken  starting  containerd 1.6.36, runc, tap, fault status-empty, cgroup v2, "
        "provider vm\n"
    )


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (RuntimeTarget(), ["--runtime-provider=local"]),
        (
            RuntimeTarget(
                provider="vm", cgroup="v2", cgroup_driver="systemd", kernel="6.1", alone=True
            ),
            [
                *("--runtime-provider=vm", "--cgroup=v2", "--cgroup-driver=systemd"),
                *("--kernel=6.1", "--accelerator=auto"),
            ],
        ),
    ],
)
def test_pytest_is_told_what_the_runtime_is_made_in(
    target: RuntimeTarget, words: list[str], tmp_path: Path
) -> None:
    command = _command(target, (), out=tmp_path, workers=0)

    assert [each for each in command if each in words] == words
    assert ("--oci-alone" in command) is target.alone
    assert ("--accelerator" in " ".join(command)) is target.is_in_guest
