"""What each profile comes to, and that nothing but what was shown counts as met."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.oracle.test_container_update import V1
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Level
from podresize_reports.certificate import Certificate, certificates, to_yaml
from podresize_reports.certificate_page import badge, page
from podresize_reports.loading import load_run

LABEL = str(V1)
OF_RUNTIME = {
    item.id: item for item in load_catalogue().requirements.values() if "runtime" in item.profiles
}
MUST = next(id_ for id_, item in OF_RUNTIME.items() if item.level is Level.MUST)
SHOULD = next((id_ for id_, item in OF_RUNTIME.items() if item.level is Level.SHOULD), None)


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """A run of a runtime in which every requirement is met, but for what is said otherwise."""

    def make(
        otherwise: dict[str, Any] | None = None,
        *,
        options: dict[str, Any] | None = None,
        ends: bool = True,
    ) -> tuple[Certificate, ...]:
        said = dict.fromkeys(OF_RUNTIME, VerdictKind.PASSED) | (otherwise or {})
        verdicts = [
            build.verdict(id_, kind, target=LABEL, level=str(OF_RUNTIME[id_].level))
            | ({"deviation": "PD-51"} if kind is VerdictKind.DEVIATION else {})
            for id_, kind in said.items()
            if kind is not None
        ]
        target = build.target_record(LABEL, fingerprint=V1.to_json())
        end = [build.end_record()] if ends else []
        run = build.run_record(options=options or {"profiles": [], "requirements": []})
        return certificates(load_run(build.write(tmp_path / "r", [run, target, *verdicts, *end])))

    return make


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (VerdictKind.PASSED, "conformant"),
        (VerdictKind.UNSUPPORTED, "conformant"),
        (VerdictKind.DEVIATION, "conformant with deviations"),
        (VerdictKind.FAILED, "not conformant"),
        (VerdictKind.FLAKY, "not conformant"),
        (VerdictKind.ERROR, "not conformant"),
        (VerdictKind.SKIPPED, "not conformant"),
        (None, "not conformant"),
    ],
)
def test_a_must_that_is_not_met_decides(made: Any, kind: VerdictKind | None, result: str) -> None:
    (certificate,) = made({MUST: kind})

    (profile,) = certificate.profiles
    assert (profile.profile, str(profile.conformance)) == ("runtime", result)


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (VerdictKind.FAILED, "conformant"),
        (VerdictKind.DEVIATION, "conformant"),
        (VerdictKind.ERROR, "not conformant"),
        (VerdictKind.SKIPPED, "not conformant"),
    ],
)
def test_a_should_that_is_not_met_is_listed_alone(
    made: Any, kind: VerdictKind, result: str
) -> None:
    (certificate,) = made()
    (profile,) = certificate.profiles
    standing = next(each for each in profile.standings if each.requirement.id == MUST)
    should = dataclasses.replace(
        standing, kind=kind, requirement=dataclasses.replace(standing.requirement, level="SHOULD")
    )
    others = tuple(each for each in profile.standings if each is not standing)

    assert dataclasses.replace(profile, standings=(should, *others)).conformance == result


def test_nothing_shown_is_not_conformant(made: Any) -> None:
    (certificate,) = made(dict.fromkeys(OF_RUNTIME, VerdictKind.UNSUPPORTED))

    assert certificate.profiles[0].conformance == "not conformant"


def test_what_one_check_showed_another_need_not(tmp_path: Path, made: Any) -> None:
    assert made()
    file = tmp_path / "r"
    end = file.read_text().splitlines()[-1]
    rest = [
        build.verdict(MUST, kind, target=LABEL, check="another")
        for kind in (VerdictKind.SKIPPED, VerdictKind.UNSUPPORTED)
    ]
    lines = file.read_text().splitlines()[:-1]
    build.write(file, rest)
    file.write_text("\n".join([*lines, *file.read_text().splitlines(), end]) + "\n")

    (certificate,) = certificates(load_run(file))
    assert certificate.profiles[0].conformance == "conformant"


@pytest.mark.parametrize(
    "how", [{"ends": False}, {"options": {"profiles": [], "requirements": [MUST]}}]
)
def test_a_run_that_died_or_was_narrowed_certifies_nothing(made: Any, how: dict[str, Any]) -> None:
    assert made(**how) == ()


def test_the_certificate_for_machines_lists_what_is_not_met(made: Any) -> None:
    first, second, third = list(OF_RUNTIME)[:3]
    said = {
        first: VerdictKind.DEVIATION,
        second: VerdictKind.FAILED,
        third: VerdictKind.UNSUPPORTED,
    }
    (certificate,) = made(said | {list(OF_RUNTIME)[3]: None})

    document = yaml.safe_load(to_yaml(certificate, bundle="sha256:x"))

    assert document["kind"] == "podresize-certificate"
    assert document["bundle"] == "sha256:x"
    assert document["stack"]["runtime_version"] == V1.runtime_version
    found = document["profiles"]["runtime"]
    assert found["result"] == "not conformant"
    assert found["deviations"] == {"PD-51": [first]}
    assert [each["requirement"] for each in found["failed"]] == [second]
    assert [each["requirement"] for each in found["unsupported"]] == [third]
    assert found["not shown"][0]["reading"] == "no check spoke of it"
    assert found["counts"]["missing"] == 1


def test_the_page_says_it_to_people_and_lets_nothing_through(made: Any) -> None:
    (certificate,) = made({MUST: VerdictKind.FAILED})
    hostile = dataclasses.replace(
        certificate,
        run=dataclasses.replace(certificate.run, version="<img src=x>|`1"),
    )

    text = page(hostile, bundle="sha256:x", reproduce="podresize certify-runtime").decode()

    assert "**runtime**: not conformant" in text
    assert "### Not met (1)" in text
    assert f"| {MUST} | MUST |" in text
    assert "<img" not in text
    assert r"\|\`1" in text


def test_a_badge_can_be_read_by_all(made: Any) -> None:
    (certificate,) = made()

    picture = badge(certificate.profiles[0]).decode()

    assert 'role="img" aria-label="podresize runtime: conformant"' in picture
    assert "<title>podresize runtime: conformant</title>" in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
