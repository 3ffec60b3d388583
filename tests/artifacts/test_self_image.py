"""The image of the podresize that runs here: what is in it, and what is not."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from podresize.artifacts import self_image as module
from podresize.artifacts.self_image import self_image
from podresize.errors import HostError


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file that is the whole image."""
    program = tmp_path / "program"
    program.write_text("one")
    monkeypatch.setattr(module, "_interpreter", lambda: {"usr/local/bin/python3": program})
    for name in ("_distributions", "_podresize"):
        monkeypatch.setattr(module, name, dict)
    monkeypatch.setattr(module, "_libraries", lambda _files: {"lib64/ld.so": program})
    return program


def test_the_same_files_give_the_same_image_and_others_another_name(
    small: Path, tmp_path: Path
) -> None:
    first, second = (self_image(tmp_path / name) for name in ("a.tar", "b.tar"))
    small.write_text("two")
    third = self_image(tmp_path / "c.tar")

    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert first.name == second.name != third.name
    assert not list(tmp_path.glob(".*"))


@pytest.mark.usefixtures("small")
def test_it_runs_podresize_as_nobody(tmp_path: Path) -> None:
    with tarfile.open(self_image(tmp_path / "a.tar").archive) as archive:
        listed = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]  # a file
        config = json.loads(archive.extractfile(listed[0]["Config"]).read())["config"]  # type: ignore[union-attr]  # as above
        with tarfile.open(fileobj=archive.extractfile(listed[0]["Layers"][0])) as layer:
            modes = {member.name: member.mode for member in layer}

    assert config["Entrypoint"] == ["/usr/local/bin/python3", "-m", "podresize"]
    assert config["User"] == "65535:65535"
    assert modes["usr/local/bin/python3"] == 0o755
    assert modes["tmp"] == 0o1777
    assert modes["usr"] == 0o755


def test_what_podresize_requires_is_in_it_and_what_tests_require_is_not() -> None:
    places = module._distributions()
    names = {place.split("site-packages/")[1].split("/")[0].lower() for place in places}

    assert {"click", "xdist", "pytest_timeout.py", "yaml", "jinja2", "hypothesis"} <= names
    assert [name for name in names if name.startswith("podresize-") and name.endswith("info")]
    assert not names & {"mypy", "ruff", "allure_pytest", "playwright", "jsonschema"}
    assert not [place for place in places if place.endswith((".pth", ".pyc")) or ".." in place]


def test_the_packages_lie_where_a_wheel_has_them() -> None:
    places = {place.split("site-packages/")[1] for place in module._podresize()}

    assert {
        *("podresize/__main__.py", "podresize_fixtures/plugin.py", "podresize_reports/html.py"),
        *("podresize_suites/pytest.ini", "podresize_manifests/job-matrix.toml"),
    } <= places
    assert not [place for place in places if "__pycache__" in place]


def test_the_interpreter_brings_its_loader_and_libraries() -> None:
    files = module._interpreter()
    found = module._libraries({place: path for place, path in files.items() if "bin/" in place})

    assert [place for place in found if place.startswith("lib") and "ld-" in place]
    assert "usr/local/lib/shared/libc.so.6" in found
    assert all(path.is_file() for path in found.values())
    assert [place for place in files if place.endswith("/json/decoder.py")]


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def ldd(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="\tlibx.so.1 => not found\n")

    monkeypatch.setattr(subprocess, "run", ldd)

    with pytest.raises(HostError, match="a library that podresize needs") as error:
        module._libraries({})
    assert "libx.so.1" in str(error.value)
