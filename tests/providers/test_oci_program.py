"""Which program is behind a runtime's handler, by what the runtime says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podresize.artifacts.artifact import LOADER
from podresize.errors import HarnessError
from podresize.providers.oci_program import handler_settings, library_path, version_of

# As containerd 1.6.36 and 2.4.2 have it in a verbose Status, without what is not read.
CONTAINERD: dict[str, Any] = json.loads("""
{"containerd": {"defaultRuntimeName": "runc", "runtimes": {
  "runc": {"runtimeType": "io.containerd.runc.v2",
           "options": {"BinaryName": "/opt/runc", "Root": "/r", "SystemdCgroup": true}},
  "plain": {"runtimeType": "io.containerd.runc.v2", "options": {}},
  "runsc": {"runtimeType": "io.containerd.runsc.v1", "options": {"ConfigPath": "/etc/runsc.toml"}}
}}}
""")


def test_the_default_handler_and_another() -> None:
    default = handler_settings({"config": CONTAINERD}, "")
    other = handler_settings({"config": CONTAINERD}, "plain")

    assert (default.handler, default.program, default.root) == (
        "runc",
        Path("/opt/runc"),
        Path("/r"),
    )
    assert (other.program, other.root) == (Path("plain"), None)
    assert default.exists
    assert default.is_known
    assert default.all_handlers == ("plain", "runc", "runsc")


def test_the_file_of_another_shim() -> None:
    settings = handler_settings({"config": CONTAINERD}, "runsc")

    assert settings.config_path == Path("/etc/runsc.toml")


def test_a_handler_that_is_not_there() -> None:
    settings = handler_settings({"config": CONTAINERD}, "kata")

    assert settings.is_known
    assert not settings.exists


@pytest.mark.parametrize("info", [{}, {"config": "storage_driver = overlay"}, {"config": {}}])
def test_a_runtime_that_does_not_tell(info: dict[str, Any]) -> None:
    settings = handler_settings(info, "")

    assert not settings.is_known
    assert settings.handler == "runc"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1\n", ("runc", "1.1.5+ds1")),
        ("crun version 1.21\ncommit: 1\n", ("crun", "1.21")),
        ("runsc version 0.0.0-20260905-160f\nspec: 1.2.1\n", ("runsc", "0.0.0-20260905-160f")),
    ],
)
def test_what_programs_say_of_themselves(said: str, expected: tuple[str, str]) -> None:
    assert version_of(Path("/x"), lambda _: said, handler="h") == expected


def test_a_program_that_says_something_else() -> None:
    with pytest.raises(HarnessError, match="not readable"):
        version_of(Path("/x"), lambda _: "hello", handler="h")


def test_a_program_with_its_own_loader_gives_nobody_its_libraries(tmp_path: Path) -> None:
    plain, foreign = tmp_path / "plain", tmp_path / "foreign"
    for each in (plain, foreign):
        each.mkdir()
    (foreign / LOADER).touch()

    assert library_path([plain, foreign]) == str(plain)
