"""What a person reads when something cannot be: one message with value, origin, cause, next."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.providers.local import state

if TYPE_CHECKING:
    from tests.cli.conftest import Run

Screen = Callable[[str, str], None]

MALFORMED = {
    "not-yaml": "a: [1\nb: 2\n",
    "list": "- cpuManagerPolicy: static\n",
    "empty": "",
    "wrong-kind": "apiVersion: v1\nkind: Pod\n",
    "owned": "cgroupRoot: /mine\nport: 1\n",
    "date": "maxPods: 2024-01-01\n",
}


def has_four_parts(message: str) -> bool:
    return all(part in message for part in ("value: ", " (from ", "likely: ", "next: "))


@pytest.mark.usefixtures("able_host")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kubernetes-malformed", ("--kubernetes", "abc")),
        ("kubernetes-unknown", ("--kubernetes", "9.9.9")),
        ("kubernetes-too-old", ("--kubernetes", "1.26")),
        ("kubernetes-too-old-patch", ("--kubernetes", "v1.26.15")),
        ("containerd-malformed", ("--containerd", "abc")),
        ("containerd-too-old", ("--containerd", "1.5.9")),
        ("gate-locked", ("--gate", "off", "--kubernetes", "1.37.2")),
        ("oci-runtime-unknown", ("--oci-runtime", "youki")),
        ("cpu-manager-policy-unknown", ("--cpu-manager-policy", "dynamic")),
        ("name-malformed", ("--name", "Not_A_Name")),
    ],
)
def test_a_target_that_cannot_be_is_one_message_and_exit_code_2(
    run: Run, screen: Screen, state_dir: Path, name: str, options: tuple[str, ...]
) -> None:
    ran = run("cluster", "up", *options)

    assert ran.exit_code == 2
    assert has_four_parts(ran.error)
    screen(name, ran.error)
    assert not state_dir.exists()


@pytest.mark.usefixtures("able_host")
def test_an_unreadable_version_with_the_gate_off_is_the_same_message(run: Run) -> None:
    assert "not a version" in run("cluster", "up", "--gate", "off", "--kubernetes", "abc").error


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_kubelet_file_is_one_message_and_exit_code_2(
    run: Run, screen: Screen, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "kubelet.yaml"
    file.write_text(MALFORMED[kind])

    ran = run("cluster", "up", "--kubelet-config", str(file))

    assert ran.exit_code == 2
    assert has_four_parts(ran.error)
    screen(f"kubelet-{kind}", ran.error)


def test_a_kubelet_file_that_is_not_there_is_one_message_and_exit_code_2(
    run: Run, screen: Screen, tmp_path: Path
) -> None:
    ran = run("cluster", "up", "--kubelet-config", str(tmp_path / "nowhere.yaml"))

    assert ran.exit_code == 2
    screen("kubelet-missing", ran.error)


@pytest.mark.usefixtures("able_host")
def test_a_name_in_use_is_refused_with_the_command_that_frees_it(
    run: Run, screen: Screen, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(state_dir))
    state.claim("taken", target={"kubernetes": "1.27.4", "containerd": "1.6.8"})

    ran = run("cluster", "up", "--name", "taken")

    assert ran.exit_code == 2
    screen("name-in-use", ran.error)
    listed = run("cluster", "list").stdout
    assert "taken  starting  local  kubernetes 1.27.4  containerd 1.6.8" in listed


@pytest.mark.end_to_end
@pytest.mark.usefixtures("able_host")
def test_the_name_of_a_real_running_cluster_is_in_use_and_it_goes_on_running(run: Run) -> None:
    name = f"taken-{os.getpid()}"
    assert run("cluster", "up", "--name", name).exit_code == 0
    try:
        again = run("cluster", "up", "--name", name)

        assert again.exit_code == 2
        assert "a cluster of that name is running" in again.error
        assert f"{name}  ready" in run("cluster", "list").stdout
    finally:
        assert run("cluster", "down", name).exit_code == 0
    assert run("cluster", "list").stdout == "no clusters\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: another message")
def test_taking_down_what_is_not_there_says_what_is(run: Run, screen: Screen) -> None:
    ran = run("cluster", "down", "nobody")

    assert ran.exit_code == 2
    screen("no-such-cluster", ran.error)


def not_root() -> tuple[str, ...]:
    """Return the words that run a command as nobody.

    The checkout and the interpreter may lie where nobody may read: the one capability that is
    kept is to read everything.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv (util-linux): cannot become another user")
    read = "+dac_read_search"
    words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    return (*words, "--inh-caps", read, "--ambient-caps", read, "--bounding-set", f"-all,{read}")


def test_who_is_not_root_is_told_before_anything_is_started(
    run: Run, screen: Screen, state_dir: Path
) -> None:
    up = run("cluster", "up", before=not_root())
    down = run("cluster", "down", "any", before=not_root())

    assert (up.exit_code, down.exit_code) == (2, 2)
    assert "1. not root: sudo" in up.error
    screen("not-root-down", down.error.replace(str(os.geteuid() or 65534), "<uid>"))
    assert not state_dir.exists()


def test_doctor_says_that_a_user_is_not_root_and_ends_with_2(run: Run) -> None:
    ran = run("doctor", before=not_root())

    assert ran.exit_code == 2
    assert "not root    mend: sudo scripts/podresize run" in ran.stdout
    assert ran.stderr == ""


@pytest.mark.usefixtures("able_host")
def test_a_state_root_that_cannot_be_made_is_one_message(run: Run, state_dir: Path) -> None:
    state_dir.touch()

    ran = run("cluster", "up")

    assert ran.exit_code == 2
    assert "the directory for clusters cannot be written" in ran.error
    assert "<state> (from PODRESIZE_STATE_DIR)" in ran.error


@pytest.mark.usefixtures("able_host")
def test_a_disk_too_small_is_found_before_anything_is_started(
    run: Run, screen: Screen, state_dir: Path
) -> None:
    state_dir.mkdir()
    # In a mount namespace that ends with the command: nothing to unmount, whatever happens.
    script = 'mount -t tmpfs -o size=1m tmpfs "$PODRESIZE_STATE_DIR" && "$@" && ls -A "$0"'

    ran = run("cluster", "up", before=("unshare", "-m", "sh", "-c", script, str(state_dir)))

    assert ran.exit_code == 2
    screen("disk-full", ran.error)
    assert list(state_dir.iterdir()) == []


def test_an_unknown_option_and_a_missing_argument_are_usage(run: Run) -> None:
    for arguments in (("cluster", "up", "--nonsense"), ("cluster", "down"), ("nonsense",)):
        ran = run(*arguments)

        assert ran.exit_code == 2
        assert "Traceback" not in ran.stderr
        assert "Usage: " in ran.stderr


def test_an_unknown_profile_is_one_message_and_exit_code_2(run: Run, screen: Screen) -> None:
    ran = run("run", "--profile", "cor")

    assert ran.exit_code == 2
    assert has_four_parts(ran.error)
    screen("profile-unknown", ran.error)
