"""A fingerprint is what the parts say of themselves, never what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from podresize.cluster.api import Api
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError
from podresize.providers import fingerprint
from podresize.requirements.target import Fingerprint


class Runtime:
    """A runtime whose default handler is the given program."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config

    def version(self) -> dict[str, str]:
        return {"runtime_name": "containerd", "runtime_version": "v1.6.8"}

    def status_info(self) -> dict[str, Any]:
        return self._config


def runtime(program: Path, handler: str = "runc") -> RuntimeClient:
    settings = {
        "defaultRuntimeName": handler,
        "runtimes": {handler: {"options": {"BinaryName": str(program)}}},
    }
    return cast(RuntimeClient, Runtime({"config": {"containerd": settings}}))


def program(path: Path, says: str, code: int = 0) -> Path:
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What apiserver and kubelet answer, to be changed by a test."""
    info = {
        "kubeletVersion": "v1.27.3",
        "kernelVersion": "6.1.0",
        "osImage": "Debian",
        "architecture": "amd64",
    }
    answers: dict[str, Any] = {
        "server_version": {"gitVersion": "v1.27.4"},
        "get": {"status": {"nodeInfo": info}},
        "node_config": {"cgroupDriver": "systemd", "cpuManagerPolicy": "static"},
        "feature_enabled": True,
    }
    for name in answers:
        monkeypatch.setattr(fingerprint, name, lambda *_, _name=name, **__: answers[_name])
    return answers


def detect(cri: RuntimeClient) -> Fingerprint:
    api = cast(Api, None)
    return fingerprint.detect(api, provider="local", node="n", cri=cri, cgroup_version=1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m0s", 60), ("5s", 5), ("0s", 0), ("1h0m1.5s", 3601.5), ("200ms", 0.2), ("1.5µs", 1.5e-6)],
)
def test_a_duration_is_read_as_go_prints_it(text: str, seconds: float) -> None:
    assert fingerprint.go_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "five", "5s ago", "s"])
def test_what_is_no_duration_is_an_error_of_the_harness(text: str) -> None:
    with pytest.raises(HarnessError, match="not a duration"):
        fingerprint.go_duration(text)


def test_the_managers_and_the_sync_are_the_kubelets_own(
    parts: dict[str, Any], tmp_path: Path
) -> None:
    oci = program(tmp_path / "runc", "runc version 1.1.5")
    before = detect(runtime(oci))
    parts["node_config"] |= {"memoryManagerPolicy": "Static", "syncFrequency": "5s"}
    after = detect(runtime(oci))

    assert (before.memory_manager_policy, before.sync_seconds) == ("None", 60.0)
    assert (after.memory_manager_policy, after.sync_seconds) == ("Static", 5.0)
    assert "memory manager Static, sync 5 s" in str(after)
    assert str(before) in str(after)


def test_a_fingerprint_of_before_there_were_these_fields_still_loads(
    parts: dict[str, Any], tmp_path: Path
) -> None:
    assert parts
    found = detect(runtime(program(tmp_path / "runc", "runc version 1.1.5")))
    stored = found.to_json()
    del stored["memory_manager_policy"], stored["sync_seconds"], stored["slowness"]
    assert "accelerator" not in stored

    assert Fingerprint.from_json(stored) == found


def test_every_value_is_that_of_the_part_that_knows_it(
    parts: dict[str, Any], tmp_path: Path
) -> None:
    assert parts
    found = detect(runtime(program(tmp_path / "runc", "runc version 1.1.5+ds1\ncommit: x")))

    assert (found.kubernetes, found.kubelet) == ("1.27.4", "1.27.3")
    assert (found.runtime, found.runtime_version) == ("containerd", "1.6.8")
    assert (found.oci_runtime, found.oci_runtime_version) == ("runc", "1.1.5+ds1")
    assert (found.cgroup_driver, found.cpu_manager_policy) == ("systemd", "static")
    assert found.gate is True


@pytest.mark.parametrize("said", [False, None])
def test_a_gate_that_is_off_or_unknown_is_not_on(
    parts: dict[str, Any], tmp_path: Path, said: bool | None
) -> None:
    parts["feature_enabled"] = said

    assert detect(runtime(program(tmp_path / "runc", "runc version 1.1.5"))).gate is False


def test_the_program_behind_the_handler_counts_not_the_handlers_name(
    parts: dict[str, Any], tmp_path: Path
) -> None:
    assert parts
    found = detect(runtime(program(tmp_path / "x", "crun version 1.8.1"), handler="runc"))

    assert (found.oci_runtime, found.oci_runtime_version) == ("crun", "1.8.1")


@pytest.mark.parametrize(("says", "code"), [("nothing of use", 0), ("runc version 1.1.5", 1)])
def test_a_program_that_does_not_say_its_version_is_an_error_of_the_harness(
    parts: dict[str, Any], tmp_path: Path, says: str, code: int
) -> None:
    assert parts
    with pytest.raises(HarnessError, match="version"):
        detect(runtime(program(tmp_path / "runc", says, code)))


def test_a_program_that_is_not_there_is_an_error_of_the_harness(
    parts: dict[str, Any], tmp_path: Path
) -> None:
    assert parts
    with pytest.raises(HarnessError, match="does not say its version") as error:
        detect(runtime(tmp_path / "nowhere"))

    assert error.value.value == str(tmp_path / "nowhere")
