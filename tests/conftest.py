"""What the tests need of the process that runs them, however that was started."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

# The tests' own modules, which ``--import-mode=importlib`` does not find by itself.
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.append(ROOT)


def pytest_configure() -> None:
    """Take SIGINT again where it is ignored, as in a shell's background job.

    The programs under test inherit that, and some tests press Ctrl-C on them.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
