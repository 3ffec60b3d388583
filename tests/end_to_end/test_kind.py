"""Real kind clusters beside local ones: both sides of containerd 1.6.9, and a release of today."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.end_to_end import kind_kills
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.finished_run import Finished, core_run, newest_run, podresize
from tests.end_to_end.kind_runs import PODRESIZE, core_kind_run, newest_kind_run
from tests.end_to_end.real_clusters import own_name

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

# Of the newest release the headline checks do: what differs there is how a node comes up (another
# etcd, another version of kubeadm's and of containerd's configuration).
RUNS = {"core": (core_run, core_kind_run), "newest": (newest_run, newest_kind_run)}
STACKS = {
    "core": {("1.27.4", "1.6.8"), ("1.27.4", "1.6.36")},
    "newest": {("1.37.2", "2.1.4")},
}
PROVIDERS = ("local", "kind")

Both = dict[tuple[str, str], Finished]
of_each_run = pytest.mark.parametrize("which", RUNS)


@pytest.fixture(scope="module")
def both(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The run of each provider, by that and by which run it is.

    One after the other: beside a kind cluster there are too few inotify instances left for the
    nodes that a local run's checks have for themselves.
    """
    base = tmp_path_factory.getbasetemp()
    out = {}
    for which, (on_processes, on_kind) in RUNS.items():
        out["local", which] = on_processes(base)
        out["kind", which] = on_kind(engine, base)
    return out


@of_each_run
def test_the_verdicts_are_those_of_the_local_provider(both: Both, which: str) -> None:
    for provider in PROVIDERS:
        assert both[provider, which].code == 0, both[provider, which].unexpected

    outs = [str(both[provider, which].out) for provider in PROVIDERS]
    print(podresize("compare", *outs).stdout)
    compared = json.loads(podresize("compare", *outs, "--format=json").stdout)
    assert compared["alone"] == []
    assert all(sum(stack["same"].values()) > 0 for stack in compared["stacks"])
    assert list(differing(compared)) == []


def differing(compared: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what differs but for checks of a node's systemd: kind's nodes alone have one."""
    for stack in compared["stacks"]:
        for section in stack["sections"]:
            for each in (one for cause in section["causes"] for one in cause["verdicts"]):
                is_systemds = each["check"].startswith("suites/systemd_driver/")
                if not (is_systemds and each["left"] == "unsupported"):
                    yield each


@of_each_run
def test_the_fingerprints_say_what_was_asked_for(both: Both, which: str) -> None:
    found = [each["fingerprint"] for each in both["kind", which].of("target")]

    assert {(each["kubernetes"], each["runtime_version"]) for each in found} == STACKS[which]
    for each in found:
        assert each["provider"] == "kind"
        assert each["cgroup_driver"] == "systemd"


def test_nothing_remains_in_the_engine(engine: RealEngine, both: Both) -> None:
    assert both
    things = engine.things

    assert not any("control-plane" in name for name in things["containers"])
    assert not any(name.startswith(("kind", "podresize-pr-")) for name in things["networks"])
    assert things["volumes"] == set()


@pytest.mark.parametrize(
    "moment", ["kind: Preparing nodes", "kind: Starting control-plane", kind_kills.READY]
)
@pytest.mark.parametrize("victim", ["owner", "keeper"])
def test_whoever_is_killed_nothing_remains(engine: RealEngine, moment: str, victim: str) -> None:
    with kind_kills.started(engine, own_name("kind")) as run:
        run.wait_for(moment)
        assert run.kill(victim) == [victim]

        assert run.leftovers_after() == []


def test_when_the_caller_of_kind_is_killed_kind_does_not_go_on(engine: RealEngine) -> None:
    with kind_kills.started(engine, own_name("kind")) as run:
        run.wait_for("kind: Starting control-plane")
        assert run.kill("creator") == ["creator"]

        assert run.leftovers_after() == []
        assert not any("control-plane (done)" in step for step in run.steps())


def test_the_name_of_a_strangers_cluster_is_refused(engine: RealEngine) -> None:
    name = own_name("theirs")
    label = f"io.x-k8s.kind.cluster={name}"
    image = "podresize.local/empty:1"
    made = engine.run("sh", "-c", f"tar -cf - -T /dev/null | docker import - {image}", seconds=60)
    assert made.returncode == 0, made.stdout
    engine.docker("create", f"--name={name}-control-plane", f"--label={label}", image, "/none")
    try:
        done = engine.run(
            PODRESIZE, "cluster", "up", "--provider=kind", f"--name={name}", seconds=60
        )
    finally:
        engine.docker("rm", "--force", "--volumes", f"{name}-control-plane")
        engine.docker("rmi", image)

    assert done.returncode == 2
    assert "a kind cluster of that name exists, and podresize did not make it" in done.stdout
