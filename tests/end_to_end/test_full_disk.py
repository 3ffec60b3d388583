"""A disk that fills up after the host was found good enough: one message, and nothing left."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.end_to_end.real_clusters import leftovers_after, own_name

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

# Runs in a mount namespace of its own: the file system goes with it, whatever happens.
SCRIPT = """
import os, subprocess, sys, time
from pathlib import Path
from podresize.errors import PodresizeError
from podresize.providers.local import provider
from podresize.requirements.target import Target

name, when, root = sys.argv[1], sys.argv[2], Path(os.environ["PODRESIZE_STATE_DIR"])
root.mkdir(exist_ok=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1100m", "tmpfs", root], check=True)
filler = root / ".filler"

def fill(step, _at):
    if step != when:
        return
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            pass
        try:
            while True:
                file.write(bytes(1 << 8))
        except OSError:
            pass

try:
    provider.up(Target(), name=name, owner=os.getpid(), tell=fill)
except PodresizeError as error:
    filler.unlink()
    deadline = time.monotonic() + 10
    while list(root.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    print("left:", [entry.name for entry in root.iterdir()])
    print("code:", error.exit_code)
    print(error)
else:
    print("it came up")
"""


@pytest.mark.parametrize("when", ["artifacts ready", "files written", "etcd started"])
def test_a_disk_that_fills_up_during_the_start_is_one_message_and_nothing_is_left(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = own_name("full")
    with tempfile.TemporaryDirectory(prefix="pr-full-") as directory:
        root = Path(directory) / "state"
        monkeypatch.setenv("PODRESIZE_STATE_DIR", str(root))
        ran = subprocess.run(
            ["unshare", "-m", sys.executable, "-c", SCRIPT, name, when],
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            env=os.environ | {"PODRESIZE_STATE_DIR": str(root)},
        )

        left, code, *message = ran.stdout.splitlines()
        assert left == "left: []", ran.stdout
        assert code in ("code: 2", "code: 3")
        assert message
        assert "Traceback" not in ran.stdout + ran.stderr
        assert leftovers_after(name) == []
