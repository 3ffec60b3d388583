"""The names that kind gives to nodes."""

from __future__ import annotations

import pytest

from podresize.providers.kind.layout import Layout


@pytest.mark.parametrize(
    ("workers", "names"),
    [
        (0, ("x-control-plane",)),
        (1, ("x-worker", "x-control-plane")),
        (3, ("x-worker", "x-worker2", "x-worker3", "x-control-plane")),
    ],
)
def test_the_checks_node_is_the_first_and_the_control_plane_the_last(
    workers: int, names: tuple[str, ...]
) -> None:
    assert Layout(name="x").node_names(workers) == names
