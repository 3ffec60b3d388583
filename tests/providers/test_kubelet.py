"""The kubelet's settings that all providers share, and what a user's file may change of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from podresize.errors import UsageError
from podresize.providers.kubelet import gate_is_locked, overrides_of, read_overrides
from podresize.requirements.target import Target, kubelet_settings


@pytest.mark.parametrize(
    ("version", "locked"),
    [("1.27.4", False), ("1.34.3", False), ("1.35", True), ("1.37.2", True), ("abc", False)],
)
def test_the_gate_is_locked_since_135_and_no_version_is_nothing_to_fail_on(
    version: str, locked: bool
) -> None:
    assert gate_is_locked(version) is locked


def test_a_targets_own_settings_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "kubelet.yaml"
    file.write_text("syncFrequency: 30s\nmaxPods: 7\n")
    own = kubelet_settings({"syncFrequency": "5s", "kubeReserved": {"memory": "1Gi"}})
    target = Target(kubelet_config=file, kubelet=own)

    assert overrides_of(target) == {
        "syncFrequency": "5s",
        "maxPods": 7,
        "kubeReserved": {"memory": "1Gi"},
    }
    assert hash(target) != hash(Target(kubelet_config=file))
    assert str(target).endswith('gate on, kubeReserved {"memory": "1Gi"}, syncFrequency "5s"')


def test_a_targets_own_settings_may_not_move_the_kubelet() -> None:
    with pytest.raises(UsageError, match="must set") as error:
        overrides_of(Target(kubelet=kubelet_settings({"port": 1})))

    assert "port" in str(error.value.value)


def read(path: Path) -> UsageError:
    with pytest.raises(UsageError) as error:
        read_overrides(path)
    assert error.value.origin == "--kubelet-config"
    assert str(path) in str(error.value.value)
    assert error.value.causes
    assert error.value.next_command
    return error.value


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"a: [1\n", "not YAML"),
        (b"\ta: 1\n", "not YAML"),
        (b"a: 1\n---\nb: 2\n", "not YAML"),
        (b"- a\n", "not a mapping"),
        (b"", "not a mapping"),
        (b"word", "not a mapping"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"kind: Pod\n", "not a kubelet configuration"),
        (b"apiVersion: kubelet.config.k8s.io/v1\n", "not a kubelet configuration"),
        (b"cgroupRoot: /x\n", "the provider itself must set"),
        (b"cgroupDriver: systemd\n", "the provider itself must set"),
        (b"address: 0.0.0.0\nmaxPods: 3\n", "the provider itself must set"),
        (b"maxPods: 2024-01-01\n", "a value that no setting can have"),
        (b"a: &a [*a]\n", "a value that no setting can have"),
        (b"maxPods: .inf\n", "a value that no setting can have"),
    ],
)
def test_a_malformed_file_is_one_message(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "kubelet.yaml"
    file.write_bytes(content)

    assert what in read(file).what


def test_a_directory_a_missing_file_and_an_unreadable_one_cannot_be_read(tmp_path: Path) -> None:
    # Root may read everything that has a mode; what the kernel refuses to read is this one.
    for path in (tmp_path, tmp_path / "nowhere", Path("/proc/self/mem")):
        assert "cannot be read" in read(path).what


def test_a_partial_file_without_header_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "kubelet.yaml"
    file.write_text("maxPods: 3\n")

    assert read_overrides(file) == {"maxPods": 3}
