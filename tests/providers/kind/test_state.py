"""Claims of names, and the removal of what a cluster has in the engine."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from tests.providers.kind.conftest import FakeProgram, fake_program

from podresize.errors import HostError, UsageError
from podresize.providers import linux, recording
from podresize.providers.kind import removing, state
from podresize.providers.local import state as local_state
from podresize.requirements.target import Target

DEAD = (2**22 + 1, 1)  # above the kernel's largest pid
TARGET = dataclasses.asdict(Target(provider="kind"))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(removing, "_SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(removing, "_DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(removing, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(removing, "_ENGINE_ENDS_SECONDS", 0.3)


@pytest.fixture
def kind(bin_directory: Path) -> FakeProgram:
    return fake_program(bin_directory, "kind")


def claim(name: str, bin_directory: Path) -> state.ClusterState:
    return state.claim(name, target=TARGET, kind=bin_directory / "kind")


def kill(cluster: state.ClusterState) -> state.ClusterState:
    """Make a cluster look as if its keeper and its guardian had been killed at once."""
    dead = dataclasses.replace(cluster, keeper=DEAD)
    recording.write(dead)
    return dead


def test_a_claim_is_found_and_alive_while_its_process_is(bin_directory: Path) -> None:
    made = claim("one", bin_directory)

    assert state.find("one") is not None
    assert made.is_alive
    assert not kill(made).is_alive


def test_a_name_is_one_clusters_whichever_provider_made_it(bin_directory: Path) -> None:
    claim("one", bin_directory)

    with pytest.raises(UsageError, match="of that name is running"):
        claim("one", bin_directory)
    with pytest.raises((UsageError, HostError)):
        local_state.claim("one", target={})


def test_a_dead_cluster_is_swept_out_of_the_engine_and_off_the_disk(
    docker: FakeProgram, kind: FakeProgram, bin_directory: Path, state_dir: Path
) -> None:
    cluster = kill(claim("one", bin_directory))
    docker.says("network", "ls", output="podresize-one\n")

    assert removing.sweep() == ["one"]

    assert kind.asked == [
        ["delete", "cluster", "--name=one", f"--kubeconfig={cluster.layout.kubeconfig}"]
    ]
    assert ["network", "rm", "podresize-one"] in docker.asked
    assert not state_dir.exists()


@pytest.mark.usefixtures("kind")
def test_what_kind_leaves_goes_by_the_engine_with_its_volumes(
    docker: FakeProgram, bin_directory: Path
) -> None:
    kill(claim("one", bin_directory))
    docker.says("ps", output="one-control-plane\n")

    removing.sweep()

    assert ["rm", "--force", "--volumes", "one-control-plane"] in docker.asked


@pytest.mark.usefixtures("docker")
def test_a_cluster_of_another_keeper_is_left_alone(kind: FakeProgram, bin_directory: Path) -> None:
    claim("one", bin_directory)

    removing.remove("one", DEAD, killed=True)

    assert kind.asked == []
    assert state.find("one") is not None


@pytest.mark.usefixtures("kind")
def test_an_engine_that_is_gone_has_taken_its_clusters_along(
    docker: FakeProgram, bin_directory: Path, state_dir: Path
) -> None:
    cluster = claim("one", bin_directory)
    recording.write(
        dataclasses.replace(
            cluster, keeper=DEAD, variables={"DOCKER_HOST": f"unix://{state_dir}/gone.sock"}
        )
    )

    removing.sweep()

    assert state.find("one") is None
    assert docker.asked == []


@pytest.mark.parametrize("moment", ["info", "ps", "network"])
def test_an_engine_that_ends_during_the_removal_takes_its_clusters_along(
    docker: FakeProgram,
    kind: FakeProgram,
    bin_directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Seen when a run on an engine of its own was interrupted: five directories stayed."""
    socket = tmp_path / "engine.sock"
    socket.touch()
    cluster = claim("one", bin_directory)
    recording.write(
        dataclasses.replace(cluster, keeper=DEAD, variables={"DOCKER_HOST": f"unix://{socket}"})
    )
    docker.says(moment, error="cannot connect", code=1)
    # It does not answer any more, and a moment later its files are gone.
    monkeypatch.setattr("time.sleep", lambda _: socket.unlink(missing_ok=True))

    removing.remove("one", DEAD, killed=False)

    assert state.find("one") is None
    assert bool(kind.asked) == (moment != "info")


@pytest.mark.usefixtures("kind")
def test_an_engine_that_stays_and_refuses_keeps_the_cluster_findable(
    docker: FakeProgram, bin_directory: Path, tmp_path: Path
) -> None:
    socket = tmp_path / "engine.sock"
    socket.touch()
    cluster = claim("one", bin_directory)
    recording.write(
        dataclasses.replace(cluster, keeper=DEAD, variables={"DOCKER_HOST": f"unix://{socket}"})
    )
    docker.says("ps", error="cannot connect", code=1)

    with pytest.raises(HostError):
        removing.remove("one", DEAD, killed=False)

    assert state.find("one") is not None


@pytest.mark.usefixtures("kind")
def test_an_engine_that_does_not_answer_is_asked_again_later(
    docker: FakeProgram, bin_directory: Path
) -> None:
    kill(claim("one", bin_directory))
    docker.says("info", error="no daemon", code=1)

    removing.sweep()

    assert state.find("one") is not None


def test_the_starter_is_free_once_the_cluster_was_handed_over(bin_directory: Path) -> None:
    claim("one", bin_directory)

    state.hand_over("one", {"name": "one"})

    found = state.find("one")
    assert found is not None
    assert found.handle == {"name": "one"}
    assert found.keeper == (os.getpid(), linux.start_ticks(os.getpid()))
