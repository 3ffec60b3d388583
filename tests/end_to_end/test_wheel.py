"""The wheel carries everything: installed into an empty environment it runs from anywhere.

Also beside another repository's own tests, with a conftest, fixtures and checks of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from podresize.evidence.records import read_records

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "out", "build", "dist")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the source."""
    place = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, place / "source", ignore=NOT_SOURCE)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place)]
    run([*command, str(place / "source")], cwd=place)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bin_directory(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment into which nothing but the wheel was installed."""
    environment = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", str(environment)], cwd=environment)
    pip = [str(environment / "bin" / "pip"), "install", "-q", "--disable-pip-version-check"]
    run([*pip, str(wheel)], cwd=environment)
    return environment / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another repository: a conftest, a fixture of a common name, a test and a check of its own."""
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text(
        textwrap.dedent("""
            import pytest

            @pytest.fixture
            def namespace():
                return "theirs"
        """)
    )
    (tests / "test_theirs.py").write_text(
        textwrap.dedent("""
            from podresize_fixtures import Change, expectation, requirement, verify

            def test_plain(namespace):
                assert namespace == "theirs"

            @requirement("API-05")
            def test_memory_alone_is_refused(pods, namespace):
                change = Change(memory="+32Mi")
                pod = pods.running(qos="Guaranteed")
                assert pod.namespace != namespace

                timeline = pod.resize(change)

                verify(timeline, expectation(pod, change))
        """)
    )
    return tmp_path


def run(
    command: list[str], *, cwd: Path, code: int = 0, timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run a program that knows nothing of this checkout; return what it said."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "PODRESIZE_RUN_ID", "PYTEST_ADDOPTS")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        command,
        cwd=cwd,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        timeout=timeout,
    )
    assert done.returncode == code, done.stdout[-6000:]
    return done


def test_the_wheel_carries_everything_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {
        "podresize/requirements/catalogue/api.yaml",
        "podresize/requirements/deviations/clusters.yaml",
        "podresize/artifacts/probe/go.mod",
        "podresize/artifacts/probe/main.go",
        "podresize/artifacts/probe/pause/main.go",
        "podresize_fixtures/plugin.py",
        "podresize_reports/templates/index.html.j2",
        "podresize_reports/templates/page.css",
        "podresize_reports/templates/page.js",
        "podresize_suites/__init__.py",
        "podresize_suites/pytest.ini",
        "podresize_manifests/node-image/entrypoint",
    } <= names
    here = {path.relative_to(ROOT / "suites") for path in (ROOT / "suites").rglob("test_*.py")}
    assert {f"podresize_suites/{path.as_posix()}" for path in here} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "podresize",
        "podresize_fixtures",
        "podresize_reports",
        "podresize_suites",
        "podresize_manifests",
    }
    assert not [name for name in names if name.endswith(".pyc")]


def test_the_command_line_works_from_anywhere(bin_directory: Path, tmp_path: Path) -> None:
    podresize = str(bin_directory / "podresize")

    version = run([podresize, "--version"], cwd=tmp_path).stdout
    assert version.strip().startswith("podresize, version ")
    assert "--containerd" in run([podresize, "run", "--help"], cwd=tmp_path).stdout
    refused = run([podresize, "run", "ST-92"], cwd=tmp_path, code=2).stdout
    assert "there is no such requirement" in refused
    assert "Traceback" not in refused
    assert list(tmp_path.iterdir()) == []


def test_the_suites_are_found_by_their_package_name(bin_directory: Path, tmp_path: Path) -> None:
    pytest_ = [str(bin_directory / "pytest"), "--pyargs", "podresize_suites"]

    said = run([*pytest_, "--collect-only", "-q", "-W", "error"], cwd=tmp_path).stdout

    there = list((ROOT / "suites").rglob("test_*.py"))
    assert there
    for path in there:
        assert f"{path.name}::" in said


@pytest.mark.usefixtures("real_host")
def test_a_foreign_repository_runs_its_checks_beside_ours(
    bin_directory: Path, elsewhere: Path
) -> None:
    command = [str(bin_directory / "pytest"), "tests", "--pyargs", "podresize_suites"]
    target = ["--provider=local", "--gate=off", "--containerd=1.6.36", "--out=report", "-n", "2"]

    said = run([*command, *target, "-W", "error"], cwd=elsewhere).stdout

    assert re.search(r"\d+ passed, \d+ unsupported", said)
    verdicts = [
        each
        for each in read_records(elsewhere / "report" / "records.jsonl")
        if each["type"] == "verdict" and each["verdict"] != "unsupported"
    ]
    assert {each["verdict"] for each in verdicts} == {"passed"}
    checks = {each["check"].partition("::")[0] for each in verdicts}
    assert checks >= {"tests/test_theirs.py", "suites/spec_mutation/test_gate_off.py"}
    assert (elsewhere / "report" / "index.html").exists()


def test_without_a_target_a_foreign_repository_keeps_its_own_tests(
    bin_directory: Path, elsewhere: Path
) -> None:
    said = run([str(bin_directory / "pytest"), "tests"], cwd=elsewhere, code=1).stdout

    assert "1 passed, 1 error" in said
    assert "this check needs a target and none was named" in said
