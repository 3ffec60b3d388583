"""Evidence that the script draws: as the template draws it, and never as markup of a pod."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Open, script
from tests.browser.test_page_reading import open_everything
from tests.reports import records_builder as build
from tests.reports.test_html import HOSTILE, hostile_records

from podresize.evidence.records import VerdictKind


def _run(kind: VerdictKind, timeline: dict[str, Any]) -> list[dict[str, Any]]:
    verdict = build.verdict(kind=kind, timeline=timeline["id"])
    return [build.run_record(), build.target_record(), timeline, verdict, build.end_record()]


def _figure(page: Page) -> Any:
    figure = page.locator("figure:has(figcaption code)")
    expect(figure).to_have_count(1)
    return figure.evaluate(script("serialised"))


def _changing() -> dict[str, Any]:
    """A file that changes more often than is drawn, in values longer than their bars."""
    timeline = build.timeline()
    timeline["observations"] += [
        {
            "t": number / 100,
            "witness": "kernel",
            "subject": "container/c1",
            "data": {"cpu.shares": f"{number} 💥 <b>&amp;"},
        }
        for number in range(150)
    ]
    timeline["observations"].sort(key=lambda seen: seen["t"])  # as a recorder writes them
    return timeline


@pytest.mark.parametrize(
    "timeline",
    [
        pytest.param(build.timeline(), id="reported"),
        pytest.param(build.timeline(reported=False), id="silent"),
        pytest.param(build.timeline(resized=False), id="refused"),
        pytest.param(_changing(), id="changing"),
        pytest.param(build.timeline() | {"observations": []}, id="empty"),
    ],
)
def test_the_script_draws_what_the_template_draws(opened: Open, timeline: dict[str, Any]) -> None:
    by_template = _figure(opened(_run(VerdictKind.FAILED, timeline)))

    page = opened(_run(VerdictKind.PASSED, timeline), fragment="#timeline-1")
    assert _figure(page) == by_template
    assert "Timeline" in by_template or not timeline["observations"]


def test_claims_are_listed_those_that_break_first(opened: Open) -> None:
    made = [build.claim(what="holds"), build.claim(what="breaks", got="<i>200</i>")]
    records = [build.run_record(), build.verdict(), build.claims(*made), build.end_record()]
    page = opened(records, fragment="#claims-1")

    rows = page.locator("#claims-1 tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("✗ does not hold")
    expect(rows.first).to_contain_text("<i>200</i>")


def test_what_a_pod_printed_is_text_wherever_it_is_opened(opened: Open) -> None:
    page = opened(hostile_records())
    open_everything(page)
    page.get_by_role("searchbox").fill("alert(1)")
    open_everything(page)

    assert page.locator("img, main script, main a[href^=http]").count() == 0
    assert HOSTILE.split("{{")[0] in page.locator("main").inner_text()
    assert page.evaluate("() => !window.name && document.title.includes('<script>')")
