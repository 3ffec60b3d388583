"""``podresize matrix``: requirement by target, and what was said where targets differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.reports import records_builder as build
from tests.reports import whole_run

from podresize.cli.bundle import make_bundle
from podresize.cli.matrix import matrix
from podresize.errors import UsageError
from podresize.evidence.records import VerdictKind

V2 = build.OLD.replace("cgroup v1 cgroupfs", "cgroup v2 systemd")
STATIC = f"{build.OLD}, static CPUs"


def invoke(*words: object) -> Result:
    return CliRunner().invoke(matrix, [str(word) for word in words], catch_exceptions=False)


def records(path: Path, label: str, *verdicts: dict[str, Any], version: int = 1) -> Path:
    own = [target(label, version), target(STATIC, version, own=True)] if version == 1 else []
    lines = [build.run_record(), *(own or [target(label, version)])]
    lines += [{"target": label} | each for each in verdicts]
    return build.write(path, [*lines, build.end_record()])


def target(label: str, version: int, **changes: Any) -> dict[str, Any]:
    record = build.target_record(label, **changes)
    record["fingerprint"] |= {"cgroup_version": version}
    return record


def on(label: str, verdict: dict[str, Any]) -> dict[str, Any]:
    return verdict | {"target": label}


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    """One stack on each cgroup version; on v1 a check had a cluster of its own."""
    unsupported = build.verdict("KL-39", VerdictKind.UNSUPPORTED, reading="it takes cgroup v2")
    deviation = {"deviation": "K-20", "reading": "systemd wrote old limits | again"}
    one = records(
        tmp_path / "v1.jsonl",
        build.OLD,
        on(build.OLD, build.verdict("ST-21")),
        on(build.OLD, unsupported),
        on(build.OLD, build.verdict("PR-61")),
        on(STATIC, build.verdict("PR-21")),
        on(build.OLD, build.verdict("PR-20")),
    )
    other = records(
        tmp_path / "v2.jsonl",
        V2,
        on(V2, build.verdict("ST-21")),
        on(V2, build.verdict("KL-39")),
        on(V2, build.verdict("PR-61", VerdictKind.DEVIATION, **deviation)),
        on(V2, build.verdict("PR-21")),
        on(V2, build.verdict("PR-20", deviation="PD-12")),
        version=2,
    )
    return one, other


def test_each_target_is_a_column_with_its_checks_own_clusters(both: tuple[Path, Path]) -> None:
    lines = invoke(*both).output.splitlines()

    assert lines[0] == f"1  {build.OLD}: 4 passed, 1 unsupported"
    assert lines[1] == f"2  {V2}: 1 deviation, 4 passed"
    rows = {line.split()[0]: line.split()[-2:] for line in lines[4:]}
    assert rows["PR-21"] == ["passed", "passed"]
    assert rows["KL-39"] == ["unsupported", "passed"]
    assert rows["PR-61"] == ["passed", "K-20"]


def test_the_differences_come_with_what_was_said(both: tuple[Path, Path]) -> None:
    lines = invoke(*both, "--differences").output.splitlines()

    ids = [line.split()[0] for line in lines[4:] if not line.startswith(" ")]
    assert ids == ["KL-39", "PR-61"]  # a race is no difference
    assert "    1: it takes cgroup v2" in lines
    assert "    2: systemd wrote old limits | again" in lines


def test_what_two_targets_say_alike_is_said_once(both: tuple[Path, Path], tmp_path: Path) -> None:
    third = records(
        tmp_path / "third.jsonl",
        build.NEW,
        on(
            build.NEW, build.verdict("KL-39", VerdictKind.UNSUPPORTED, reading="it takes cgroup v2")
        ),
    )

    assert "    1, 3: it takes cgroup v2" in invoke(*both, third, "--differences").output


def test_markdown_has_the_reasons_in_a_column(both: tuple[Path, Path]) -> None:
    lines = invoke(*both, "--differences", "--markdown").output.splitlines()

    assert lines[0] == "| requirement | | 1 | 2 | reason |"
    title = "status.resources follows the resize"
    assert lines[2] == f"| KL-39 | {title} | unsupported | passed | 1: it takes cgroup v2 |"
    assert lines[3].endswith(r"| passed | K-20 | 2: systemd wrote old limits \| again |")
    assert lines[-1] == f"2. {V2}: 1 deviation, 4 passed"


def test_two_runs_of_one_target_are_one_column(both: tuple[Path, Path], tmp_path: Path) -> None:
    worse = records(
        tmp_path / "again.jsonl",
        build.OLD,
        on(build.OLD, build.verdict("ST-21", VerdictKind.FAILED)),
    )

    output = invoke(both[0], worse).output

    assert output.startswith(f"1  {build.OLD}: 1 failed, 4 passed, 1 unsupported\n\n")
    assert "failed 1/2" in output


def test_a_bundle_with_a_complaint_is_refused_unless_told(tmp_path: Path) -> None:
    out = whole_run.write(tmp_path / "out", whole_run.records())
    place = make_bundle(out, tmp_path / "bundle").path
    file = place / "records.jsonl"
    file.write_text(file.read_text().replace('"passed"', '"failed"', 1))

    with pytest.raises(UsageError, match="the bundle has a complaint"):
        invoke(place)
    assert "failed 1/" in invoke(place, "--unverified").output
