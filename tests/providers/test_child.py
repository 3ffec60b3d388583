"""A supervisor's process, as whoever started it sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STARTS = """
from podresize.providers.child import Supervisor

Supervisor("pr-none", {}, module="ends")
"""


def test_who_ends_without_a_word_to_it_is_not_warned_of_it(tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("import sys\nsys.stdin.read()\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])

    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", STARTS],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
