"""This process led to an engine for testcontainers, and its reaper gone before the engine is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from tests.end_to_end.engines import RealEngine

from podresize.providers.containers.adapter import end_reaper


@contextlib.contextmanager
def leading_to(engine: RealEngine) -> Iterator[None]:
    """Have this process's environment lead to the engine meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine.environment.items():
            patch.setenv(name, value)
        try:
            yield
        finally:
            end_reaper()
