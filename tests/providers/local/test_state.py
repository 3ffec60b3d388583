"""Who has which name and index: claims, removals, and what the dead leave."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from podresize.errors import HarnessError, HostError, UsageError
from podresize.providers import linux, recording
from podresize.providers.local import cgroups, cleaning, network, provider, starting, state
from podresize.providers.local.cleaning import clean
from podresize.providers.local.layout import MAX_CLUSTERS

DEAD = (2**22 + 1, 1)  # above the kernel's largest pid


def claim(name: str) -> state.ClusterState:
    return state.claim(name, target={"kubernetes": "1.27.4"})


def kill(cluster: state.ClusterState) -> state.ClusterState:
    """Make a cluster look as if all of its processes had been killed at once."""
    dead = dataclasses.replace(cluster, supervisor=DEAD)
    recording.write(dead)
    return dead


def test_no_state_root_means_no_clusters(state_dir: Path) -> None:
    assert state.clusters() == []
    assert not state_dir.exists()


def test_a_claim_is_found_by_name_and_alive_while_its_process_is() -> None:
    made = claim("one")

    assert state.find("one") == made
    assert made.is_alive
    assert made.supervisor == (os.getpid(), linux.start_ticks(os.getpid()))


def test_a_name_in_use_is_refused_with_the_command_that_frees_it() -> None:
    claim("one")

    with pytest.raises(UsageError) as error:
        claim("one")

    assert error.value.value == "one"
    assert error.value.next_command == "podresize cluster down one"


@pytest.fixture(autouse=True)
def no_links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stand for ``/sys/class/net``: the clusters that run on this machine are not counted."""
    monkeypatch.setattr(network, "_LINKS", tmp_path / "net")
    return tmp_path / "net"


def test_an_index_whose_link_exists_belongs_to_a_cluster_of_another_state_root(
    no_links: Path,
) -> None:
    (no_links / "podresize0").mkdir(parents=True)
    (no_links / "podresize2").mkdir()

    assert [claim("one").layout.index, claim("two").layout.index] == [1, 3]


def test_a_link_that_is_another_clusters_is_not_removed(
    no_links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = claim("one")
    link = no_links / made.layout.link
    link.mkdir(parents=True)
    commands: list[list[str]] = []
    monkeypatch.setattr("subprocess.run", lambda words, **_: commands.append(words))

    (link / "ifalias").write_text("/elsewhere/one\n")
    network.remove_links(made.layout, joins=None)
    assert commands == []

    (link / "ifalias").write_text(f"{made.layout.directory}\n")
    network.remove_links(made.layout, joins=None)
    assert commands == [["ip", "link", "delete", made.layout.link]]


def test_a_name_whose_cgroup_exists_belongs_to_a_cluster_of_another_state_root(
    monkeypatch: pytest.MonkeyPatch, state_dir: Path
) -> None:
    monkeypatch.setattr(cgroups, "places", lambda name: [Path("/sys/fs/cgroup") / name])

    with pytest.raises(UsageError, match="no cluster of that name is known here") as error:
        claim("one")

    assert error.value.value == "one"
    assert list(state_dir.iterdir()) == []


def test_indices_are_unique_and_used_again() -> None:
    first, second = claim("one"), claim("two")
    state.forget(first.layout, first.supervisor)
    third = claim("three")

    assert [second.layout.index, third.layout.index] == [1, 0]


CLAIM = """
import sys
from podresize.providers.local import state
print(*[state.claim(name, target={}).layout.index for name in sys.argv[1:]])
"""


def test_processes_that_claim_at_once_get_different_indices() -> None:
    names = [[f"c{first + number}" for number in range(6)] for first in (0, 6, 12)]
    processes = [
        subprocess.Popen([sys.executable, "-c", CLAIM, *some], stdout=subprocess.PIPE, text=True)
        for some in names
    ]

    said = [process.communicate(timeout=30)[0] for process in processes]

    assert len(set(" ".join(said).split())) == 18


def test_the_host_holds_so_many_clusters_and_says_so() -> None:
    for number in range(MAX_CLUSTERS):
        claim(f"c{number}")

    with pytest.raises(HostError, match="64 clusters"):
        claim("one-more")


def test_forgetting_the_last_cluster_removes_the_root(state_dir: Path) -> None:
    made = claim("one")
    (made.layout.directory / "deep" / "er").mkdir(parents=True)

    assert state.forget(made.layout, made.supervisor)
    assert not state_dir.exists()


def test_forgetting_twice_is_fine() -> None:
    made = claim("one")
    state.forget(made.layout, made.supervisor)

    assert state.forget(made.layout, made.supervisor)


def test_a_namesake_that_took_the_name_since_is_not_touched() -> None:
    before = kill(claim("one"))
    state.forget(before.layout, before.supervisor)
    after = claim("one")

    clean(before.layout, before.supervisor, None)

    assert state.find("one") == after


def test_a_cluster_whose_supervisor_is_gone_is_dead_and_swept_with_its_directory(
    state_dir: Path,
) -> None:
    kill(claim("one"))
    alive = claim("two")

    assert provider.sweep() == ["one"]
    assert [each.name for each in state_dir.iterdir()] == ["two"]
    assert state.find("two") == alive


def test_what_a_claim_left_that_was_killed_half_way_is_swept(state_dir: Path) -> None:
    made = claim("one")
    dead = kill(made)
    made.layout.directory.rename(state_dir / f".new-{DEAD[0]}-{DEAD[1]}")

    assert provider.sweep() == [dead.layout.name]
    assert not state_dir.exists()


def test_a_pid_that_is_used_again_by_another_process_is_not_the_supervisor() -> None:
    made = claim("one")
    pid, ticks = made.supervisor

    assert not dataclasses.replace(made, supervisor=(pid, ticks - 1)).is_alive


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"supervisor": 3}', '"x"', "\x00"])
def test_a_damaged_state_file_hides_its_cluster_and_no_other(state_dir: Path, content: str) -> None:
    claim("one")
    (state_dir / "two").mkdir()
    (state_dir / "two" / "cluster.json").write_text(content)

    assert [each.layout.name for each in state.clusters()] == ["one"]


def test_a_handle_is_there_for_other_processes_once_it_is_handed_over() -> None:
    claim("one")

    state.hand_over("one", {"name": "one"})

    found = state.find("one")
    assert found is not None
    assert found.handle == {"name": "one"}


def test_handing_over_a_cluster_that_is_gone_is_an_error_for_people() -> None:
    with pytest.raises(HarnessError, match="ended while it was starting"):
        state.hand_over("one", {})


def test_a_state_root_that_cannot_be_made_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(tmp_path / "file"))

    with pytest.raises(HostError) as error:
        claim("one")

    assert error.value.value == str(tmp_path / "file")
    assert error.value.origin == "PODRESIZE_STATE_DIR"
    assert error.value.next_command is not None


def test_an_overfull_disk_is_one_error_and_leaves_nothing(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording, "write", full)

    with pytest.raises(HostError, match="No space left on device") as error:
        claim("one")

    assert error.value.causes == ("the disk is full",)
    assert list(state_dir.iterdir()) == []


def test_a_runtime_alone_takes_a_name_and_an_index_and_is_no_cluster() -> None:
    cluster, runtime = claim("one"), state.claim("two", target={}, what=state.RUNTIME)

    assert cluster.layout.index != runtime.layout.index
    assert [each.layout.name for each in state.clusters()] == ["one", "two"]
    assert [each.layout.name for each in state.clusters(state.RUNTIME)] == ["two"]
    assert state.find("two", state.CLUSTER) is None
    assert state.find("two") == runtime
    with pytest.raises(UsageError, match="a runtime of that name is running"):
        claim("two")


def test_what_does_not_end_is_named_and_found_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A process that the kernel does not let go of, in a cgroup below its cluster's."""
    dead = kill(claim("one"))
    left = tmp_path / "cgroup"
    (left / "below").mkdir(parents=True)
    (left / "below" / "cgroup.procs").write_text("42\n17\n")
    monkeypatch.setattr(cgroups, "remove", lambda *_, **__: cgroups.places("any"))
    monkeypatch.setattr(cgroups, "places", lambda _: [left] if left.is_dir() else [])

    with pytest.raises(HarnessError, match="does not end, though it was killed") as raised:
        starting.end(dead)

    assert raised.value.value == "pid 17, 42"
    assert state.find("one") == dead

    shutil.rmtree(left)
    starting.end(dead)
    assert state.find("one") is None


def test_what_no_cgroup_of_the_cluster_holds_is_named_and_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A guest is in none: it is below the cluster's init."""
    monkeypatch.setattr(cleaning, "_CLEANING_SECONDS", 0.05)
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=PIPE, text=True) as init:
        assert init.stdout is not None
        guest = int(init.stdout.readline())
        ticks = linux.start_ticks(init.pid)
        assert ticks is not None
        cluster = claim("one")
        state.born(cluster, (init.pid, ticks))
        dead = kill(dataclasses.replace(cluster, init=(init.pid, ticks)))

        with monkeypatch.context() as kernel:
            kernel.setattr(signal, "pidfd_send_signal", lambda *_: None)
            with pytest.raises(HarnessError, match="does not end, though it was killed") as raised:
                starting.end(dead)
        assert raised.value.value == f"pid {guest}"
        assert state.find("one") == dead

        swept = starting.sweep()
        os.kill(guest, signal.SIGKILL)
    assert swept == ["one"]
    assert init.returncode == -signal.SIGKILL
    assert state.find("one") is None


def test_a_cluster_is_written_down_with_its_init() -> None:
    cluster = claim("one")

    state.born(cluster, (42, 17))

    assert state.find("one") == dataclasses.replace(cluster, init=(42, 17))
