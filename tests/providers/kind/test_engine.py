"""Which engine is taken, what is refused and how it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.providers.kind.conftest import FakeProgram, fake_program

from podresize.errors import HostError
from podresize.providers.kind.engine import find_engine

PODMAN = {"host": {"security": {"rootless": False}, "cgroupVersion": "v2"}, "version": {}}


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)


def refused() -> HostError:
    with pytest.raises(HostError) as error:
        find_engine()
    return error.value


@pytest.mark.usefixtures("docker")
def test_docker_comes_before_podman(bin_directory: Path) -> None:
    fake_program(bin_directory, "podman").says("info", output=json.dumps(PODMAN))

    engine = find_engine()

    assert (engine.name, engine.version, engine.cgroup_version) == ("docker", "26.1.5", 1)
    assert engine.environment["KIND_EXPERIMENTAL_PROVIDER"] == "docker"


def test_podman_serves_where_docker_does_not_answer(
    docker: FakeProgram, bin_directory: Path
) -> None:
    docker.says("info", error="Cannot connect to the Docker daemon", code=1)
    fake_program(bin_directory, "podman").says("info", output=json.dumps(PODMAN))

    engine = find_engine()

    assert (engine.name, engine.cgroup_version) == ("podman", 2)


def test_kinds_own_variable_decides(docker: FakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")

    assert "none is on PATH" in refused().what
    assert docker.asked == []


@pytest.mark.usefixtures("docker")
def test_an_engine_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "nerdctl")

    error = refused()

    assert (error.value, error.origin) == ("nerdctl", "KIND_EXPERIMENTAL_PROVIDER")


@pytest.mark.usefixtures("bin_directory")
def test_no_engine_is_one_message_with_the_way_to_one() -> None:
    error = refused()

    assert "none is on PATH" in error.what
    assert "scripts/docker-engine" in str(error.next_command)


def test_a_daemon_that_does_not_run_is_told_in_its_own_words(
    docker: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    docker.says("info", error="x\nCannot connect to the Docker daemon\n", code=1)

    error = refused()

    assert "Cannot connect to the Docker daemon" in str(error.value)
    assert error.origin == "DOCKER_HOST=unix:///nowhere.sock"


def test_a_client_without_its_daemon_may_answer_with_errors_of_the_server(
    docker: FakeProgram,
) -> None:
    docker.says("info", output=json.dumps({"ServerErrors": ["permission denied"]}))

    assert "permission denied" in str(refused().value)


@pytest.mark.parametrize("user", [0, 1000])
def test_a_rootless_engine_is_refused_with_the_way_to_roots(
    docker: FakeProgram, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    options = ["name=seccomp,profile=builtin", "name=rootless"]
    docker.says("info", output=json.dumps({"ServerVersion": "27", "SecurityOptions": options}))
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    monkeypatch.setattr("os.geteuid", lambda: user)

    error = refused()

    assert "this engine is rootless" in error.what
    assert error.origin == "DOCKER_HOST=unix:///run/user/1000/docker.sock"
    # With the variables kept root would come to the same engine.
    assert "--unset=DOCKER_HOST" in str(error.next_command)


def test_podmans_own_variable_is_named_where_it_leads_to_a_rootless_engine(
    bin_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian 12's podman 4.3.1 answers root for another user's service."""
    answer = PODMAN | {"host": {"security": {"rootless": True}, "cgroupVersion": "v1"}}
    fake_program(bin_directory, "podman").says("info", output=json.dumps(answer))
    monkeypatch.setenv("CONTAINER_HOST", "unix:///run/user/1000/podman.sock")

    error = refused()

    assert "this engine is rootless" in error.what
    assert error.origin == "CONTAINER_HOST=unix:///run/user/1000/podman.sock"


def test_an_engine_that_maps_users_is_refused(docker: FakeProgram) -> None:
    options = ["name=seccomp,profile=builtin", "name=userns"]
    docker.says("info", output=json.dumps({"ServerVersion": "26", "SecurityOptions": options}))

    error = refused()

    assert "an engine that maps users" in error.what
    assert error.value == "docker 26, userns-remap"


def test_who_is_not_root_is_told_how_to_be_on_the_same_engine(
    docker: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker.says("info", output=json.dumps({"ServerVersion": "27", "SecurityOptions": []}))
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    error = refused()

    assert "podresize is not" in error.what
    assert error.value == "uid 1000"
    # sudo's own PATH leads neither to podresize nor to an engine that is not the OS's.
    assert str(error.next_command).startswith('sudo --preserve-env env "PATH=$PATH" ')


def test_a_refusal_of_the_engine_has_its_last_line_and_the_command(docker: FakeProgram) -> None:
    engine = find_engine()
    docker.says("load", error="open /x: no space left on device\n", code=1)

    with pytest.raises(HostError) as error:
        engine.load_image(Path("/x.tar"))

    assert "no space left on device" in error.value.what
    assert error.value.value == "docker load --input /x.tar"
    assert "the disk below the engine's data directory is full" in error.value.causes
    assert error.value.next_command == "docker system df"


def test_a_network_is_removed_only_by_its_whole_name(docker: FakeProgram) -> None:
    engine = find_engine()
    docker.says("network", "ls", output="podresize-one-more\n")

    engine.remove_network("podresize-one")

    assert not any(words[:2] == ["network", "rm"] for words in docker.asked)


def test_what_is_still_in_a_network_is_taken_out_before_it_goes(docker: FakeProgram) -> None:
    engine = find_engine()
    docker.says("network", "ls", output="podresize-one\n")
    docker.says("ps", "--all", "--quiet", "--filter", "network=podresize-one", output="a1\nb2\n")

    engine.remove_network("podresize-one")

    assert [words for words in docker.asked if words[0] == "network"][1:] == [
        ["network", "disconnect", "--force", "podresize-one", "a1"],
        ["network", "disconnect", "--force", "podresize-one", "b2"],
        ["network", "rm", "podresize-one"],
    ]


@pytest.mark.usefixtures("docker")
def test_other_variables_than_this_process_has_lead_to_another_engine() -> None:
    engine = find_engine({"DOCKER_HOST": "unix:///theirs.sock"})

    assert engine.environment["DOCKER_HOST"] == "unix:///theirs.sock"
