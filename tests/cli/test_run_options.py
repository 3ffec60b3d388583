"""What ``podresize run`` makes of the options that name a cluster and say what becomes of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podresize.cli.run import _run_pytest
from podresize.requirements.target import Target

if TYPE_CHECKING:
    from tests.cli.conftest import Run

Screen = Callable[[str, str], None]


@pytest.mark.parametrize("option", ["--keep", "--reuse"])
def test_one_cluster_cannot_stay_for_several_targets(run: Run, screen: Screen, option: str) -> None:
    ran = run("run", option, "--name", "mine")

    assert ran.exit_code == 2
    screen(f"run{option[1:]}-several", ran.error)


def test_pytest_gets_the_options_as_they_were_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []

    class Child:
        pid = 0

        def wait(self) -> int:
            return 0

    def started(command: list[str], **_: Any) -> Child:
        commands.append(command)
        return Child()

    monkeypatch.setattr(subprocess, "Popen", started)
    whose = ["--name=mine", "--reuse", "--keep"]

    _run_pytest(Target(provider="kind"), (), (), out=tmp_path, run_id="r", workers=0, whose=whose)

    assert set(whose) < set(commands[0])
