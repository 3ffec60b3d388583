"""index.html: one file, no network, and whatever a pod printed stays text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.html import column_names, html_page
from podresize_reports.loading import TargetRecord, load_run
from podresize_reports.write import write_atomically, write_reports

VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>"\'><a href="http://x/">{{ 7*7 }}'


class _Page(HTMLParser):
    """Elements, links and ids of a page; complains about tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.stack: list[str] = []
        self.evidence: list[str] = []
        self.feed(page)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] == "script" and data.startswith("{"):
            self.evidence = data.split("\n")

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def _page(path: Path, records: list[dict[str, Any]], *, torn: str = "") -> str:
    return html_page(load_run(build.write(path / "records.jsonl", records, torn=torn))).decode()


def test_nothing_is_fetched(tmp_path: Path) -> None:
    page = _page(tmp_path, build.two_targets())
    parsed = _Page(page)

    for name in ("src", "href", "xlink:href", "action", "data"):
        assert all(value.startswith("#") for value in parsed.values(name))
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_links_and_labels_lead_somewhere(tmp_path: Path) -> None:
    parsed = _Page(_page(tmp_path, build.two_targets()))
    ids = parsed.values("id")

    assert len(ids) == len(set(ids))
    links = {value[1:] for value in parsed.values("href")}
    assert {link for link in links if not link.startswith("filter:")} <= set(ids)
    assert {value for names in parsed.values("aria-labelledby") for value in names.split()} <= set(
        ids
    )


def test_the_verdict_comes_first_and_every_target_is_there(tmp_path: Path) -> None:
    page = _page(tmp_path, build.two_targets())

    assert page.index("<h1>Nothing unexpected.</h1>") < page.index("<h2")
    assert "1 does not, by a known deviation (C-01)" in page
    assert page.index('<h2 id="causes">') < page.index('<h2 id="matrix">')
    assert page.index(">containerd 1.6.8</a>") < page.index(">containerd 1.6.36</a>")
    assert "no CAP_SYS_RESOURCE: oom_score_adj is not lowered" in page


def test_each_timeline_is_in_the_page_once(tmp_path: Path) -> None:
    page = _page(tmp_path, build.two_targets())
    parsed = _Page(page)

    # One explains the only cause, and is drawn without the script.
    assert parsed.values("class").count("timeline") == 1
    assert parsed.values("class").count("words") == 1
    assert len(parsed.evidence) == 5
    assert all(json.loads(line)["drawing"]["marks"] for line in parsed.evidence)
    assert len([value for value in parsed.values("id") if value.startswith("timeline-")]) == 6


def test_one_cause_is_one_line_that_links_what_it_breaks(tmp_path: Path) -> None:
    page = _page(tmp_path, build.two_targets())

    assert page.count("data-cause=") == 1
    assert "3 checks of 1 requirement on 1 target" in page
    assert '<a href="#ST-21.1">3 verdicts on containerd 1.6.8</a>' in page


def test_a_failure_has_its_five_parts(tmp_path: Path) -> None:
    page = _page(tmp_path, build.two_targets())

    _, parts = page.split('<p class="head">')[:2]
    assert "ST-21 (MUST) status.resources follows the resize" in parts
    assert "container c1 of pr-7f3a-2/resize: limits.cpu is 400m, expected 600m" in parts
    assert "cpu.cfs_quota_us 60000 from +0.14 s" in parts
    assert "<dd>the kernel has the new value; the runtime does not report it." in parts
    assert "<code>scripts/podresize run ST-21 --containerd 1.6.8</code>" in parts


def test_what_says_the_same_is_said_once_for_all_its_checks(tmp_path: Path) -> None:
    reading = "needs Kubernetes 1.33 or later"
    records = [
        build.verdict("ST-9", VerdictKind.UNSUPPORTED, check=f"a/b.py::t[{n}]", reading=reading)
        for n in range(9)
    ]
    page = _page(tmp_path, [build.run_record(), *records, build.end_record()])

    # Once in the group's summary, once for the nine.
    assert page.count(reading) == 2
    assert page.count("<li data-s=") == 9


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    assert _page(tmp_path, build.two_targets()) == _page(tmp_path, build.two_targets())


def hostile_records() -> list[dict[str, Any]]:
    text = HOSTILE + "\x00\x1b[31m\u202e 💥 " + "x" * 30_000
    keys = {"title": text, "clause": text, "check": text, "reading": text, "text": text}
    names: dict[str, Any] = {
        "target": text,
        "deviation": text,
        "witnesses": {text: text},
        "facts": {text: 1.0},
    }
    line = build.timeline()
    line |= {"pod": text, "started": text, "check": text, "target": text}
    for observation in line["observations"]:
        observation["subject"] = f"container/{text}"
        if observation["witness"] == "kernel":
            observation["data"] = {text: str(observation["t"]) + text}
    return [
        build.run_record(run=text, started=text, version=text, argv=[text], options={text: text}),
        build.target_record(text, fingerprint={text: text, "limits": [text]}, notes=[text]),
        build.verdict(text, VerdictKind.FAILED, level=text, timeline="t1", **keys, **names),
        build.verdict("no timeline", timeline=text, target=text),
        line,
        build.claims(
            build.claim(requirement=text, what=text, got={text: [text]}, want=text),
            check=text,
            target=text,
        ),
        build.end_record(ended=text),
    ]


def test_hostile_text_is_shown_not_obeyed(tmp_path: Path) -> None:
    page = _page(tmp_path, hostile_records())
    parsed = _Page(page)

    assert parsed.tags.count("script") == 2, "our own script and the data"
    assert "<script>alert" not in page
    assert "img" not in parsed.tags
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert all(value.startswith("#") for value in parsed.values("href"))
    assert "{{ 7*7 }}" in page
    assert not set(page) & {"\x00", "\x1b", "\u202e"}
    assert len(page) < 200_000


def test_claims_stand_where_a_timeline_would(tmp_path: Path) -> None:
    made = [
        build.claim(what="holds", got={"cpu": "1"}, want={"cpu": "1"}),
        build.claim(what="breaks", got=200, want=403),
        build.claim(what="late", got=9, want=5, relation="<="),
        build.claim(what="another's", requirement="ST-20"),
    ]
    records = [
        build.run_record(),
        build.verdict(kind=VerdictKind.FAILED),
        build.claims(*made),
        build.claims(build.claim(what="elsewhere"), target=build.NEW),
        build.end_record(),
    ]
    page = _page(tmp_path, records)

    _Page(page)
    assert "<td>9</td><td>at most 5</td>" in page
    assert "1 further claim of this check on ST-21 held." in page
    (own, _) = [json.loads(line) for line in _Page(page).evidence]
    assert [claim[:3] for claim in own["claims"]] == [
        ["ST-21", False, "breaks"],
        ["ST-21", False, "late"],
        ["ST-21", True, "holds"],
        ["ST-20", True, "another's"],
    ]


def test_many_claims_are_counted_not_listed(tmp_path: Path) -> None:
    made = [build.claim(what=f"number {number}") for number in range(70)]
    page = _page(tmp_path, [build.run_record(), build.verdict(), build.claims(*made)])

    (data,) = [json.loads(line) for line in _Page(page).evidence]
    assert (len(data["claims"]), data["cut"]) == (50, 20)


def test_many_broken_claims_are_counted_not_listed(tmp_path: Path) -> None:
    made = [build.claim(what=f"number {number}", got=200) for number in range(70)]
    failed = build.verdict(kind=VerdictKind.FAILED)
    page = _page(tmp_path, [build.run_record(), failed, build.claims(*made)])

    assert page.count("<td>200</td><td>403</td>") == 50
    assert "20 further claims are in records.jsonl" in page


def test_a_run_that_died_says_so(tmp_path: Path) -> None:
    records = [build.run_record(), build.target_record(), build.verdict(), build.timeline()]
    page = _page(tmp_path, records, torn='{"type":"ver')

    _Page(page)
    assert "<h1>The run died half way.</h1>" in page
    assert "line 5 is torn" in page


def test_an_empty_file_is_a_page(tmp_path: Path) -> None:
    page = _page(tmp_path, [])

    _Page(page)
    assert "<h1>Nothing was executed.</h1>" in page
    assert "There are no verdicts." in page


def test_verdicts_without_timelines(tmp_path: Path) -> None:
    lost = build.verdict("ST-2", VerdictKind.FAILED, timeline="lost")
    page = _page(tmp_path, [build.run_record(), build.verdict(), lost, build.end_record()])

    assert "figure" not in _Page(page).tags
    assert "The timeline lost was not recorded." in page


def test_a_call_between_kubelet_and_runtime_is_drawn(tmp_path: Path) -> None:
    said = {"method": "UpdateContainerResources", "code": "OK", "message": "", "seconds": 0.1}
    timeline = build.timeline()
    call = {"t": 0.5, "witness": "call", "subject": "container/c1", "data": said}
    timeline["observations"].append(call)
    records = [build.run_record(), timeline, build.verdict(timeline=timeline["id"])]

    (data,) = _Page(_page(tmp_path, [*records, build.end_record()])).evidence

    assert "kubelet → CRI" in data
    assert "UpdateContainerResources: OK after 100.0 ms" in data


def test_a_long_text_is_cut_and_says_so(tmp_path: Path) -> None:
    page = _page(tmp_path, [build.verdict(kind=VerdictKind.FAILED, text="y" * 20_777)])

    assert "… 777 more characters in records.jsonl" in page


def test_columns_are_named_by_what_differs() -> None:
    def names(*labels: str) -> tuple[str, ...]:
        return column_names(tuple(TargetRecord(label=label) for label in labels))

    assert names() == ()
    assert names(build.OLD) == (build.OLD,)
    assert names(build.OLD, build.NEW) == ("containerd 1.6.8", "containerd 1.6.36")
    assert names("a, b", "a") == ("b", "a")


def test_reports_are_written_beside_the_records(tmp_path: Path) -> None:
    records = build.write(tmp_path / "records.jsonl", build.two_targets())

    assert write_reports(records, tmp_path) == [tmp_path / "junit.xml", tmp_path / "index.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "index.html",
        "junit.xml",
        "records.jsonl",
    ]
    assert (tmp_path / "index.html").stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index.html"
    path.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fchmod", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"after")
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["index.html"]
