"""Chromium, and the pages that it opens.

A host without a browser skips these tests, with the reason. In CI that is a failure: scripts/test
installs one there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright
from tests.browser import many_records
from tests.reports import records_builder as build

from podresize_reports.html import html_page
from podresize_reports.loading import load_run

_ARGUMENTS = [
    "--no-sandbox",  # CI and containers run as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Open = Callable[..., Page]


def script(name: str) -> str:
    """Return a function in JavaScript, for the page that is looked at."""
    return (Path(__file__).parent / f"{name}.js").read_text(encoding="utf-8")


# Of a module and no longer: while the driver is there its event loop runs in this thread, and no
# other test of the process could run one.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium: the system's, else the one that Playwright installed."""
    try:
        found = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_ARGUMENTS, headless=True
        )
    except Error as problem:
        reason = f"no Chromium starts here: {problem.message.splitlines()[0]}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; scripts/test installs one where root has apt-get")
        pytest.skip(f"{reason}; install the package chromium")
    yield found
    found.close()


@pytest.fixture
def written(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Path]:
    """Write the page of some records and return its path."""

    def write(records: list[dict[str, Any]]) -> Path:
        path = tmp_path / "index.html"
        path.write_bytes(html_page(load_run(build.write(tmp_path / "records.jsonl", records))))
        return path

    return write


@pytest.fixture
def shown(browser: Browser) -> Iterator[Open]:
    """Open a file in a tab of its own: ``shown(path)``.

    Keywords are those of a browser context; ``fragment`` follows the address. What the page asked
    of the network and what it complained about must be nothing when the test ends.
    """
    contexts: list[BrowserContext] = []
    addresses: set[str] = set()
    requests: list[str] = []
    complaints: list[str] = []

    def show(path: Path, *, fragment: str = "", **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        addresses.add(path.as_uri())
        page = contexts[-1].new_page()
        page.on("request", lambda request: requests.append(request.url.partition("#")[0]))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.goto(path.as_uri() + fragment)
        return page

    yield show
    for context in contexts:
        context.close()
    assert set(requests) <= addresses
    assert complaints == []


@pytest.fixture
def opened(shown: Open, written: Callable[[list[dict[str, Any]]], Path]) -> Open:
    """Open the page of some records (``many_records`` without any), as ``shown`` does."""

    def open_(records: list[dict[str, Any]] | None = None, **options: Any) -> Page:
        path = written(many_records.records() if records is None else records)
        return shown(path, **options)

    return open_
