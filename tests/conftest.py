"""What the tests need of the process that runs them, however that was started."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Take SIGINT again where it is ignored, as in a shell's background job.

    The programs under test inherit that, and some tests press Ctrl-C on them.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
