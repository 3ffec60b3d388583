"""junit.xml is what the readers of JUnit's format take: Jenkins, GitLab, and pytest's own tests.

There is no one schema, and readers differ in what they add; that of Jenkins' xunit plugin knows no
properties of a case. ``SCHEMA`` is what Jenkins' step ``junit``, GitLab and pytest have in common:
these elements in these places, these attributes, numbers that are numbers.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.junit import junit_xml
from podresize_reports.loading import load_run

COUNT, SECONDS, TEXT = r"\d+", r"\d+(\.\d+)?", r"[^\x00-\x1f]*"
NAME = rf"(?=.*\S){TEXT}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d)?"
RESULTS = ("failure", "error", "skipped")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Element:
    """What an element must and may have; ``children`` are those that may occur, ``*`` often."""

    must: dict[str, str] = dataclasses.field(default_factory=dict)
    may: dict[str, str] = dataclasses.field(default_factory=dict)
    children: tuple[str, ...] = ()
    text: bool = False


SCHEMA = {
    "testsuites": Element(
        may={"name": TEXT, "tests": COUNT, "failures": COUNT, "errors": COUNT, "time": SECONDS},
        children=("testsuite*",),
    ),
    "testsuite": Element(
        must={"name": NAME, "tests": COUNT, "failures": COUNT, "errors": COUNT},
        may={"skipped": COUNT, "time": SECONDS, "timestamp": TIME},
        children=("properties", "testcase*"),
    ),
    "testcase": Element(
        must={"name": NAME, "classname": NAME},
        may={"time": SECONDS},
        children=("properties", *RESULTS, "system-out"),
    ),
    "properties": Element(children=("property*",)),
    "property": Element(must={"name": NAME, "value": TEXT}),
    "failure": Element(may={"message": TEXT, "type": TEXT}, text=True),
    "error": Element(may={"message": TEXT, "type": TEXT}, text=True),
    "skipped": Element(may={"message": TEXT, "type": TEXT}, text=True),
    "system-out": Element(text=True),
}


def complaints(document: bytes) -> Iterator[str]:
    """Yield what is not as ``SCHEMA`` has it; a document that is no XML raises."""
    root = ET.fromstring(document)
    if root.tag != "testsuites":
        yield f"the root is {root.tag}"
    for element in root.iter():
        yield from _complaints_of(element)
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        yield from (f"{len(s)} results" for c in cases if len(s := _results(c)) > 1)
        counted = Counter(tag for case in cases for tag in _results(case))
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            if int(suite.get(key, "0")) != counted[tag]:
                yield f"{key} is not {counted[tag]}"
        if int(suite.get("tests", "0")) != len(cases):
            yield f"tests is not {len(cases)}"
    for key in ("tests", "failures", "errors"):
        if int(root.get(key, "0")) != sum(int(each.get(key, "0")) for each in root):
            yield f"{key} of the whole is not the sum"
    identities = Counter(
        (suite.get("name"), case.get("classname"), case.get("name"))
        for suite in root
        for case in suite.iter("testcase")
    )
    yield from (f"twice: {identity}" for identity, number in identities.items() if number > 1)


def _results(case: ET.Element) -> list[str]:
    return [child.tag for child in case if child.tag in RESULTS]


def _complaints_of(element: ET.Element) -> Iterator[str]:
    known = SCHEMA.get(element.tag)
    if known is None:
        yield f"an element {element.tag}"
        return
    yield from (f"{element.tag} lacks {name}" for name in known.must if name not in element.attrib)
    for name, value in element.attrib.items():
        pattern = (known.must | known.may).get(name)
        if pattern is None or not re.fullmatch(pattern, value):
            yield f"{element.tag} {name} is {value!r:.80}"
    order = [child.rstrip("*") for child in known.children]
    tags = [child.tag for child in element]
    if [tag for tag in tags if tag not in order] or tags != sorted(tags, key=order.index):
        yield f"{element.tag} has {tags}"
    once = [child for child in known.children if not child.endswith("*")]
    yield from (f"{element.tag} has two {tag}" for tag in once if tags.count(tag) > 1)
    if not known.text and (element.text or "").strip():
        yield f"{element.tag} has text"


HOSTILE = "]]></failure><!-- \x00\x1b[2J\x85\u202e\ufffe\r\n\t 💥 &#0; <?xml ?>"
EVERY_KIND = [
    build.verdict(f"R-{kind}", kind, guilty="kubelet", witnesses={"api": "400m"}, timeline="t-1")
    for kind in VerdictKind
]
RUNS: dict[str, list[dict[str, Any]]] = {
    "two-targets": build.two_targets(),
    "every-verdict": [build.run_record(), build.target_record(), *EVERY_KIND, build.end_record()],
    "died": build.two_targets()[:-1],
    "empty": [],
    "nothing-executed": [build.run_record(), build.end_record()],
    "twice": [build.run_record(), build.verdict(), build.verdict(), build.end_record()],
    "hostile": [
        build.run_record(started=HOSTILE, run=HOSTILE, version=HOSTILE),
        build.target_record(HOSTILE, fingerprint={HOSTILE: [HOSTILE]}, notes=[HOSTILE]),
        *(
            build.verdict(
                HOSTILE,
                kind,
                check=HOSTILE,
                reading=HOSTILE,
                target=HOSTILE,
                text=HOSTILE * 100,
                clause=HOSTILE,
                guilty=HOSTILE,
                deviation=HOSTILE,
                witnesses={HOSTILE: HOSTILE},
            )
            for kind in VerdictKind
        ),
        build.end_record(),
    ],
}


@pytest.mark.parametrize("records", RUNS.values(), ids=RUNS)
def test_the_file_is_what_readers_of_junit_take(
    tmp_path: Path, records: list[dict[str, Any]]
) -> None:
    path = build.write(tmp_path / "records.jsonl", records, torn='{"type": "verd')

    assert list(complaints(junit_xml(load_run(path)))) == []


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        (b'classname="', b'class="', "testcase lacks classname"),
        (b'tests="2"', b'tests="3"', "tests is not 2"),
        (b'time="1.500"', b'time="soon"', "testcase time is 'soon'"),
        (b"<properties>", b"<properties/><properties>", "testcase has two properties"),
        (b"<failure", b"<skipped/><failure", "2 results"),
        (b"<failure", b"<flaky/><failure", "an element flaky"),
        (b'"2026-03-01T06', b'"1.3.2026 06', "testsuite timestamp is '1.3.2026 06:00:00+00:00'"),
    ],
)
def test_the_schema_can_complain(
    tmp_path: Path, was: bytes, becomes: bytes, complaint: str
) -> None:
    failed = build.verdict("ST-20", VerdictKind.FAILED)
    records = [build.run_record(), build.verdict(), failed, build.end_record()]
    document = junit_xml(load_run(build.write(tmp_path / "records.jsonl", records)))
    assert list(complaints(document)) == []

    assert complaint in list(complaints(document.replace(was, becomes)))
