"""The picture of a timeline that stands alone: whole, the same every time, and only a picture."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree as ET

from tests.reports import records_builder as build

from podresize.evidence.timeline import Timeline
from podresize_reports.timeline_svg import timeline_svg

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "g", "rect", "circle", "line", "text", "title"}


def picture(timeline: Timeline) -> ET.Element:
    drawn = timeline_svg(timeline)
    assert drawn is not None
    return ET.fromstring(drawn)


def test_values_before_and_after_are_bars_and_the_request_is_a_dot() -> None:
    root = picture(Timeline.from_json(build.timeline()))
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]

    assert "pr-7f3a-2/resize, patched at 2026-03-01T06:00:12.402Z" in texts
    assert "patch" in texts
    assert any(text.startswith("PATCH resize: 200 after") for text in texts)
    assert any(title.endswith("400m") for title in titles)
    assert any("600m +" in title for title in titles)
    assert len(list(root.iter(f"{SVG}circle"))) == 1


def test_no_text_is_outside_the_picture_or_over_the_next_bar() -> None:
    root = picture(Timeline.from_json(build.timeline()))

    for text in root.iter(f"{SVG}text"):
        if text.get("text-anchor") == "start":
            assert float(text.attrib["x"]) + 7 * len(text.text or "") <= 960


def test_the_same_timeline_gives_the_same_bytes() -> None:
    one, other = (Timeline.from_json(build.timeline()) for _ in range(2))

    assert timeline_svg(one) == timeline_svg(other)


def test_what_a_cluster_printed_stays_text() -> None:
    hostile = '"><script>alert(1)</script><image href="http://x"/>\x00\x1b\u202e\ufffe'
    seen = Timeline.from_json(build.timeline())
    data = {"reason": hostile, "request": {"method": hostile, "path": hostile}, hostile: hostile}
    spoilt = tuple(
        dataclasses.replace(each, subject=hostile, data=data) for each in seen.observations
    )
    root = picture(dataclasses.replace(seen, pod=hostile, started=hostile, observations=spoilt))

    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= DRAWN
    names = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in names if name.startswith("on") or "href" in name}


def test_a_timeline_in_which_nobody_spoke_has_no_picture() -> None:
    seen = Timeline.from_json(build.timeline())

    assert timeline_svg(dataclasses.replace(seen, observations=())) is None
