"""Runs the real program and compares what a person reads with the files in ``screens``.

``PODRESIZE_UPDATE_SCREENS=1 pytest tests/cli`` writes the files anew; the diff is then the review.
"""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from podresize.providers import host as hosts

PROGRAM = str(Path(sys.executable).parent / "podresize")
SCREENS = Path(__file__).parent / "screens"
# Nothing here asks the network: a port on which nobody listens, and a proxy that is switched off.
OFFLINE = {
    "PODRESIZE_DOWNLOAD_MIRROR": "http://127.0.0.1:9",
    "GOPROXY": "off",
    "COLUMNS": "100",
    "NO_COLOR": "1",
}
# Which of the sources said what depends on the machine; which releases exist does not.
SOURCES = re.compile(r"^ +\d+\. (download|module|package): .*\n", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a command printed, with the machine's own paths and numbers taken out."""

    stdout: str
    stderr: str
    exit_code: int

    @property
    def error(self) -> str:
        """The one message, from its first line on; progress may come before it."""
        assert "Traceback" not in self.stderr
        before, found, message = self.stderr.partition("error: ")
        assert found, f"no message: {self.stderr}"
        assert "error: " not in message, "more than one message"
        assert not before or before.endswith("\n")
        return SOURCES.sub("", found + message)


Run = Callable[..., Ran]


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A state root that is not there yet; pytest's own directories are too deep for sockets."""
    with tempfile.TemporaryDirectory(prefix="pr-cli-") as directory:
        yield Path(directory) / "state"


@pytest.fixture
def run(tmp_path: Path, state_dir: Path) -> Run:
    """Run ``podresize`` with a state root of the test's own."""

    def call(
        *arguments: str, before: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
    ) -> Ran:
        environment = os.environ | OFFLINE | {"PODRESIZE_STATE_DIR": str(state_dir)}
        done = subprocess.run(
            [*before, PROGRAM, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment | dict(variables or {}),
        )

        def plain(text: str) -> str:
            return text.replace(str(state_dir), "<state>").replace(str(tmp_path), "<tmp>")

        return Ran(plain(done.stdout), plain(done.stderr), done.returncode)

    return call


@pytest.fixture
def screen() -> Callable[[str, str], None]:
    """Compare a text with ``screens/<name>.txt``."""

    def compare(name: str, text: str) -> None:
        file = SCREENS / f"{name}.txt"
        if os.environ.get("PODRESIZE_UPDATE_SCREENS") == "1":
            file.write_text(text)
        assert text == file.read_text()

    return compare


@pytest.fixture
def able_host() -> None:
    """Skip where the host's own problem would be the message; in CI that is a failure."""
    if problems := hosts.inspect().problems():
        reason = "; ".join(problem.what for problem in problems)
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
