"""What is left out of this host's, and what only looks like it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from podresize_reports.scrubbing import of_this_host

WORDS = "--provider vm, a node of annas-laptop"


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("annas-laptop", "--provider vm, a node of <host>"),
        ("vm", WORDS),
        ("node", WORDS),
    ],
)
def test_a_hosts_name_is_left_out_unless_it_is_a_word_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, left: str
) -> None:
    """A host named vm had its guests certified as of the provider <host>."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename=name))

    assert of_this_host(tmp_path).text(WORDS) == left
