"""What ``podresize run`` and ``certify-runtime`` end with, by how their checks ended.

The process of the checks is the only thing that is not real: what it would have recorded is in the
file, and its exit code is pytest's.
"""

from __future__ import annotations

import importlib
import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from tests.reports import records_builder as build

import podresize.cli
from podresize.cli import main
from podresize.errors import HarnessError, HostError, UsageError
from podresize.evidence.records import VerdictKind
from podresize.providers.local import provider as local
from podresize.providers.runtimes import provider as runtimes
from podresize_reports.loading import load_run

PASSED, FAILED, FLAKY = VerdictKind.PASSED, VerdictKind.FAILED, VerdictKind.FLAKY
ERROR, DEVIATION = VerdictKind.ERROR, VerdictKind.DEVIATION
UNSUPPORTED, SKIPPED = VerdictKind.UNSUPPORTED, VerdictKind.SKIPPED
Ends = Sequence[tuple[int, Sequence[VerdictKind]]]
"""For each target: pytest's exit code, and the verdicts that it recorded."""

# Each as README.md has it: 0 nothing unexpected, 1 an unexpected verdict, 2 usage or host, 3 the
# harness; a shell's code for Ctrl-C.
TABLE: dict[str, tuple[Ends, int]] = {
    "all is met": ([(0, [PASSED]), (0, [PASSED])], 0),
    "a known deviation": ([(0, [PASSED, DEVIATION])], 0),
    "some of it cannot be shown": ([(0, [PASSED, UNSUPPORTED, SKIPPED])], 0),
    "one of two targets shows nothing": ([(5, [UNSUPPORTED]), (0, [PASSED])], 0),
    "failed": ([(1, [PASSED, FAILED])], 1),
    "flaky": ([(1, [FLAKY])], 1),
    "failed on the first of two": ([(1, [FAILED]), (0, [PASSED])], 1),
    "failed, and the harness could not judge": ([(1, [FAILED, ERROR])], 1),
    "failed, and pytest does not say so": ([(0, [FAILED])], 1),
    "nothing could be shown": ([(5, [UNSUPPORTED])], 2),
    "everything was skipped": ([(0, [SKIPPED])], 2),
    "no check was selected": ([(5, [])], 2),
    "pytest refuses its command line": ([(4, [])], 2),
    "the host cannot make the second target": ([(0, [PASSED]), (4, [])], 2),
    "the harness could not judge": ([(1, [PASSED, ERROR])], 3),
    "a check failed of which no requirement knows": ([(1, [PASSED])], 3),
    "collection broke": ([(2, [])], 3),
    "pytest broke": ([(3, [PASSED])], 3),
    "pytest was killed": ([(-signal.SIGKILL, [PASSED])], 3),
    "failed, and then the target did not start": ([(1, [FAILED]), (3, [])], 3),
    "Ctrl-C": ([(-signal.SIGINT, [FAILED])], 130),
}


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, Ends], int]:
    """Return what a command ends with; its records are in ``out``."""
    out = tmp_path / "out"

    def run(command: str, ending: Ends) -> int:
        left = iter(ending)

        def run_pytest(*_: object, **__: object) -> int:
            code, kinds = next(left)
            with (out / "records.jsonl").open("a") as records:
                for kind in kinds:
                    records.write(json.dumps(build.verdict(kind=kind)) + "\n")
            return code

        for name in ("run", "certify_runtime"):
            # The package has the commands by these names; the modules are behind them.
            module = importlib.import_module(f"podresize.cli.{name}")
            monkeypatch.setattr(module, "run_pytest", run_pytest)
        for provider in (local, runtimes):
            monkeypatch.setattr(provider, "check_host", lambda *_: None)
            monkeypatch.setattr(provider, "gather", lambda *_, **__: None)
        arguments = {
            "run": ["--no-gate-off", "--containerd=1.6.8", "--containerd=1.6.36"],
            "certify-runtime": ["--and=1.6.36/runc"],
        }[command]
        commands = podresize.cli.commands.commands
        return CliRunner().invoke(commands[command], [*arguments, f"--out={out}"]).exit_code

    return run


@pytest.mark.parametrize("command", ["run", "certify-runtime"])
@pytest.mark.parametrize(("ending", "code"), TABLE.values(), ids=TABLE)
def test_the_exit_code_is_what_the_verdicts_say(
    ends: Callable[[str, Ends], int], tmp_path: Path, command: str, ending: Ends, code: int
) -> None:
    targets_left: Ends = [(0, [])] * (2 - len(ending)) if ending[-1][0] in (0, 1, 5) else []

    assert ends(command, [*ending, *targets_left]) == code

    run = load_run(tmp_path / "out" / "records.jsonl")
    # One that was interrupted has no end: its reports say that it died.
    assert run.exit == (None if code == 130 else code)


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (UsageError("no such version"), 2),
        (HostError("not root"), 2),
        (HarnessError("no evidence"), 3),
        (click.UsageError("no such option"), 2),
        (OSError(28, "No space left on device"), 2),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, BaseException) else str(each),
)
def test_what_ends_a_command_is_one_message_and_its_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    code: int,
) -> None:
    def broken(**_: Any) -> None:
        raise raised

    monkeypatch.setattr(podresize.cli.commands, "main", broken)

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.strip()
    assert "Traceback" not in printed.err
