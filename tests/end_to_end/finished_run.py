"""Runs of ``podresize run`` as a person starts it, each made once for all that read it."""

from __future__ import annotations

import dataclasses
import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from podresize.evidence.records import read_records
from podresize.evidence.timeline import Timeline
from podresize.oracle.expectation import Expectation

ROOT = Path(__file__).resolve().parents[2]
PODRESIZE = [sys.executable, "-c", "from podresize.cli import main; main()"]
SILENT, REPORTING = "containerd 1.6.8, ", "containerd 1.6.36, "
TARGETS = {"silent": (SILENT, "gate on"), "reporting": (REPORTING, "gate on")} | {
    "gate off": (REPORTING, "gate off")
}

SHARDS = 8
"""Of the core profile each commit puts one part, by its hash, to kind and local: all of it takes
half an hour on two processors. With ``PODRESIZE_WHOLE=1`` everything is put to them."""
NEWEST = ("--kubernetes=1.37.2", "--containerd=2.1.4", "--profile=headline")


@dataclasses.dataclass(frozen=True)
class Finished:
    """What a run said, and what it left in its directory."""

    code: int
    output: str
    out: Path

    @functools.cached_property
    def records(self) -> list[dict[str, Any]]:
        return list(read_records(self.out / "records.jsonl"))

    def of(self, kind: str, target: str | None = None) -> list[dict[str, Any]]:
        """Return the records of a type, of one of ``TARGETS`` or of all."""
        words = TARGETS[target] if target else ()
        return [
            each
            for each in self.records
            if each["type"] == kind and all(word in each["target"] for word in words)
        ]

    def verdicts(self, target: str) -> dict[str, set[str]]:
        """Return the verdicts that each requirement got on a target."""
        found: dict[str, set[str]] = {}
        for each in self.of("verdict", target):
            found.setdefault(each["requirement"], set()).add(each["verdict"])
        return found

    @property
    def unexpected(self) -> str:
        """What was unexpected, in full; how the run ended otherwise."""
        texts = [
            f"{each['target']}\n{each['check']}\n{each['text'] or each['reading']}"
            for each in self.of("verdict")
            if each["verdict"] in ("failed", "error", "flaky")
        ]
        return "\n\n".join([f"see {self.out}", *texts, self.output[-3000:]])

    @property
    def clusters(self) -> set[str]:
        """The names of the run's clusters, which the ids of its timelines carry."""
        run = self.of("run")[0]["run"]
        return {
            "-".join(each["id"].removeprefix(f"{run}-").split("-")[:2])
            for each in self.of("timeline")
        }


def judged(record: dict[str, Any]) -> tuple[Timeline, Expectation]:
    """Return a ``timeline`` record as what ``verify`` takes."""
    return Timeline.from_json(record), Expectation.from_json(record["expectation"])


def podresize(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    environment = {key: value for key, value in os.environ.items() if key != "PODRESIZE_RUN_ID"}
    return subprocess.run(
        [*PODRESIZE, *arguments],
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        env=environment,
    )


def finished(*arguments: str, out: Path, timeout: float) -> Finished:
    """Run ``podresize run`` to its end."""
    done = podresize("run", f"--out={out}", *arguments, timeout=timeout)
    return Finished(code=done.returncode, output=done.stdout, out=out)


@functools.cache
def default_run(base: Path) -> Finished:
    """Return the run with the default targets, which takes some four minutes.

    ``base`` is where pytest keeps the directories of tests: what failed can be looked at later.
    """
    return finished(f"--allure={base / 'allure'}", out=base / "default-run", timeout=1500)


@functools.cache
def newest_run(base: Path) -> Finished:
    """Return the run of the headline checks on the newest release. ``base`` as above."""
    return finished(*NEWEST, out=base / "newest-run", timeout=600)


@functools.cache
def this_commit() -> int:
    """Return the number of the commit that is tested; a copy without history is commit 0."""
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or "0", 16)


def is_whole() -> bool:
    """Return whether all of what commits share is to be done, whatever time it takes."""
    return os.environ.get("PODRESIZE_WHOLE") == "1"


def one_commit_in_three(number: int) -> pytest.MarkDecorator:
    """Mark what takes minutes and is done for a third of the commits, each having 0, 1 or 2."""
    is_left_out = not is_whole() and this_commit() % 3 != number
    return pytest.mark.skipif(
        is_left_out, reason="of one commit in three; PODRESIZE_WHOLE=1 has it with each"
    )


@functools.cache
def core() -> tuple[str, ...]:
    """Return the words for this commit's part of the core profile, on each side of 1.6.9."""
    words = ("--profile=core", "--no-gate-off")
    return words if is_whole() else (*words, f"--shard={1 + this_commit() % SHARDS}/{SHARDS}")


@functools.cache
def core_run(base: Path) -> Finished:
    """Return the run of ``core``. ``base`` as above."""
    return finished(*core(), out=base / "core-run", timeout=1800)
