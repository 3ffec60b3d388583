"""What an Allure report is told of the run as a whole, from its records."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.reports import records_builder as build

from podresize_reports.allure_files import environment, write_allure_files
from podresize_reports.loading import Run, load_run


def loaded(path: Path, *records: dict[str, Any]) -> Run:
    return load_run(build.write(path / "records.jsonl", list(records)))


def properties(content: bytes) -> dict[str, str]:
    """Read the file as java.util.Properties does, as far as it is used here."""
    assert content.isascii()
    found = {}
    for line in content.decode().splitlines():
        key, _, value = line.partition("=")
        assert re.fullmatch(r"[\w.]+", key)
        text = re.sub(
            r"\\(?:u([0-9a-f]{4})|(.))",
            lambda match: chr(int(match[1], 16)) if match[1] else match[2],
            value,
        )
        found[key] = text.encode("utf-16", "surrogatepass").decode("utf-16")
    return found


def test_the_environment_is_the_run_and_all_of_its_targets(tmp_path: Path) -> None:
    own = build.target_record(f"{build.OLD}, sync 5 s", own=True, notes=["its own"])
    found = properties(environment(loaded(tmp_path, own, *build.two_targets())))

    assert found["target.1"] == build.OLD
    assert found["target.1.host_limits"] == "no CAP_SYS_RESOURCE"
    assert found["target.2"] == build.NEW
    assert found["target.3"] == f"{build.OLD}, sync 5 s"
    assert found["target.3.notes"] == "its own"
    assert found["run"] == "7f3a"
    assert found["state"] == "ended with exit code 0"


def test_what_a_target_printed_is_a_value_and_nothing_else(tmp_path: Path) -> None:
    hostile = "a=b\\u0041\nstate=fine\x1b \\ 💥 é"
    target = build.target_record(fingerprint={"kernel": hostile}, notes=[hostile])
    found = properties(environment(loaded(tmp_path, build.run_record(), target)))

    assert found["target.1.kernel"] == "a=b\\u0041 state=fine␛ \\ 💥 é"
    assert found["state"] == "not ended: it goes on, or it died half way"


def test_a_run_that_died_is_a_broken_result_once_it_is_known(tmp_path: Path) -> None:
    records = build.write(tmp_path / "r", build.two_targets()[:-1], torn='{"type":')
    place = tmp_path / "allure"

    going_on = {path.name for path in write_allure_files(records, place, is_over=False)}
    for _ in range(2):
        write_allure_files(records, place, is_over=True)

    assert going_on == {"environment.properties", "categories.json"}
    (result,) = (json.loads(path.read_text()) for path in place.glob("*-result.json"))
    assert result["status"] == "broken"
    assert "died half way" in result["statusDetails"]["message"]
    assert "is torn" in result["statusDetails"]["trace"]
    assert {path.name for path in place.iterdir()} == going_on | {f"{result['uuid']}-result.json"}


def test_the_broken_result_of_another_night_is_of_the_same_history(tmp_path: Path) -> None:
    results = []
    for run in ("one", "two"):
        records = build.write(tmp_path / run, [build.run_record(run=run)])
        write_allure_files(records, tmp_path / f"{run}-allure", is_over=True)
        (path,) = (tmp_path / f"{run}-allure").glob("*-result.json")
        results.append(json.loads(path.read_text()))

    assert results[0]["historyId"] == results[1]["historyId"]
    assert results[0]["uuid"] != results[1]["uuid"]


def test_a_whole_run_has_no_result_of_its_own(tmp_path: Path) -> None:
    records = build.write(tmp_path / "r", build.two_targets())

    write_allure_files(records, tmp_path / "allure", is_over=True)

    assert not list((tmp_path / "allure").glob("*-result.json"))
