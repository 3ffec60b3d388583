"""Real kind clusters on both sides of containerd 1.6.9, beside local ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.real_clusters import own_name, until

from podresize.providers.state_root import state_root

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
PROFILES = {"1.6.8": "core", "1.6.36": "core"}
PROVIDERS = ("local", "kind")
_RUN_SECONDS = 1500.0
# kind takes half a minute, a busy host longer.
_START_SECONDS = 240.0
_GONE_SECONDS = 60.0
_UP = """
import os, sys
from podresize.providers.kind import provider
from podresize.requirements.target import Target
target = Target(provider="kind", containerd="1.6.8")
handle = provider.up(
    target, name=sys.argv[1], owner=os.getpid(), tell=lambda step, _: print(step, flush=True)
)
print("up", handle.fingerprint, flush=True)
sys.stdin.read()
"""


Records = dict[tuple[str, str], Path]


@pytest.fixture(scope="module")
def both(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Records:
    """The records of each provider and containerd; what the runs printed is beside them."""
    out = {}
    for provider in PROVIDERS:
        for containerd, profile in PROFILES.items():
            directory = tmp_path_factory.mktemp(f"{provider}-{containerd}")
            words = [PODRESIZE, "run", f"--provider={provider}", f"--profile={profile}"]
            words += [f"--containerd={containerd}", "--no-gate-off", f"--out={directory}"]
            done = engine.run(*words, seconds=_RUN_SECONDS)
            (directory / "screen.txt").write_text(done.stdout)
            print(done.stdout[-6000:])
            assert done.returncode == 0, done.stdout[-6000:]
            out[provider, containerd] = directory
    return out


def records(directory: Path) -> list[dict[str, Any]]:
    lines = (directory / "records.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("containerd", PROFILES)
def test_the_verdicts_are_those_of_the_local_provider(
    engine: RealEngine, both: Records, containerd: str
) -> None:
    local, kind = (str(both[provider, containerd]) for provider in PROVIDERS)

    done = engine.run(PODRESIZE, "compare", local, kind, seconds=60)

    print(done.stdout)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("containerd", PROFILES)
def test_the_fingerprints_say_what_was_asked_for(both: Records, containerd: str) -> None:
    found = [
        each["fingerprint"]
        for each in records(both["kind", containerd])
        if each["type"] == "target"
    ]

    assert found
    for each in found:
        assert each["provider"] == "kind"
        assert each["kubernetes"] == "1.27.4"
        assert each["runtime_version"] == containerd
        assert each["cgroup_driver"] == "systemd"


def test_nothing_remains_in_the_engine(engine: RealEngine, both: Records) -> None:
    assert both
    things = engine.things

    assert not any("control-plane" in name for name in things["containers"])
    assert not any(name.startswith(("kind", "podresize-pr-")) for name in things["networks"])
    assert things["volumes"] == set()


@pytest.mark.parametrize("moment", ["kind: Preparing nodes", "kind: Starting control-plane", "up"])
@pytest.mark.parametrize("killed", ["owner", "keeper"])
def test_whoever_is_killed_nothing_remains(engine: RealEngine, moment: str, killed: str) -> None:
    before = engine.things
    name = own_name("kind")
    with engine.start(sys.executable, "-c", _UP, name) as owner:
        try:
            wait_for_step(owner, moment)
            state = json.loads((state_root() / name / "kind.json").read_text())
            os.kill(owner.pid if killed == "owner" else state["keeper"][0], signal.SIGKILL)

            def is_gone() -> bool:
                return not (state_root() / name).exists() and engine.things == before

            assert until(is_gone, deadline=_GONE_SECONDS, every=0.5), (engine.things, before)
        finally:
            owner.kill()


def wait_for_step(owner: subprocess.Popen[str], step: str) -> None:
    """Read what the owner of a cluster says until it has come to a step."""
    assert owner.stdout is not None
    end = time.monotonic() + _START_SECONDS
    for line in owner.stdout:
        assert time.monotonic() < end
        if line.startswith(step):
            return
    pytest.fail(f"the start ended before {step!r}")


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
