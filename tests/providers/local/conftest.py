"""A layout to put things to."""

from __future__ import annotations

import pytest

from podresize.providers.local.layout import Layout


@pytest.fixture
def layout() -> Layout:
    return Layout(name="one", index=3)
