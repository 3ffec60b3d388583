"""Compiled Python modules, shared by the processes of a run.

A run starts dozens of Python processes: a dozen workers, and three for each cluster. Where
PYTHONDONTWRITEBYTECODE is set, as it is in many containers, each of them compiles every module
anew, which costs more processor time than its work. What that variable asks for is kept: nothing is
written beside the sources. The compiled modules go to the cache instead
(PYTHONPYCACHEPREFIX, see "Command line and environment" in Python's documentation).
"""

from __future__ import annotations

from collections.abc import MutableMapping

from podresize.artifacts.layout import Layout

_DONT = "PYTHONDONTWRITEBYTECODE"
_PREFIX = "PYTHONPYCACHEPREFIX"


def share_bytecode(environment: MutableMapping[str, str]) -> None:
    """Let processes that get this environment share what they compile. Others are left alone."""
    if environment.pop(_DONT, None):
        environment.setdefault(_PREFIX, str(Layout().bytecode))
