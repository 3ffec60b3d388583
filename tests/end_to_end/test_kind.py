"""Real kind clusters beside local ones: both sides of containerd 1.6.9, and a release of today."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end import kind_kills
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.real_clusters import own_name

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
# Of the last the headline checks do: what differs there is how a node comes up (another etcd,
# another version of kubeadm's and of containerd's configuration).
PROFILES = {
    ("1.27.4", "1.6.8"): "core",
    ("1.27.4", "1.6.36"): "core",
    ("1.37.2", "2.1.4"): "headline",
}
PROVIDERS = ("local", "kind")
_RUN_SECONDS = 1500.0

Stack = tuple[str, str]
Records = dict[tuple[str, Stack], Path]
of_each_stack = pytest.mark.parametrize("stack", PROFILES, ids="-".join)


@pytest.fixture(scope="module")
def both(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Records:
    """The records of each provider and stack; what the runs printed is beside them."""
    out = {}
    for provider in PROVIDERS:
        for stack, profile in PROFILES.items():
            kubernetes, containerd = stack
            directory = tmp_path_factory.mktemp(f"{provider}-{containerd}")
            words = [PODRESIZE, "run", f"--provider={provider}", f"--profile={profile}"]
            words += [f"--kubernetes={kubernetes}", f"--containerd={containerd}"]
            words += ["--no-gate-off", f"--out={directory}"]
            done = engine.run(*words, seconds=_RUN_SECONDS)
            (directory / "screen.txt").write_text(done.stdout)
            print(done.stdout[-6000:])
            assert done.returncode == 0, done.stdout[-6000:]
            out[provider, stack] = directory
    return out


def records(directory: Path) -> list[dict[str, Any]]:
    lines = (directory / "records.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@of_each_stack
def test_the_verdicts_are_those_of_the_local_provider(
    engine: RealEngine, both: Records, stack: Stack
) -> None:
    local, kind = (str(both[provider, stack]) for provider in PROVIDERS)

    done = engine.run(PODRESIZE, "compare", local, kind, seconds=60)

    print(done.stdout)
    assert done.returncode == 0, done.stdout


@of_each_stack
def test_the_fingerprints_say_what_was_asked_for(both: Records, stack: Stack) -> None:
    found = [
        each["fingerprint"] for each in records(both["kind", stack]) if each["type"] == "target"
    ]

    assert found
    for each in found:
        assert each["provider"] == "kind"
        assert (each["kubernetes"], each["runtime_version"]) == stack
        assert each["cgroup_driver"] == "systemd"


def test_nothing_remains_in_the_engine(engine: RealEngine, both: Records) -> None:
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
