"""What a person reads when all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from podresize.artifacts import apt
from podresize.artifacts.source import SourcePassedOverError
from podresize.cli import target_options
from podresize.cli.doctor import doctor
from podresize.providers import host as hosts
from podresize.providers.vm import host as guests
from podresize.requirements.target import Target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

Screen = Callable[[str, str], None]


def test_no_clusters_is_said(run: Run) -> None:
    ran = run("cluster", "list")

    assert (ran.stdout, ran.stderr, ran.exit_code) == ("no clusters\n", "", 0)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        *(("cluster",), ("cluster", "up"), ("runtime",), ("runtime", "up")),
        *(("doctor",), ("list",), ("explain",)),
    ],
)
def test_help_is_a_screen(run: Run, screen: Screen, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments, "--help")

    assert ran.exit_code == 0
    screen("-".join(("help", *arguments)), ran.stdout)


@pytest.mark.usefixtures("able_host")
def test_doctor_on_this_host_starts_nothing_and_has_its_three_parts(
    run: Run, state_dir: Path
) -> None:
    ran = run("doctor")

    assert ran.exit_code == 0
    parts = [line for line in ran.stdout.splitlines() if not line.startswith(" ")]
    assert parts == ["found", "would be done differently here", "would not work"]
    assert not state_dir.exists()


def no_apt() -> None:
    raise SourcePassedOverError("this is no Debian or Ubuntu: no apt-get on PATH")


def test_doctor_on_a_host_that_lacks_everything_names_each_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, screen: Screen, tmp_path: Path
) -> None:
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(tmp_path))
    poor = hosts.Host(
        is_root=False,
        sys_admin=False,
        net_admin=False,
        sys_resource=False,
        cgroup_version=1,
        cgroup_mounts={},
        swap=1 << 30,
        apparmor=False,
        systemd=False,
        overlayfs=False,
        memory=1 << 30,
        cpus=1,
        disk_free=3 << 20,
        missing_tools=("ip", "nsenter"),
        kernel="6.1.0",
        arch="amd64",
    )
    monkeypatch.setattr(hosts, "inspect", lambda: poor)
    monkeypatch.setattr(guests, "about_kvm", lambda: "emulation: there is no /dev/kvm")
    monkeypatch.setattr(guests, "about_qemu", lambda: "not in the cache yet")
    # Nothing of a guest is in the cache, and nothing there of which it could be made.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(hosts, "free_disk", lambda _: 5 << 20)
    monkeypatch.setattr(apt, "check_tools", no_apt)

    ran = CliRunner().invoke(doctor)

    assert ran.exit_code == 2
    screen("doctor-poor", ran.stdout.replace(str(tmp_path), "<tmp>"))


def test_options_become_a_target_without_the_leading_v() -> None:
    options = {
        "kubernetes": "v1.27.4",
        "gate": "off",
        "cpu_manager_policy": "static",
        "kubelet_config": None,
        "oci_runtime": "crun",
        "name": "not a part of the target",
    }

    assert target_options.take_target(options, containerd="v1.6.8") == Target(
        kubernetes="1.27.4",
        containerd="1.6.8",
        gate=False,
        cpu_manager_policy="static",
        oci_runtime="crun",
    )
