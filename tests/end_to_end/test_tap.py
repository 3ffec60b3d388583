"""A real local cluster with a tap between kubelet and runtime: nothing changes, all is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.real_clusters import own_name, until
from tests.end_to_end.told_updates import check_told

from podresize.cri.client import RuntimeClient
from podresize.providers import control
from podresize.providers.child import why_ended
from podresize.providers.interface import ClusterHandle
from podresize.providers.local import provider, state
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
VERSIONS = {"kubernetes": "1.37.2", "containerd": "2.1.4"}
_HOW = ("--profile=headline", "--no-gate-off")
_RUN_SECONDS = 600.0
_GONE_SECONDS = 30.0


def run(out: Path, *words: str) -> None:
    """Run the headline checks."""
    versions = [f"--{name}={version}" for name, version in VERSIONS.items()]
    done = subprocess.run(
        [
            PODRESIZE,
            "run",
            "--profile=headline",
            "--no-gate-off",
            f"--out={out}",
            *versions,
            *words,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )
    print(done.stdout[-5000:])
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_verdicts_are_the_same_and_every_update_is_told(tmp_path: Path) -> None:
    run(tmp_path / "without")
    run(tmp_path / "with", "--tap")

    done = subprocess.run(
        [PODRESIZE, "compare", tmp_path / "without", tmp_path / "with"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    check_told(tmp_path / "with")


@pytest.mark.parametrize(
    ("fault", "dead"), [("runtime-killed", "containerd"), ("tap-killed", "tap")]
)
def test_who_dies_in_a_run_is_named_and_fails_nobody(tmp_path: Path, fault: str, dead: str) -> None:
    """The end of a component in the field is the harness's trouble, never the target's fault."""
    done = subprocess.run(
        [
            *(PODRESIZE, "run", "KL-34", "--tap", f"--fault={fault}", f"--out={tmp_path}", *_HOW),
            *(f"--{name}={version}" for name, version in VERSIONS.items()),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )
    print(done.stdout[-5000:])
    records = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    verdicts = [each for each in records if each["type"] == "verdict"]

    assert {each["verdict"] for each in verdicts} == {"error"}
    assert any(f"{dead} ended" in each["reading"] for each in verdicts)
    assert done.returncode == 3


@pytest.fixture
def cluster() -> Iterator[ClusterHandle]:
    name = own_name("tap")
    yield provider.up(Target(tap=True), name=name, owner=os.getpid())
    if state.find(name) is not None:
        provider.down(name)


def test_a_runtime_that_is_restarted_is_found_again(cluster: ClusterHandle) -> None:
    assert cluster.nodes[0].runtime_endpoint.endswith("tap.sock")

    control.restart(cluster, "containerd")

    with RuntimeClient(cluster.nodes[0].runtime_endpoint) as runtime:
        assert runtime.version()["runtime_name"] == "containerd"


def test_a_tap_that_dies_takes_the_cluster_along_and_is_named(cluster: ClusterHandle) -> None:
    socket = cluster.nodes[0].runtime_endpoint.removeprefix("unix://")
    (tap,) = [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if f"--listen\0{socket}\0".encode() in command(entry)
    ]

    os.kill(tap, signal.SIGKILL)

    assert until(lambda: state.find(cluster.name) is None, deadline=_GONE_SECONDS)
    why = why_ended(cluster.name)
    assert why is not None
    assert "tap" in str(why)


def command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
