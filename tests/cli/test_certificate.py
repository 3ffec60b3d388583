"""``podresize certificate``: written from a bundle, and checked against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.cli.test_bundle import invoke
from tests.oracle.test_container_update import V1, V2
from tests.reports import records_builder as build
from tests.reports import whole_run

import podresize
from podresize.cli.bundle import bundle
from podresize.cli.certificate import certificate
from podresize.errors import UsageError
from podresize.evidence.claim_judging import judge
from podresize.evidence.claims import Claim
from podresize.requirements.loader import load_catalogue
from podresize.requirements.runtime_target import RuntimeFingerprint


def certify(*words: object) -> Result:
    return CliRunner().invoke(certificate, list(map(str, words)), catch_exceptions=False)


def bundled(tmp_path: Path, stack: RuntimeFingerprint = V1) -> Path:
    """The bundle of a runtime that meets every requirement."""
    label, out = str(stack), tmp_path / "out"
    known = [each for each in load_catalogue().requirements.values() if "runtime" in each.profiles]
    claims = [Claim(requirement=each.id, what="x", got=1, want=1) for each in known]
    verdicts = []
    for each, claim in zip(known, claims, strict=True):
        found = judge(each.id, [claim], stack, check=build.CHECK)
        verdicts.append(build.verdict(each.id, found.kind, target=label, level=str(each.level)))
    made = {"type": "claims", "check": build.CHECK, "target": label}
    records = [
        build.run_record(
            version=podresize.__version__,
            argv=["certify-runtime", "--out=/x/y", "--bundle", "z.zip", "-n", "3"],
            options={"profiles": [], "requirements": []},
        ),
        build.target_record(label, fingerprint=stack.to_json(), notes=[]),
        made | {"claims": [claim.to_json() for claim in claims]},
        *verdicts,
        build.end_record(counts={"passed": len(verdicts)}),
    ]
    whole_run.write(out, records)
    assert invoke(bundle, out, tmp_path / "b.zip").exit_code == 0
    return tmp_path / "b.zip"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return bundled(tmp_path)


def test_a_certificate_is_written_and_checked(tmp_path: Path, whole: Path) -> None:
    place = tmp_path / "containerd"

    made = certify(whole, "--out", place)
    again = certify("--check", place)

    assert made.exit_code == again.exit_code == 0
    assert made.output.startswith("runtime: conformant (38 passed)\n")
    assert {each.name for each in place.iterdir()} == {
        *("bundle.zip", "certificate.md", "certificate.yaml", "runtime.svg"),
    }
    assert "$ podresize certify-runtime -n 3\n" in (place / "certificate.md").read_text()


@pytest.mark.parametrize("name", ["certificate.yaml", "certificate.md", "runtime.svg", "more"])
def test_a_file_that_the_bundle_does_not_give_is_said(
    tmp_path: Path, whole: Path, name: str
) -> None:
    place = tmp_path / "containerd"
    certify(whole, "--out", place)
    (place / name).write_text("conformant, of course\n")

    done = certify("--check", place)

    assert done.exit_code == 1
    assert f"{place / name}: found another file" in done.output


def test_a_bundle_with_a_complaint_certifies_nothing(tmp_path: Path, whole: Path) -> None:
    whole.write_bytes(whole.read_bytes()[:-10])

    done = certify(whole, "--out", tmp_path / "c")

    assert done.exit_code == 1
    assert "a bundle with complaints certifies nothing" in done.output
    assert not (tmp_path / "c").exists()


def test_a_run_of_single_requirements_certifies_nothing(tmp_path: Path) -> None:
    out = whole_run.write(tmp_path / "out", whole_run.records())
    invoke(bundle, out, tmp_path / "b.zip")

    with pytest.raises(UsageError, match="a certificate is of one stack and at least one profile"):
        certify(tmp_path / "b.zip")


def test_what_cannot_be_meant_is_refused(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(UsageError, match="a certificate is written to one place or checked"):
        certify(whole, "--check", "--out", tmp_path)
    assert "there is no such file" in certify("--check", tmp_path).output


def test_a_certificate_is_published_with_the_table_of_all(tmp_path: Path, whole: Path) -> None:
    root = tmp_path / "certification"

    made = certify(whole, "--into", root)
    again = certify("--check", root)

    name = f"{podresize.__version__}/containerd-1.6.36-runc-1.1.5-cgroup-v1"
    assert made.exit_code == again.exit_code == 0
    assert f"written: {root / name}: bundle.zip, certificate.yaml" in made.output
    assert again.output == f"{name}: runtime: conformant\n1 certificate, 0 complaints\n"
    row = (root / "README.md").read_text().splitlines()[-1]
    assert row.startswith("| [containerd 1.6.36, runc 1.1.5, cgroup v1 cgroupfs](")
    assert row.endswith(f"| runtime: conformant |  | {podresize.__version__} | 2026-03-01 |")
    assert certify("--check", root / name).exit_code == 0


def test_stacks_that_differ_in_the_cgroup_driver_have_an_entry_each(tmp_path: Path) -> None:
    root = tmp_path / "certification"
    for driver in ("cgroupfs", "systemd"):
        (place := tmp_path / driver).mkdir()
        found = bundled(place, dataclasses.replace(V2, cgroup_driver=driver))
        assert certify(found, "--into", root).exit_code == 0

    names = sorted(place.name for place in (root / podresize.__version__).iterdir())
    assert names == [
        "containerd-1.6.36-runc-1.1.5-cgroup-v2",
        "containerd-1.6.36-runc-1.1.5-cgroup-v2-systemd",
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda entry: (entry / "runtime.svg").write_text("x"), "runtime.svg: found another file"),
        (lambda entry: (entry / "runtime.svg").unlink(), "runtime.svg: found nothing, wanted the"),
        (lambda entry: (entry / "bundle.zip").write_text("x"), "the bundle: found it is neither"),
        (
            lambda entry: entry.rename(entry.parent / "best-runtime"),
            "best-runtime, its directory: found best-runtime, wanted containerd-1.6.36-runc",
        ),
        (
            lambda entry: entry.parent.rename(entry.parent.parent / "9.9"),
            "podresize: found 0.1.0, wanted its directory's, 9.9",
        ),
        (
            lambda entry: (entry / "certificate.yaml").write_text("kind: other"),
            "certificate.yaml: found none that can be read",
        ),
        (lambda entry: (entry.parents[1] / "README.md").unlink(), "found another table"),
    ],
    ids=["another", "lacking", "no-bundle", "renamed", "other-version", "no-certificate", "table"],
)
def test_what_is_wrong_with_a_published_one_is_said(
    tmp_path: Path, whole: Path, spoil: Callable[[Path], Any], said: str
) -> None:
    root = tmp_path / "certification"
    certify(whole, "--into", root)
    spoil(next(root.glob("*/*/bundle.zip")).parent)

    done = certify("--check", root)

    assert done.exit_code == 1
    assert said in done.output


def test_one_of_another_release_is_checked_for_being_whole(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its verdicts are not derived by judges of which it knew nothing."""
    root = tmp_path / "certification"
    certify(whole, "--into", root)
    monkeypatch.setattr(podresize, "__version__", "0.2.0")

    assert certify("--check", root).exit_code == 0
    place = next(root.glob("*/*/certificate.yaml"))
    place.write_text(place.read_text().replace("bundle: sha256:", "bundle: sha256:0"))
    done = certify("--check", root)
    assert "its digest: found sha256:" in done.output
    assert done.exit_code == 1
