"""The filter of index.html: what it leaves, how it says so, and how it is linked."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Open
from tests.browser.many_records import VERDICTS

_SHOWN = "() => document.querySelectorAll('[data-s]:not([hidden])').length"


def _expect(page: Page, number: int) -> None:
    text = f"{number} of {VERDICTS} verdicts are shown."
    expect(page.get_by_role("status")).to_have_text(
        text if number < VERDICTS else f"All {VERDICTS} verdicts are shown."
    )
    assert page.evaluate(_SHOWN) == number


@pytest.mark.parametrize(
    ("name", "value", "number", "first"),
    [
        pytest.param("suite", "timing", 4, "PR-0", id="suite"),
        pytest.param("requirement", "KL-30", 2, "KL-30", id="requirement"),
        pytest.param("target", "2", 13, "CG-03", id="target"),
        pytest.param("cause", "1", 4, "KL-30", id="cause"),
    ],
)
def test_a_choice_leaves_its_verdicts_and_their_rows(
    opened: Open, name: str, value: str, number: int, first: str
) -> None:
    page = opened()
    page.locator(f"select[name={name}]").select_option(value)

    _expect(page, number)
    rows = page.locator(".matrix tbody tr:not([hidden])")
    expect(rows.first.locator("b")).to_have_text(first)
    shown = page.locator(".requirement:not([hidden])").count()
    assert rows.count() == shown
    assert page.url.endswith(f"#filter:{name}={value}")


def test_a_verdict_is_taken_out(opened: Open) -> None:
    page = opened()
    page.get_by_role("checkbox", name="passed").uncheck()

    _expect(page, VERDICTS - 15)
    expect(page.locator(".cause:visible")).to_have_count(5)


def test_a_text_is_looked_for_in_all_that_is_told_of_a_verdict(opened: Open) -> None:
    page = opened()
    field = page.get_by_role("searchbox", name="Containing")

    field.fill("KEP-1287 nowhere")
    _expect(page, 0)
    field.fill("run KL-31")  # a part of a failure's text that is folded away
    _expect(page, 2)
    field.fill("ANOTHER SHAPE")
    _expect(page, 2)
    field.fill("noscript")
    _expect(page, 0)


def test_filters_hold_together_and_are_undone_at_once(opened: Open) -> None:
    page = opened()
    page.locator("select[name=suite]").select_option("spec_mutation")
    page.locator("select[name=requirement]").select_option("KL-31")
    page.get_by_role("searchbox").fill("c3 has")

    _expect(page, 1)
    page.get_by_role("button", name="Show all").click()
    _expect(page, VERDICTS)
    assert "#" not in page.url


def test_a_link_to_a_filter_shows_what_it_shows(opened: Open) -> None:
    page = opened(fragment="#filter:verdict=failed,flaky&suite=spec_mutation&text=c1")

    _expect(page, 4)
    expect(page.get_by_role("checkbox", name="passed")).not_to_be_checked()
    expect(page.get_by_role("combobox", name="Suite")).to_have_value("spec_mutation")
    expect(page.get_by_role("searchbox")).to_have_value("c1")


@pytest.mark.parametrize(
    "fragment",
    ["#filter:suite=nowhere&target=99", "#filter:%E0%A4%A", "#%E0%A4%A", "#no-such-place", "#"],
    ids=["unknown", "torn", "torn-place", "no-place", "empty"],
)
def test_a_fragment_that_means_nothing_filters_nothing(opened: Open, fragment: str) -> None:
    page = opened(fragment=fragment)

    _expect_all(page)


def _expect_all(page: Page) -> None:
    expect(page.get_by_role("status")).to_have_text(f"All {VERDICTS} verdicts are shown.")


def test_a_cause_shows_only_its_verdicts(opened: Open) -> None:
    page = opened()
    page.locator("#cause-1 > summary").click()
    page.get_by_role("link", name="Show only the verdicts of this cause").first.click()

    _expect(page, 4)
    expect(page.locator(".cause:visible")).to_have_count(1)


def test_a_link_opens_what_it_points_to_and_draws_it(opened: Open) -> None:
    page = opened(fragment="#CG-03.1")
    links = page.locator("[id='CG-03.1']").get_by_role("link", name="timeline")

    expect(links).to_have_count(3)
    links.nth(1).click()
    expect(page.locator(".evidence[open] svg.timeline")).to_be_in_viewport()


def test_a_link_leads_to_where_a_cause_draws_its_timeline(opened: Open) -> None:
    page = opened(fragment="#CG-03.1")
    page.locator("[id='CG-03.1']").get_by_role("link", name="timeline").first.click()

    expect(page.locator("[id='ST-21.1'] svg.timeline")).to_be_in_viewport()


def test_a_link_to_what_is_filtered_away_shows_it_again(opened: Open) -> None:
    page = opened(fragment="#filter:suite=timing")
    _expect(page, 4)
    page.evaluate("() => { location.hash = '#KL-31.2'; }")

    expect(page.locator("[id='KL-31.2']")).to_be_in_viewport()
    _expect_all(page)
