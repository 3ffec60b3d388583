"""A real kind cluster with a tap between kubelet and runtime: as on processes, and it goes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end import kind_kills
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.finished_run import NEWEST, podresize
from tests.end_to_end.kind_runs import PODRESIZE, newest_kind_run
from tests.end_to_end.real_clusters import own_name, until
from tests.end_to_end.told_updates import check_told

from podresize.cri.call_file import CallReader
from podresize.cri.client import RuntimeClient
from podresize.providers import control
from podresize.providers.interface import ClusterHandle, NodeHandle
from podresize.providers.kind import provider, state
from podresize.requirements.target import Target

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

TARGET = Target(provider="kind", kubernetes="1.37.2", containerd="2.1.4", worker_nodes=1, tap=True)
RUN = ("run", "--provider=kind", *NEWEST)
_RUN_SECONDS = 600.0
_SECONDS = 30.0
# Where kubeadm writes which runtime a kubelet asks: up to 1.33, and since.
_WRITTEN = ("kubeadm-flags.env", "instance-config.yaml")


def test_the_verdicts_are_the_same_and_every_update_is_told(
    engine: RealEngine, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    without = newest_kind_run(engine, tmp_path_factory.getbasetemp())
    assert without.code == 0, without.unexpected
    words = (*RUN, "--tap", f"--out={tmp_path / 'with'}")
    done = engine.run(PODRESIZE, *words, seconds=_RUN_SECONDS)
    print(done.stdout[-5000:])
    assert done.returncode == 0, done.stdout[-3000:]

    compared = podresize("compare", str(without.out), str(tmp_path / "with"))

    assert compared.returncode == 0, compared.stdout
    check_told(tmp_path / "with")


def test_a_fault_of_the_runtime_is_caught(engine: RealEngine, tmp_path: Path) -> None:
    done = engine.run(
        *(PODRESIZE, *RUN, "KL-30", "--tap", "--fault=update-dropped", f"--out={tmp_path}"),
        seconds=_RUN_SECONDS,
    )

    assert done.returncode == 1, done.stdout[-3000:]
    assert "made to do wrong: fault update-dropped" in done.stdout
    lines = (tmp_path / "records.jsonl").read_text().splitlines()
    verdicts = [each for each in map(json.loads, lines) if each["type"] == "verdict"]
    assert {each["verdict"] for each in verdicts if each["requirement"] == "KL-30"} == {"failed"}


@pytest.fixture
def cluster(engine: RealEngine) -> Iterator[ClusterHandle]:
    """A cluster with a worker, whose tap is; it goes with this process."""
    name = own_name("tap")
    with pytest.MonkeyPatch.context() as patched:
        for key, value in engine.environment.items():
            patched.setenv(key, value)
        yield provider.up(TARGET, name=name, owner=os.getpid())
        provider.down(name)


def test_the_checks_node_alone_is_tapped_and_its_runtime_may_start_anew(
    cluster: ClusterHandle,
) -> None:
    worker, control_plane = cluster.nodes
    assert worker.calls is not None
    assert control_plane.calls is None
    asked = {each.name: kubelet_asks(each) for each in cluster.nodes}
    assert asked == {worker.name: "podresize-tap.sock", control_plane.name: "containerd.sock"}

    control.restart(cluster, "containerd")

    with RuntimeClient(worker.runtime_endpoint) as runtime:
        assert runtime.version()["runtime_name"] == "containerd"
    with contextlib.closing(CallReader(worker.calls)) as calls:
        assert until(
            lambda: [each for each in calls.new() if each["code"] == "OK"], deadline=_SECONDS
        )
    assert not control.ended(cluster, "kubelet")


def kubelet_asks(node: NodeHandle) -> str:
    """Return the name of the socket that the node's kubelet was told of."""
    assert node.kubelet is not None
    said = "".join(
        (node.kubelet / name).read_text() for name in _WRITTEN if (node.kubelet / name).exists()
    )
    (found,) = re.findall(r"unix://\S+/([\w-]+\.sock)", said)
    return str(found)


def test_a_tap_that_dies_ends_the_run_with_errors_and_no_failure(
    engine: RealEngine, tmp_path: Path
) -> None:
    before = {each.layout.name for each in state.clusters()}
    with engine.start(PODRESIZE, *RUN, "--tap", f"--out={tmp_path}") as run:

        def calls() -> Path | None:
            new = [each for each in state.clusters() if each.layout.name not in before]
            return new[0].layout.calls if new and new[0].handle is not None else None

        def updated() -> bool:
            file = calls()
            return file is not None and "UpdateContainerResources" in file.read_text()

        try:
            assert until(updated, deadline=kind_kills.START_SECONDS)
            file = calls()
            assert file is not None
            os.kill(tap_of(file), signal.SIGKILL)
            output, _ = run.communicate(timeout=_RUN_SECONDS)
        finally:
            run.kill()

    assert run.returncode == 3, output[-3000:]
    assert "tap ended with -9" in output
    lines = (tmp_path / "records.jsonl").read_text().splitlines()
    verdicts = [each for each in map(json.loads, lines) if each["type"] == "verdict"]
    kinds = {each["verdict"] for each in verdicts}
    assert "error" in kinds
    assert kinds <= {"error", "passed", "unsupported"}
    assert not any("control-plane" in each for each in engine.things["containers"])


def tap_of(calls: Path) -> int:
    """Return the pid of the tap that writes this file."""
    wanted = f"--calls\0{calls}\0".encode()
    (found,) = [
        int(entry.name) for entry in Path("/proc").glob("[0-9]*") if wanted in _command(entry)
    ]
    return found


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("victim", "moment"), [("keeper", "tap started"), ("owner", kind_kills.READY)]
)
def test_whoever_is_killed_nothing_remains(engine: RealEngine, victim: str, moment: str) -> None:
    with kind_kills.started(engine, own_name("kind"), tap=True) as run:
        run.wait_for(moment)
        assert run.kill(victim) == [victim]

        assert run.leftovers_after() == []
