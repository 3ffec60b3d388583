"""An engine's program that says what a test tells it to, and writes down what it was asked."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from podresize.providers.kind.engine import VARIABLES

_PROGRAM = """#!{python}
import json, pathlib, sys
here = pathlib.Path({directory!r})
words = sys.argv[1:]
with (here / "asked").open("a") as file:
    file.write(json.dumps(words) + "\\n")
for said in json.loads((here / "answers.json").read_text()):
    if words[: len(said["to"])] == said["to"]:
        sys.stderr.write(said["error"])
        sys.stdout.write(said["output"])
        sys.exit(said["code"])
"""


@dataclasses.dataclass
class FakeProgram:
    """A program on PATH. It answers to the first words that fit; to anything else with nothing."""

    directory: Path
    answers: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def says(self, *to: str, output: str = "", error: str = "", code: int = 0) -> None:
        """Have it answer to a command that begins so; what is said later comes first."""
        answer = {"to": list(to), "output": output, "error": error, "code": code}
        self.answers.insert(0, answer)
        self.directory.joinpath("answers.json").write_text(json.dumps(self.answers))

    @property
    def asked(self) -> list[list[str]]:
        """The commands so far."""
        file = self.directory / "asked"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH; no variable names an engine."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return directory


def fake_program(bin_directory: Path, name: str) -> FakeProgram:
    """Put a program of that name on PATH."""
    directory = bin_directory.parent / f"{name}-said"
    directory.mkdir()
    program = bin_directory / name
    program.write_text(_PROGRAM.format(python=sys.executable, directory=str(directory)))
    program.chmod(0o755)
    fake = FakeProgram(directory)
    fake.directory.joinpath("answers.json").write_text("[]")
    return fake


@pytest.fixture
def docker(bin_directory: Path) -> FakeProgram:
    """Docker as root has it, without clusters, images and networks."""
    fake = fake_program(bin_directory, "docker")
    about = {"ServerVersion": "26.1.5", "CgroupVersion": "1", "SecurityOptions": ["name=seccomp"]}
    fake.says("info", output=json.dumps(about))
    return fake
