"""index.html as it is read: its structure, its keyboard, and all of it without the script."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Open, script

_HEADLINE = "KL-30, KL-31, PR-1 and RT-01 did not hold on all 2 targets."


def open_everything(page: Page) -> None:
    """Open each box of the page, and what opening one brings."""
    while page.evaluate(
        "() => [...document.querySelectorAll('details:not([open])')]"
        ".map((box) => { box.open = true; return box; }).length"
    ):
        # What a box holds comes with its toggle event, a task later.
        page.wait_for_function("() => !document.querySelector('[open] > div > noscript')")
        page.wait_for_function("() => !document.querySelector('[open][data-line]')")


def test_every_landmark_and_control_has_its_name(opened: Open) -> None:
    page = opened()

    for role, name in (
        ("banner", None),
        ("navigation", "Sections"),
        ("main", None),
        ("search", "Filter the verdicts"),
        ("contentinfo", None),
        ("region", "What is not met, by cause"),
        ("region", "Each requirement"),
        ("combobox", "Suite"),
        ("combobox", "Requirement"),
        ("combobox", "Target"),
        ("combobox", "Cause"),
        ("searchbox", "Containing"),
        ("checkbox", "failed"),
        ("button", "Show all"),
        ("status", None),
    ):
        found = page.get_by_role(role, name=name) if name else page.get_by_role(role)  # type: ignore[arg-type]
        expect(found.first, f"{role} {name}").to_be_visible()


def test_headings_skip_no_level_and_the_verdict_is_the_first(opened: Open) -> None:
    page = opened()
    levels = page.evaluate(
        "() => [...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1]))"
    )

    expect(page.get_by_role("heading").first).to_have_text(_HEADLINE)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_no_meaning_is_by_colour_alone(opened: Open) -> None:
    page = opened()

    kinds = page.locator(".matrix .badge").all_inner_texts()
    assert {text.split("\n")[-1].lstrip("✓✗!~◆–○").split()[0] for text in kinds} == {
        "passed",
        "failed",
        "error",
        "flaky",
        "deviation",
        "skipped",
        "unsupported",
    }


def test_the_tabulator_goes_through_the_page_and_out_of_it(opened: Open) -> None:
    page = opened()
    seen: list[str] = []
    while True:
        page.keyboard.press("Tab")
        focused = page.evaluate(script("focused"))
        if not focused["name"] or len(seen) > 400:
            break
        seen.append(focused["name"])
        assert focused["shown"], focused
        assert focused["outline"] >= 2, focused

    assert seen[0] == "A #matrix", "the first stop skips to the results"
    controls = ["verdict", "suite", "requirement", "target", "cause", "text"]
    stops = [
        next(n for n, stop in enumerate(seen) if stop.endswith(f" {name}")) for name in controls
    ]
    assert stops == sorted(stops)
    assert seen[-1].startswith("SUMMARY"), "the last evidence is reached"
    assert len(seen) <= 400


def test_a_failure_is_opened_and_closed_by_the_keyboard(opened: Open) -> None:
    page = opened()
    cause = page.locator("#cause-1")
    cause.locator("summary").focus()

    page.keyboard.press("Enter")
    expect(cause.get_by_role("link").first).to_be_visible()
    page.keyboard.press("Space")
    expect(cause.get_by_role("link").first).to_be_hidden()


def test_without_the_script_every_verdict_and_failure_is_told(opened: Open) -> None:
    page = opened(java_script_enabled=False)

    expect(page.locator("#filter")).to_be_hidden()
    for box in page.locator("article details, .cause").all():
        if box.get_attribute("open") is None and box.is_visible():
            box.locator("summary").first.click()
    page.emulate_media(media="print")  # on a screen, what is far below is not rendered yet
    told = page.locator("main").inner_text()
    assert all(f"container c{number} has {number}00m" in told for number in range(4))
    fault = "container c1 of pr-7f3a-2/resize: limits.cpu is 400m, expected 600m"
    assert told.count(fault) == 7, "of four failures and three deviations"
    assert "this one is unsupported" in told
    # Each cause that has a timeline shows one.
    assert page.locator("svg.timeline").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_printed_it_is_dark_on_white_and_has_no_controls(opened: Open, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    page.emulate_media(media="print")

    expect(page.locator("#filter")).to_be_hidden()
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.locator("h1")).to_have_css("color", "rgb(22, 32, 44)")
