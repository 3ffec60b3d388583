"""The published schemas say what is written, and refuse what is not."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.evidence.updates.seen import GOOD
from tests.reports import whole_run

from podresize_reports.bundle import write_bundle
from podresize_reports.certificate import certificates, to_yaml
from podresize_reports.loading import load_run
from podresize_reports.scrubbing import Scrubber


def validator(name: str) -> jsonschema.Draft202012Validator:
    text = importlib.resources.files("podresize_reports").joinpath(f"schemas/{name}.json")
    schema = json.loads(text.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


RECORDS = validator("records-1")


@pytest.mark.parametrize("silent", [False, True])
def test_what_a_run_writes_is_of_the_schema(silent: bool) -> None:
    update = {"type": "update", "check": "x", "target": "y", **GOOD.to_json()}
    for record in [*whole_run.records(silent=silent), update, {"type": "weather", "rain": True}]:
        RECORDS.validate(record)


@pytest.mark.parametrize(
    ("kind", "spoilt"),
    [
        ("verdict", {"verdict": "fine"}),
        ("verdict", {"level": "MAY"}),
        ("verdict", {"facts": {"done": "soon"}}),
        ("run", {"schema": 2}),
        ("target", {"fingerprint": []}),
        ("timeline", {"observations": [{"t": 0}]}),
        ("claims", {"claims": [{"requirement": "x"}]}),
        ("verdict", {"line": 0}),
        ("verdict", {"line": "17"}),
        ("target", {"own": "yes"}),
        ("end", {"exit": "0"}),
    ],
)
def test_what_is_malformed_is_not(kind: str, spoilt: dict[str, Any]) -> None:
    record = next(each for each in whole_run.records() if each["type"] == kind)

    assert not RECORDS.is_valid(record | spoilt)


def test_a_manifest_is_of_its_schema(tmp_path: Path) -> None:
    out = whole_run.write(tmp_path / "out", whole_run.records())
    place = write_bundle(out, tmp_path / "b", Scrubber({})).path
    manifest = json.loads((place / "manifest.json").read_text())
    known = validator("bundle-1")

    known.validate(manifest)
    assert not known.is_valid(manifest | {"more": 1})
    for name in ("/etc/passwd", "../x", "a\\b"):
        assert not known.is_valid(manifest | {"files": {name: manifest["files"]["index.html"]}})


def test_a_certificate_is_of_its_schema(tmp_path: Path) -> None:
    seen = whole_run.records()
    seen[0]["options"] = {"profiles": ["core"], "requirements": []}
    out = whole_run.write(tmp_path / "out", seen)
    (found,) = certificates(load_run(out / "records.jsonl"))
    document = yaml.safe_load(to_yaml(found, bundle="sha256:x"))
    known = validator("certificate-1")

    known.validate(document)
    document["profiles"]["core"]["result"] = "perhaps"
    assert not known.is_valid(document)
