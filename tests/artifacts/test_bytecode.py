"""Processes share compiled modules in the cache, and nothing is written beside the sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from podresize.artifacts.bytecode import share_bytecode
from podresize.artifacts.layout import Layout


def test_modules_are_compiled_into_the_cache(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "some_module.py").write_text("VALUE = 1\n")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(source)}

    share_bytecode(environment)
    subprocess.run([sys.executable, "-c", "import some_module"], check=True, env=environment)

    assert [path.name for path in source.iterdir()] == ["some_module.py"]
    assert list(Layout().bytecode.rglob("some_module.*.pyc"))


@pytest.mark.parametrize("environment", [{}, {"PYTHONDONTWRITEBYTECODE": ""}], ids=["unset", "off"])
def test_where_modules_are_compiled_beside_their_sources_they_still_are(
    environment: dict[str, str],
) -> None:
    share_bytecode(environment)

    assert "PYTHONPYCACHEPREFIX" not in environment


def test_a_place_that_was_chosen_is_kept() -> None:
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/elsewhere"}

    share_bytecode(environment)

    assert environment == {"PYTHONPYCACHEPREFIX": "/elsewhere"}
