"""A state root of the test's own, and hosts to put things to."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from podresize.providers.host import Host

ALL_WELL = Host(
    is_root=True,
    sys_admin=True,
    net_admin=True,
    sys_resource=True,
    cgroup_version=2,
    cgroup_mounts={"unified": Path("/sys/fs/cgroup")},
    swap=0,
    apparmor=True,
    systemd=True,
    overlayfs=True,
    memory=8 << 30,
    cpus=4,
    disk_free=20 << 30,
    missing_tools=(),
    kernel="6.1.0",
    arch="amd64",
)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """An empty directory whose path leaves room for a socket's: tmp_path with xdist's does not."""
    with tempfile.TemporaryDirectory(prefix="podresize-") as made:
        yield Path(made)


@pytest.fixture(autouse=True)
def state_dir(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state root of this test: no cluster of this host is ever seen or touched."""
    root = short_path / "state"
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(root))
    return root


@pytest.fixture
def host() -> Callable[..., Host]:
    """A laptop on which everything works, with the named facts changed."""

    def changed(**facts: Any) -> Host:
        return dataclasses.replace(ALL_WELL, **facts)

    return changed
