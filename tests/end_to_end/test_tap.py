"""A real local cluster with a tap between kubelet and runtime: nothing changes, all is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.finished_run import NEWEST, finished, newest_run, podresize
from tests.end_to_end.real_clusters import own_name, until
from tests.end_to_end.told_updates import check_told

from podresize.cri.client import RuntimeClient
from podresize.providers import control
from podresize.providers.child import why_ended
from podresize.providers.interface import ClusterHandle
from podresize.providers.local import provider, state
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

_RUN_SECONDS = 600.0
_GONE_SECONDS = 30.0


def test_the_verdicts_are_the_same_and_every_update_is_told(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    without = newest_run(tmp_path_factory.getbasetemp())
    assert without.code == 0, without.unexpected
    tapped = finished(*NEWEST, "--tap", out=tmp_path / "with", timeout=_RUN_SECONDS)
    assert tapped.code == 0, tapped.unexpected

    done = podresize("compare", str(without.out), str(tapped.out))

    print(done.stdout)
    assert done.returncode == 0, done.stdout
    check_told(tmp_path / "with")


@pytest.mark.parametrize(
    ("fault", "dead"), [("runtime-killed", "containerd"), ("tap-killed", "tap")]
)
def test_who_dies_in_a_run_is_named_and_fails_nobody(tmp_path: Path, fault: str, dead: str) -> None:
    """The end of a component in the field is the harness's trouble, never the target's fault."""
    run = finished(
        *("KL-34", *NEWEST, "--tap", f"--fault={fault}"),
        out=tmp_path / "out",
        timeout=_RUN_SECONDS,
    )
    verdicts = run.of("verdict")

    assert {each["verdict"] for each in verdicts} == {"error"}
    assert any(f"{dead} ended" in each["reading"] for each in verdicts)
    assert run.code == 3


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
