"""The page of a history in Chromium: readable in both schemes, on a phone, and by a reader."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.browser.conftest import Open, script
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.history.page import history_page
from podresize_reports.history.store import History
from podresize_reports.loading import load_run

NIGHTS = 12
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Twelve nights of two stacks: a step gets slower, a requirement fails, a pod says anything."""
    with History.open(tmp_path / "history") as history:
        for number in range(1, NIGHTS + 1):
            records = [build.run_record(run=f"night-{number}", started=_day(number))]
            for label in (build.OLD, build.NEW):
                kind = VerdictKind.FAILED if number in (5, NIGHTS) else VerdictKind.PASSED
                seconds = 1.0 if number < NIGHTS else 9.0
                target = build.target_record(label)
                target["fingerprint"] |= {"kernel": "6.1" if number < 8 else "6.12"}
                records += [
                    target,
                    build.verdict("ST-21", kind, target=label, reading=HOSTILE),
                    build.verdict(
                        "KL-30", target=label, timeline=f"t{number}", facts={"done": seconds}
                    ),
                ]
            records.append(build.end_record())
            run = load_run(build.write(tmp_path / f"{number}.jsonl", records))
            history.add(run, digest="x")
        content = history_page(history)
    (tmp_path / "history.html").write_bytes(content)
    return tmp_path / "history.html"


def _day(number: int) -> str:
    return f"2026-03-{number:02}T01:00:00+00:00"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(shown: Open, page: Path, scheme: str) -> None:
    tab = shown(page, color_scheme=scheme, viewport={"width": 1280, "height": 900})

    found = tab.evaluate(script("contrasts"))
    assert len(found) > 50
    assert [pair for pair in found if pair[0] < 4.5] == []


def test_a_phone_never_scrolls_the_page_sideways(shown: Open, page: Path) -> None:
    tab = shown(page, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)

    assert tab.evaluate("() => document.documentElement.scrollWidth") == 360


def test_a_reader_gets_headings_and_the_numbers_of_each_plot(shown: Open, page: Path) -> None:
    tab = shown(page)

    levels = tab.evaluate(
        "() => [...document.querySelectorAll('h1,h2,h3,h4')].map((each) => +each.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    unnamed = tab.evaluate(
        "() => [...document.querySelectorAll('svg[role=img]')]"
        ".filter((each) => !each.getAttribute('aria-label') && !each.querySelector('title')"
        " && !each.getAttribute('aria-labelledby')).length"
    )
    assert unnamed == 0
    assert tab.locator("table").count() > 0
    assert tab.locator("text=9.00").count() + tab.locator("text=9.0 s").count() > 0


def test_what_a_pod_printed_is_text(shown: Open, page: Path) -> None:
    tab = shown(page)

    assert tab.title() != "owned"
    assert tab.locator("img").count() == 0
