"""``--allure``: what it needs, what it removes, and that all targets get one directory."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.reports import records_builder as build

import podresize.cli
from podresize.cli.allure import begin_allure, end_allure
from podresize.errors import HostError, UsageError
from podresize.providers.local import provider as local
from podresize.providers.runtimes import provider as runtimes


def test_without_allure_pytest_it_says_what_to_install_and_touches_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(UsageError) as refused:
        begin_allure(tmp_path / "allure")

    assert refused.value.exit_code == 2
    assert "next:    pip install 'podresize[allure]'" in str(refused.value)
    assert not (tmp_path / "allure").exists()


def test_the_results_of_an_earlier_run_go_and_nothing_else(tmp_path: Path) -> None:
    earlier = ("a-result.json", "b-container.json", "c-attachment.svg", "environment.properties")
    for name in earlier:
        (tmp_path / name).write_text("{}")
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "history.json").write_text("{}")
    (tmp_path / "mine.txt").write_text("")

    assert begin_allure(tmp_path) == [f"--alluredir={tmp_path}"]

    assert sorted(path.name for path in tmp_path.iterdir()) == ["history", "mine.txt"]
    assert (tmp_path / "history" / "history.json").exists()


def test_a_place_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HostError, match="the Allure results cannot be written"):
        begin_allure(tmp_path / "file" / "below")
    with pytest.raises(HostError, match="the Allure results cannot be written"):
        end_allure(tmp_path / "file", build.write(tmp_path / "r", build.two_targets()))


def test_nothing_is_done_where_nobody_asks(tmp_path: Path) -> None:
    assert begin_allure(None) == []
    end_allure(None, tmp_path / "none")


@pytest.mark.parametrize("command", ["run", "certify-runtime"])
def test_every_target_writes_into_one_directory_that_knows_all_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    out, place = tmp_path / "out", tmp_path / "allure"
    labels = iter((build.OLD, build.NEW))
    given = []

    def run_pytest(words: list[str], **_: Any) -> int:
        given.append([word for word in words if word.startswith("--alluredir")])
        label = next(labels)
        with (out / "records.jsonl").open("a") as records:
            for record in (build.target_record(label), build.verdict(target=label)):
                records.write(json.dumps(record) + "\n")
        return 0

    module = importlib.import_module(f"podresize.cli.{command.replace('-', '_')}")
    monkeypatch.setattr(module, "run_pytest", run_pytest)
    for provider in (local, runtimes):
        monkeypatch.setattr(provider, "check_host", lambda *_: None)
        monkeypatch.setattr(provider, "gather", lambda *_, **__: None)
    two = {"run": ["--no-gate-off"], "certify-runtime": ["--and=1.6.36/runc"]}[command]
    words = [*two, f"--out={out}", f"--allure={place}"]

    done = CliRunner().invoke(podresize.cli.commands.commands[command], words)

    assert done.exit_code == 0
    assert given == [[f"--alluredir={place}"]] * 2
    environment = (place / "environment.properties").read_text()
    assert f"target.1={build.OLD}\n" in environment
    assert f"target.2={build.NEW}\n" in environment
    assert "state=ended with exit code 0\n" in environment
