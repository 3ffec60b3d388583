"""Programs and files of this host, as who deals with an OCI runtime wants them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from podresize.cri.workplace import HostWorkplace

HERE = HostWorkplace()


def test_a_command_has_its_input_and_both_outputs() -> None:
    done = HERE.run("sh", "-c", "cat; echo wrong >&2; exit 3", text="in\n", seconds=20)

    assert (done.code, done.stdout, done.stderr) == (3, "in\n", "wrong\n")
    assert HERE.run("cat", seconds=20).stdout == ""


def test_what_a_command_leaves_behind_keeps_nobody_waiting() -> None:
    begun = time.monotonic()

    done = HERE.run("sh", "-c", "sleep 1000 & echo $!", seconds=20)

    os.kill(int(done.stdout), signal.SIGKILL)
    assert time.monotonic() - begun < 10


def test_what_cannot_be_run_is_an_error_of_the_system() -> None:
    with pytest.raises(TimeoutError):
        HERE.run("sleep", "1000", seconds=0.1)
    with pytest.raises(FileNotFoundError):
        HERE.run("/no/such/program", seconds=1)


def test_files_and_directories_come_and_go(tmp_path: Path) -> None:
    HERE.write(tmp_path / "a/b/file", "text")
    HERE.make_directory(tmp_path / "c/d")
    HERE.make_directory(tmp_path / "c/d")

    assert (tmp_path / "a/b/file").read_text() == "text"
    HERE.remove(tmp_path / "a")
    HERE.remove(tmp_path / "a")
    HERE.remove_directory(tmp_path / "c/d")
    with pytest.raises(OSError, match="not empty"):
        HERE.remove_directory(tmp_path)
    assert list(tmp_path.rglob("*")) == [tmp_path / "c"]


def test_a_scratch_directory_goes_with_its_context() -> None:
    with HERE.scratch() as place:
        (place / "file").touch()
    assert not place.exists()
