"""Checks with clusters of their own beside one that shares the run's, by two workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.real_clusters import leftovers_after

from podresize.providers.local import state
from podresize_reports.loading import load_run

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

CHECKS = '''
    import json, os, pathlib, pytest
    from podresize.providers import control
    from podresize_fixtures import requirement

    @pytest.fixture
    def noted(podresize_cluster, request):
        """Write down where the check ran."""
        handle = podresize_cluster.handle
        with pathlib.Path("ran.jsonl").open("a") as file:
            line = {"check": request.node.name, "name": handle.name,
                    "policy": handle.fingerprint.cpu_manager_policy,
                    "sync": handle.fingerprint.sync_seconds, "joined": handle.has_joined}
            file.write(json.dumps(line) + chr(10))
        return handle

    @requirement("ST-20")
    def test_shared(noted, pods):
        pods.running(qos="Guaranteed")

    @requirement("ST-20")
    @pytest.mark.own_cluster(cpu_manager_policy="static", kubelet={"syncFrequency": "5s"})
    @pytest.mark.parametrize("number", range(3))
    def test_static(noted, pods, number):
        pods.running(qos="Guaranteed")
        control.stop(noted, "kubelet")

    @requirement("ST-20")
    @pytest.mark.own_cluster()
    def test_alike(noted, pods):
        pods.running(qos="Guaranteed")
        control.restart(noted, "containerd")

    @requirement("API-05")
    @pytest.mark.own_cluster(gate=False)
    def test_gate_off(noted, pods):
        pods.running(qos="Guaranteed")

    @requirement("ST-21")
    @pytest.mark.own_cluster()
    def test_fails(noted):
        assert False, "not so"
'''


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    environment.pop("PODRESIZE_RUN_ID", None)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--out=out", *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def ran(directory: Path) -> dict[str, dict[str, Any]]:
    lines = (directory / "ran.jsonl").read_text().splitlines()
    return {each["check"]: each for each in map(json.loads, lines)}


@pytest.mark.parametrize("workers", ["2", "0"])
def test_each_gets_what_it_asked_for_and_nothing_is_left(tmp_path: Path, workers: str) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    source = "\n".join(line.removeprefix("    ") for line in CHECKS.splitlines())
    (tmp_path / "test_own.py").write_text(source)
    before = {each.layout.name for each in state.clusters()}

    done = run(tmp_path, "--provider=local", "-n", workers, "--own-clusters=2")

    assert done.returncode == 1, done.stdout + done.stderr
    found = ran(tmp_path)
    names = {each["name"] for each in found.values()}
    static = [each for check, each in found.items() if check.startswith("test_static")]
    assert len(found) == 7
    assert {(each["policy"], each["sync"]) for each in static} == {("static", 5.0)}
    own = {each["name"] for check, each in found.items() if check != "test_shared"}
    assert found["test_shared"]["name"] not in own
    # Two at a time at most, used again where they fit.
    assert len({each["name"] for each in static}) <= 2
    assert found["test_alike"]["policy"] == "none"
    # What differs from the run's target in its node alone is a node of the run's cluster.
    joined = {check.partition("[")[0]: each["joined"] for check, each in found.items()}
    alone = {"test_shared", "test_gate_off"}
    assert joined == {check: check not in alone for check in joined}

    records = load_run(tmp_path / "out" / "records.jsonl")
    assert not records.problems
    assert Counter(str(each.verdict) for each in records.verdicts) == {"passed": 6, "failed": 1}
    labels = [each.label for each in records.targets]
    assert len(labels) == 3
    own_target = f"{labels[0]}, cpu manager static, sync 5 s"
    assert set(labels[1:]) == {own_target, labels[0].replace("gate on", "gate off")}
    assert records.targets[labels.index(own_target)].fingerprint["sync_seconds"] == 5.0
    failed = tmp_path / "out" / "logs" / found["test_fails"]["name"]
    assert (failed / "kubelet.log").stat().st_size > 0
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stdout + done.stderr

    for name in names:
        assert leftovers_after(name) == []
    assert not {each.layout.name for each in state.clusters()} & (names - before)
