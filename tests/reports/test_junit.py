"""junit.xml: every CI system can read it, and none reads a bad run as a good one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.junit import case_identity, junit_xml
from podresize_reports.loading import load_run


def _parsed(path: Path, *records: dict[str, Any], ended: bool = True) -> ET.Element:
    all_records = [build.run_record(), *records, *([build.end_record()] if ended else [])]
    return ET.fromstring(junit_xml(load_run(build.write(path / "records.jsonl", all_records))))


def _properties(case: ET.Element) -> dict[str, str]:
    return {p.attrib["name"]: p.attrib["value"] for p in case.findall("properties/property")}


def test_a_suite_for_each_target(tmp_path: Path) -> None:
    root = ET.fromstring(
        junit_xml(load_run(build.write(tmp_path / "records.jsonl", build.two_targets())))
    )

    assert [suite.attrib["name"] for suite in root] == [build.OLD, build.NEW]
    assert root.attrib == {
        "name": "podresize",
        "tests": "18",
        "failures": "0",
        "errors": "0",
        "time": f"{sum(float(suite.attrib['time']) for suite in root):.3f}",
    }
    names = [(c.attrib["classname"], c.attrib["name"]) for c in root[0].findall("testcase")]
    assert len(set(names)) == 9
    assert names[0] == (
        "suites.status_fields.test_status.test_status_follows",
        "CG-03[Guaranteed-cpu+200m,memory-32Mi]",
    )


@pytest.mark.parametrize(
    ("kind", "element"),
    [
        (VerdictKind.PASSED, None),
        (VerdictKind.FAILED, "failure"),
        (VerdictKind.FLAKY, "failure"),
        (VerdictKind.ERROR, "error"),
        (VerdictKind.SKIPPED, "skipped"),
        (VerdictKind.UNSUPPORTED, "skipped"),
        (VerdictKind.DEVIATION, "system-out"),
    ],
)
def test_each_verdict_has_its_element(
    tmp_path: Path, kind: VerdictKind, element: str | None
) -> None:
    passed = build.verdict("ST-1")
    root = _parsed(tmp_path, passed, build.verdict(kind=kind, deviation="C-01", text="five parts"))
    case = root.findall("testsuite/testcase")[1]

    assert [child.tag for child in case] == ["properties", *([element] if element else [])]
    assert _properties(case)["verdict"] == kind
    assert _properties(case)["requirement"] == "ST-21"
    assert _properties(case)["level"] == "MUST"
    assert _properties(case)["target"] == build.OLD
    if element and element != "system-out":
        assert case[1].attrib["type"] == kind
        assert case[1].attrib["message"] == "all three witnesses have the new value"
    if element in ("failure", "error"):
        assert case[1].text == "five parts"
    if element == "system-out":
        assert case[1].text == "known deviation C-01: counted as not met\nfive parts"


def test_what_is_known_of_a_verdict_is_in_its_properties(tmp_path: Path) -> None:
    verdict = build.verdict(
        kind=VerdictKind.FAILED,
        guilty="kubelet",
        witnesses={"kernel": "60000", "api": "400m"},
        timeline="t-7",
        started="2026-03-01T06:00:12+00:00",
    )
    (suite,) = _parsed(tmp_path, verdict)

    assert _properties(suite.findall("testcase")[0]) == {
        "requirement": "ST-21",
        "level": "MUST",
        "verdict": "failed",
        "guilty": "kubelet",
        "target": build.OLD,
        "clause": 'KEP-1287 "Container status"; 1.27 and later',
        "check": build.CHECK,
        "started": "2026-03-01T06:00:12+00:00",
        "witness api": "400m",
        "witness kernel": "60000",
        "timeline": "t-7",
        "evidence": "records.jsonl, timeline t-7",
        "logs": "logs/",
    }


def test_the_evidence_of_a_claim_is_the_claims_of_its_own_requirement(tmp_path: Path) -> None:
    (suite,) = _parsed(
        tmp_path,
        build.claims(build.claim(requirement="ST-21")),
        build.verdict("ST-21", timeline=None),
        build.verdict("ST-22", timeline=None),
    )

    first, second = (_properties(case) for case in suite.findall("testcase"))
    assert first["evidence"] == "records.jsonl, claims of the check"
    assert "evidence" not in second


def test_a_suite_tells_what_was_detected_of_its_target(tmp_path: Path) -> None:
    (suite,) = _parsed(tmp_path, build.target_record(build.OLD), build.verdict())

    facts = _properties(suite)
    assert facts["kubernetes"] == "1.27.4"
    assert facts["runtime_version"] == "1.6.8"
    assert facts["gate"] == "true"
    assert facts["host_limits"] == '["no CAP_SYS_RESOURCE"]'
    assert facts["note"] == "no CAP_SYS_RESOURCE: oom_score_adj is not lowered"
    assert facts["run"] == "7f3a"


def test_counts_are_those_of_the_cases(tmp_path: Path) -> None:
    (suite,) = _parsed(tmp_path, *(build.verdict(f"R-{k}", k) for k in VerdictKind))

    assert suite.attrib["tests"] == str(len(suite.findall("testcase"))) == "7"
    assert suite.attrib["failures"] == str(len(suite.findall("testcase/failure"))) == "2"
    assert suite.attrib["errors"] == str(len(suite.findall("testcase/error"))) == "1"
    assert suite.attrib["skipped"] == str(len(suite.findall("testcase/skipped"))) == "2"
    assert suite.attrib["timestamp"] == "2026-03-01T06:00:00+00:00"


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    text = "]]></failure><script>\x00\x1b[31m\x0b \ufffe 💥 " + "long " * 20_000
    (suite,) = _parsed(tmp_path, build.verdict(kind=VerdictKind.FAILED, text=text, reading=text))

    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.text.startswith("]]></failure><script>␀␛[31m␋ \ufffd 💥 long")
    assert len(failure.text) == len(text)


def test_a_run_that_died_is_an_error(tmp_path: Path) -> None:
    root = _parsed(tmp_path, build.verdict(), ended=False)

    assert (root.attrib["tests"], root.attrib["errors"]) == ("2", "1")
    error = root.find("testsuite[@name='podresize']/testcase/error")
    assert error is not None
    assert "died half way" in error.attrib["message"]


@pytest.mark.parametrize("records", [[], [build.verdict(kind=VerdictKind.UNSUPPORTED)]])
def test_nothing_executed_is_an_error(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    assert _parsed(tmp_path, *records).attrib["errors"] == "1"


@pytest.mark.parametrize(
    ("check", "identity"),
    [
        (
            "suites/timing/test_a.py::test_b[c-d::e/f.py]",
            ("suites.timing.test_a.test_b", "ST-21[c-d::e/f.py]"),
        ),
        ("suites/timing/test_a.py::TestB::test_c", ("suites.timing.test_a.TestB.test_c", "ST-21")),
        ("/abs/test_a.py::test_b", ("abs.test_a.test_b", "ST-21")),
        ("by hand", ("by hand", "ST-21")),
        ("", ("", "ST-21")),
    ],
)
def test_identities(check: str, identity: tuple[str, str]) -> None:
    assert case_identity(VerdictRecord.from_json(build.verdict(check=check))) == identity


def test_the_same_requirement_twice_in_a_check_keeps_two_names(tmp_path: Path) -> None:
    failed_second = [build.verdict(), build.verdict(kind=VerdictKind.FAILED)]
    (suite,) = _parsed(tmp_path, *failed_second)

    first, second = suite.findall("testcase")
    assert second.attrib["name"] == first.attrib["name"] + " #2"
    assert second.find("failure") is not None


def test_a_bad_start_time_is_left_out(tmp_path: Path) -> None:
    records = [build.run_record(started="yesterday"), build.verdict(), build.end_record()]
    xml = junit_xml(load_run(build.write(tmp_path / "r", records)))

    assert b"timestamp" not in xml
