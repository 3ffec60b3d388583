"""``podresize compare``: what it takes, what it refuses, and what its exit code says."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from tests.reports import records_builder as build
from tests.reports import whole_run

from podresize.cli.bundle import make_bundle
from podresize.cli.compare import compare
from podresize.errors import UsageError
from podresize.evidence.records import VerdictKind

GATE_OFF = build.OLD.replace("gate on", "gate off")


def invoke(*words: object) -> Result:
    return CliRunner().invoke(compare, [str(word) for word in words], catch_exceptions=False)


def bundle(tmp_path: Path, name: str, *, holds: bool = True) -> Path:
    out = whole_run.write(tmp_path / f"out-{name}", whole_run.records(holds=holds))
    return make_bundle(out, tmp_path / name).path


def records(tmp_path: Path, name: str, *targets: tuple[str, VerdictKind, dict[str, Any]]) -> Path:
    lines = [build.run_record()]
    for label, kind, detected in targets:
        target = build.target_record(label)
        target["fingerprint"] |= detected
        lines += [target, build.verdict("ST-21", kind, target=label)]
    return build.write(tmp_path / name, [*lines, build.end_record()])


@pytest.mark.parametrize("name", ["other.zip", "other"], ids=["archive", "directory"])
def test_bundles_are_verified_and_compared(tmp_path: Path, name: str) -> None:
    good, bad = bundle(tmp_path, "good.zip"), bundle(tmp_path, name, holds=False)

    same, other = invoke(good, good), invoke(good, bad)

    assert same.exit_code == 0
    assert "0 differences" in same.output
    assert other.exit_code == 1
    assert "new failures: 1 verdict of 1 requirement\n  API-30  passed | failed" in other.output


def test_a_bundle_is_compared_with_the_directory_of_a_run(tmp_path: Path) -> None:
    archive = bundle(tmp_path, "one.zip")

    assert invoke(archive, tmp_path / "out-one.zip").exit_code == 0


def test_a_bundle_with_a_complaint_is_refused_unless_told(tmp_path: Path) -> None:
    good, forged = bundle(tmp_path, "good"), bundle(tmp_path, "forged")
    kept = forged / "records.jsonl"
    kept.write_text(kept.read_text().replace('"verdict":"passed"', '"verdict":"failed"', 1))

    with pytest.raises(UsageError, match="the bundle has a complaint") as error:
        invoke(good, forged)

    assert "records.jsonl" in str(error.value)
    assert invoke(good, forged, "--unverified").exit_code == 1


@pytest.mark.parametrize("options", [(), ("--unverified",)])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short"], ids=["empty", "cut"])
def test_what_is_no_bundle_is_one_message(
    tmp_path: Path, content: bytes, options: tuple[str, ...]
) -> None:
    (tmp_path / "x.zip").write_bytes(content)

    with pytest.raises(UsageError) as error:
        invoke(bundle(tmp_path, "good"), tmp_path / "x.zip", *options)
    assert f"{tmp_path / 'x.zip'}: " in str(error.value)


def test_what_is_not_there_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        invoke(tmp_path / "none", tmp_path / "none")


def test_stacks_of_other_versions_are_paired_by_their_gates(tmp_path: Path) -> None:
    on, off = VerdictKind.PASSED, VerdictKind.UNSUPPORTED
    left = records(tmp_path, "l", (build.OLD, on, {}), (GATE_OFF, off, {"gate": False}))
    newer = {"runtime_version": "1.6.36"}
    right = records(
        tmp_path,
        "r",
        (GATE_OFF, off, newer | {"gate": False}),
        (build.OLD, on, newer),
    )

    found = invoke(left, right)

    assert found.exit_code == 0
    assert found.output.count("  runtime_version  1.6.8 | 1.6.36") == 2
    assert "  gate" not in found.output


def test_the_clusters_of_a_stack_are_compared_as_one(tmp_path: Path) -> None:
    """A check had a cluster of its own on the right, and the run's on the left."""
    failed = VerdictKind.FAILED
    left = records(tmp_path, "l", (build.OLD, failed, {}))
    right = records(tmp_path, "r", (f"{build.OLD}, sync 5 s", failed, {"sync_seconds": 5.0}))

    assert invoke(left, right).exit_code == 0


def test_a_stack_without_a_match_makes_a_difference(tmp_path: Path) -> None:
    one: tuple[str, VerdictKind, dict[str, Any]] = (build.OLD, VerdictKind.PASSED, {})
    left = records(tmp_path, "l", one, (GATE_OFF, VerdictKind.PASSED, {"gate": False}))

    found = invoke(left, records(tmp_path, "r", one))

    assert found.exit_code == 1
    assert f"only left: {GATE_OFF}" in found.output


def test_the_json_is_of_its_schema(tmp_path: Path) -> None:
    text = importlib.resources.files("podresize_reports").joinpath("schemas/comparison-1.json")
    known = jsonschema.Draft202012Validator(json.loads(text.read_text(encoding="utf-8")))
    facts = [
        {"facts": {"done": by + n / 100}, "timeline": f"t{n}"} for by in (1, 3) for n in range(9)
    ]
    sides = []
    for number in (0, 1):
        kind = (VerdictKind.PASSED, VerdictKind.FAILED)[number]
        verdicts = [build.verdict("ST-21", kind, **each) for each in facts[9 * number :][:9]]
        lines = [build.run_record(), build.target_record(), *verdicts, build.end_record()]
        sides.append(build.write(tmp_path / f"{number}", lines))

    found = invoke(*sides, "--format=json")
    document = json.loads(found.output)

    known.validate(document)
    (stack,) = document["stacks"]
    assert (found.exit_code, document["differ"], stack["differences"]) == (1, True, 1)
    assert stack["timings"][0]["steps"][0]["says"] == "slower"
    assert not known.is_valid(document | {"differ": "yes"})
    assert not known.is_valid(document | {"stacks": [stack | {"sections": [{"section": "x"}]}]})
