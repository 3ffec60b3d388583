"""What is asked of a node's systemd, and how its answer is read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podresize.providers.kubeconfig.looking import LIMITS
from podresize.providers.local.init import NO_SYSTEMD, Init
from podresize.providers.systemd import _WRITE, NodeSystemd, NoSystemdError, read_properties


def test_each_unit_is_asked_for_by_itself() -> None:
    asked: list[tuple[str, ...]] = []

    def run(*words: str) -> str:
        asked.append(words)
        return "CPUWeight=4\nMemoryMax=67108864\n"

    systemd = NodeSystemd(run)
    systemd.daemon_reload()
    found = systemd.units(["a.scope", "b.slice"], ["CPUWeight", "MemoryMax"])

    show = ("systemctl", "show", "--no-pager", "--property=CPUWeight,MemoryMax", "--")
    assert asked == [("systemctl", "daemon-reload"), (*show, "a.scope"), (*show, "b.slice")]
    properties = {"CPUWeight": "4", "MemoryMax": "67108864"}
    assert found == {"a.scope": properties, "b.slice": properties}


def test_a_setting_is_put_beside_the_units_and_not_applied() -> None:
    asked: list[tuple[str, ...]] = []

    def run(*words: str) -> str:
        asked.append(words)
        return ""

    NodeSystemd(run).override("cri-containerd-.scope", "MemoryMax=4G")

    ((*_, directory, text),) = asked
    assert directory == "/run/systemd/system/cri-containerd-.scope.d"
    assert text == "[Scope]\nMemoryMax=4G\n"


def test_the_words_that_write_it_do(tmp_path: Path) -> None:
    subprocess.run([*_WRITE, str(tmp_path / "a b.d"), "[Scope]\n%s\n"], check=True)

    assert (tmp_path / "a b.d" / "99-podresize.conf").read_text() == "[Scope]\n%s\n"


def test_a_value_may_have_an_equals_sign() -> None:
    assert read_properties("Environment=A=1\n\nno property\nSlice=\n") == {
        "Environment": "A=1",
        "Slice": "",
    }


def test_local_components_have_no_systemd() -> None:
    with pytest.raises(NoSystemdError, match=NO_SYSTEMD):
        object.__new__(Init).systemd()


def test_nor_is_one_within_reach_of_a_kubeconfig() -> None:
    assert any(limit.startswith("no node-systemd ") for limit in LIMITS)
