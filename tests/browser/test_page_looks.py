"""index.html on a phone and in both colour schemes: nothing is cut off, everything is readable."""

from __future__ import annotations

import pytest
from tests.browser.conftest import Open, script
from tests.browser.test_page_reading import open_everything

_LEAST_CONTRAST = 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(opened: Open, scheme: str) -> None:
    page = opened(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    open_everything(page)

    found = page.evaluate(script("contrasts"))
    assert len(found) > 300
    assert [pair for pair in found if pair[0] < _LEAST_CONTRAST] == []


def test_the_schemes_are_two(opened: Open) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    grounds = {opened(color_scheme=scheme).evaluate(ground) for scheme in ("light", "dark")}

    assert len(grounds) == 2


def test_a_phone_never_scrolls_the_page_sideways(opened: Open) -> None:
    page = opened(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    open_everything(page)

    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    assert page.evaluate(script("overflowing")) == []
