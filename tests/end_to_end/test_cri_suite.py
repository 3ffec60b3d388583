"""The CRI suite on real runtimes: good ones pass, bad ones fail, and nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.finished_run import podresize
from tests.end_to_end.host_runtimes import containerd

from podresize.cli.driving import suites_directory
from podresize.evidence.claims import judge_claims
from podresize.evidence.records import read_records
from podresize.evidence.updates.claims import CLAIMS
from podresize.evidence.updates.update import Update
from podresize.providers.local import state
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import PutTo
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize_reports.loading import load_run

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

RUNTIME = {
    id_ for id_, item in load_catalogue().requirements.items() if item.put_to is PutTo.RUNTIME
}
# What this kernel or every containerd departs in, as catalogued.
ON_RUNC = {"PD-51", "PD-56", "PD-57", "PD-58"}
RUNNING = "CONTAINER_RUNNING"
_SECONDS = 500


def certify(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return podresize("certify-runtime", *words, f"--out={out}", timeout=_SECONDS)


def kinds(out: Path) -> dict[str, set[str]]:
    found = defaultdict(set)
    for verdict in load_run(out / "records.jsonl").verdicts:
        found[verdict.requirement].add(str(verdict.verdict))
    return dict(found)


def departures(out: Path) -> set[str]:
    verdicts = load_run(out / "records.jsonl").verdicts
    return {str(each.deviation) for each in verdicts if each.deviation}


@pytest.fixture(scope="module")
def whole(
    real_host: object, tmp_path_factory: pytest.TempPathFactory
) -> tuple[subprocess.CompletedProcess[str], Path]:
    assert real_host
    out = tmp_path_factory.mktemp("cri-suite")
    bundle = f"--bundle={out / 'bundle.zip'}"
    return certify(out, "--containerd=1.6.36", bundle), out


def stray_cgroups() -> set[str]:
    """The cgroups of podresize's that belong to nothing that lives; another run may be at it.

    The engine that scripts/docker-engine serves to these tests names its cgroup after its process.
    """
    found = {path.name for path in Path("/sys/fs/cgroup").glob("*/podresize-*")}
    engines = {f"podresize-engine-{process.name}" for process in Path("/proc").glob("[0-9]*")}
    return found - {each.layout.cgroup for each in state.clusters()} - engines


Whole = tuple[subprocess.CompletedProcess[str], Path]


def test_a_good_runtime_has_nothing_unexpected(whole: Whole) -> None:
    done, out = whole

    assert done.returncode == 0, done.stdout[-4000:]
    found = kinds(out)
    assert found.keys() == RUNTIME
    expected = {"passed", "deviation", "skipped", "unsupported"}
    assert set().union(*found.values()) <= expected
    assert departures(out) - {"PD-50"} == ON_RUNC


def test_its_bundle_gives_a_certificate(whole: Whole, tmp_path: Path) -> None:
    done, out = whole
    made = podresize("certificate", str(out / "bundle.zip"), f"--out={tmp_path / 'c'}", timeout=60)
    again = podresize("certificate", "--check", str(tmp_path / "c"), timeout=60)

    assert "digest: sha256:" in done.stdout
    assert made.returncode == again.returncode == 0, made.stdout
    assert made.stdout.startswith("runtime: conformant with deviations (")
    assert "missing" not in made.stdout.splitlines()[0]


def test_nothing_stays_of_it(whole: Whole) -> None:
    assert whole
    assert all(each.is_alive for each in state.clusters())
    assert stray_cgroups() == set()


def test_what_can_be_shown_here_was_put_to_it(whole: Whole) -> None:
    _, out = whole

    executed = {id_ for id_, found in kinds(out).items() if found & {"passed", "deviation"}}

    # Without CRIU, cgroup v2 or a hugetlb controller these cannot.
    assert RUNTIME - executed <= {"RT-06", "RT-07", "RT-30"}


def test_stored_updates_are_judged_again_as_they_were(whole: Whole) -> None:
    """Each update's own claims come out of its record, without a runtime."""
    _, out = whole
    records = list(read_records(out / "records.jsonl"))
    (target,) = [each for each in records if each["type"] == "target"]
    fingerprint = RuntimeFingerprint.from_json(target["fingerprint"])
    updates = [Update.from_json(each) for each in map(_plain, records) if each]

    assert len(updates) > 50
    again = [
        judge_claims(CLAIMS["RT-14"]("RT-14", update, fingerprint))["RT-14"][0]
        for update in updates
        if update.answer.is_ok and update.before.state == update.after.state == RUNNING
    ]
    assert set(map(str, again)) == {"passed"}


def _plain(record: dict[str, Any]) -> dict[str, Any] | None:
    return record if record["type"] == "update" else None


def test_a_silent_runtime_departs_as_catalogued(tmp_path: Path) -> None:
    done = certify(tmp_path, "--containerd=1.6.8", "RT-10", "RT-11", "RT-01")

    assert done.returncode == 0, done.stdout[-4000:]
    assert kinds(tmp_path)["RT-11"] == {"deviation"}
    assert kinds(tmp_path)["RT-10"] == {"deviation"}
    assert kinds(tmp_path)["RT-01"] == {"passed"}
    assert departures(tmp_path) >= {"C-01"}


def test_runtimes_beside_each_other(tmp_path: Path) -> None:
    done = certify(tmp_path, "RT-20", "RT-01", "--containerd=1.6.36", "--and=1.6.36/crun")

    assert done.returncode == 0, done.stdout[-4000:]
    assert "1  containerd 1.6.36, runc" in done.stdout
    assert "2  containerd 1.6.36, crun" in done.stdout
    assert departures(tmp_path) >= {"PD-54", "PD-55", "PD-57"}


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        # Of other bad runtimes the tenth of the mutants tells (test_mutation).
        ("update-half:keep=cpu", {"RT-04"}),
        ("update-off-by-a-page", {"RT-04"}),
        ("status-empty", {"RT-11"}),
        ("status-stale", {"RT-11"}),
    ],
)
def test_a_bad_runtime_is_caught(tmp_path: Path, fault: str, caught: set[str]) -> None:
    done = certify(tmp_path, "--tap", f"--fault={fault}", "--containerd=1.6.36", "RT-01", *caught)

    assert done.returncode == 1, done.stdout[-4000:]
    failed = {id_ for id_, found in kinds(tmp_path).items() if "failed" in found}
    assert caught <= failed


@pytest.fixture(scope="module")
def there(real_host: object) -> Iterator[Path]:
    assert real_host
    with containerd("1.6.36") as (directory, _):
        yield directory / "containerd.sock"


def test_a_runtime_that_is_there(there: Path, tmp_path: Path) -> None:
    """By plain pytest, as a vendor runs it: what cannot be done to it is unsupported."""
    suites = suites_directory()
    words = [f"--cri-endpoint=unix://{there}", f"--out={tmp_path}", f"--rootdir={suites}"]
    words += [f"--requirement={id_}" for id_ in ("RT-01", "RT-11", "RT-26", "RT-34")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(suites / "cri")),
            f"--config-file={suites / 'pytest.ini'}",
            *words,
        ],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:]
    found = kinds(tmp_path)
    assert found["RT-01"] == found["RT-11"] == {"passed"}
    assert found["RT-34"] == {"unsupported"}
    assert stray_cgroups() == set()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ST-21"], "put to a cluster"),
        (["RT-99"], "no such requirement"),
        (["--and", "1.6.8"], "not a runtime that could be started beside"),
        (["--cri-endpoint", "unix:///no/such.sock"], "no such socket"),
        (["--cri-endpoint", "unix:///dev/null"], "socket"),
    ],
)
def test_bad_input_is_one_message(tmp_path: Path, words: list[str], says: str) -> None:
    done = certify(tmp_path / "out", *words)

    assert done.returncode == 2, done.stdout
    assert says in done.stdout
    assert "Traceback" not in done.stdout
