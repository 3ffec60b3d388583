"""A host on which the next cluster's kubelet would get no inotify instance says so before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from podresize.providers import inotify
from podresize.providers.host import Host


@pytest.mark.parametrize(("limit", "left"), [(10, 7), (2, 0)])
def test_what_processes_have_open_is_no_longer_free(tmp_path: Path, limit: int, left: int) -> None:
    (tmp_path / "limit").write_text(f"{limit}\n")
    for pid, number in (("1", 2), ("22", 1), ("self", 5)):
        descriptors = tmp_path / "proc" / pid / "fd"
        descriptors.mkdir(parents=True)
        (descriptors / "0").symlink_to("/dev/null")
        for each in range(number):
            (descriptors / str(each + 3)).symlink_to("anon_inode:inotify")

    assert inotify.free(tmp_path / "proc", tmp_path / "limit") == left


def test_too_few_are_a_problem_with_its_remedy(host: Callable[..., Host]) -> None:
    (problem,) = host(inotify_free=15).problems()

    assert "15 inotify instances left" in problem.what
    assert problem.remedy == "sysctl fs.inotify.max_user_instances=1024"
    assert host(inotify_free=16).problems() == []
