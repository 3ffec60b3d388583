"""The certificates that this repository publishes: each follows from its own bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.test_certificate import certify

import podresize
from podresize.cli.matrix import matrix
from podresize.cli.matrix_file import read_matrix
from podresize.manifests import manifests
from podresize_reports.entries import BUNDLE, INDEX, check, entries, index

ROOT = Path(__file__).parents[2] / "certification"
NAMES = sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob(f"*/*/{BUNDLE}"))


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_follows_from_its_bundle(name: str) -> None:
    (entry,) = [each for each in entries(ROOT) if each.name == name]

    assert [str(each) for each in check(entry)] == []


def test_the_table_is_that_of_the_entries() -> None:
    found = entries(ROOT)

    assert (ROOT / INDEX).read_bytes() == index(found)
    assert [each.name for each in found if each.name not in NAMES] == []


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_names_nothing_of_the_host_that_made_it(name: str) -> None:
    page = (ROOT / name / "certificate.md").read_text(encoding="utf-8")

    assert "$ podresize " in page
    assert "/tmp/" not in page
    assert "--out" not in page


def test_what_we_certify_ourselves_can_be_read() -> None:
    assert len(read_matrix(manifests("certification.toml"))) > len(NAMES) / 2


@pytest.mark.parametrize(
    "stack",
    [
        "kubernetes-1.27.4-containerd-1.6.36-runc-1.1.5+ds1",
        "kubernetes-1.37.2-containerd-2.1.4-runc-1.1.5+ds1",
    ],
)
def test_the_verdicts_by_cgroup_are_those_of_the_entries(stack: str) -> None:
    nodes = ("cgroup-v1", "cgroup-v2", "cgroup-v2-systemd")
    bundles = [str(ROOT / podresize.__version__ / f"{stack}-{node}" / BUNDLE) for node in nodes]

    done = CliRunner().invoke(matrix, [*bundles, "--differences", "--markdown"])

    assert done.exit_code == 0
    assert done.output in (ROOT.parent / "docs/cgroup-verdicts.md").read_text(encoding="utf-8")


def test_an_entry_is_checked_by_the_command_that_the_documents_name() -> None:
    good = next(each for each in entries(ROOT) if "not conformant" not in each.results.values())

    assert certify("--check", good.directory).exit_code == 0
