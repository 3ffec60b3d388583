"""What is told of a cluster whose state another release wrote."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from podresize.providers.recording import as_found


@pytest.mark.parametrize("handle", [None, {"name": "x"}, {"nodes": 3, "name": None}])
def test_a_handle_of_another_form_is_none(handle: dict[str, Any] | None) -> None:
    there: Any = SimpleNamespace(
        layout=SimpleNamespace(name="x"), target={"kubernetes": "1"}, handle=handle, is_alive=True
    )

    found = as_found(there, "local")

    assert found.handle is None
    assert found.is_alive
