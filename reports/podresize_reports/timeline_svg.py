"""The drawing of one timeline as a picture that stands alone, for whoever shows attachments.

The page (``html``) draws the same lanes with its own style sheet. Here the colours are in the file,
and nothing in it is active: text is text, made by the XML writer.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from podresize.evidence.timeline import Timeline
from podresize_reports.drawing import Drawing, DrawnLane, draw
from podresize_reports.text import one_line, shorten

_WIDTH = 960
_LETTER = 7  # pixels of one letter at the size used here
_FEWEST = 3  # letters that say anything
_TITLE = 24
_INK, _SOFT, _LINE, _GROUND, _NEW_INK = "#16202c", "#566474", "#d9dfe6", "#ffffff", "#ffffff"
_OLD = "#dbe2ea"
_COLOURS = {
    "client": "#44546a",
    "api": "#1f5fbf",
    "kubelet": "#8a4b00",
    "event": "#5b6f86",
    "call": "#a3308f",
    "cri": "#7a3fb5",
    "kernel": "#0f766e",
}
_OTHER = "#9a4a12"
_FONT = "DejaVu Sans Mono, Menlo, Consolas, monospace"


def timeline_svg(timeline: Timeline) -> bytes | None:
    """Return the picture, UTF-8, the same bytes for the same timeline; None where it shows nothing.

    The axis of time is that of the page: about linear near the patch, logarithmic away from it.
    """
    drawing = draw(timeline)
    if drawing is None:
        return None
    height = drawing.height + _TITLE
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_WIDTH} {height}",
            "width": str(_WIDTH),
            "height": str(height),
            "font-family": _FONT,
            "font-size": "12",
        },
    )
    ET.SubElement(root, "rect", width=str(_WIDTH), height=str(height), fill=_GROUND)
    title = f"{one_line(timeline.pod)}, patched at {one_line(timeline.started)}"
    _text(root, 4, 15, title, _INK, weight="bold")
    body = ET.SubElement(root, "g", transform=f"translate(0 {_TITLE})")
    _axis(body, drawing)
    for lane in drawing.lanes:
        _lane(body, lane, drawing)
    picture = ET.tostring(root, encoding="unicode").encode()
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + picture


def _axis(body: ET.Element, drawing: Drawing) -> None:
    for tick in drawing.ticks:
        x = _pixels(tick.x)
        _vertical(body, x, drawing.top - 6, drawing.height, _LINE)
        _text(body, max(x, 20.0), 11, tick.label, _SOFT, anchor="middle")
    x = _pixels(drawing.patch_x)
    _vertical(body, x, drawing.top - 6, drawing.height, _SOFT)


def _lane(body: ET.Element, lane: DrawnLane, drawing: Drawing) -> None:
    colour = _COLOURS.get(lane.kind, _OTHER)
    _text(body, 4, lane.name_y, f"{lane.teller}  {lane.name}", colour)
    for position, segment in enumerate(lane.segments):
        x, width = _pixels(segment.x), max(3.0, _pixels(segment.width))
        said = f"{segment.label} {segment.since}".strip()
        if lane.points:
            middle = f"{lane.y + drawing.bar / 2:.1f}"
            shape = ET.SubElement(body, "circle", cx=f"{x + 6:.1f}", cy=middle, r="5", fill=colour)
            more = lane.segments[position + 1 :]
            room, start, ink = (_pixels(more[0].x) if more else _WIDTH) - x - 20, x + 16, _INK
        else:
            place = {"x": f"{x:.1f}", "y": str(lane.y), "width": f"{width:.1f}", "rx": "3"}
            look = {"height": str(drawing.bar)} | _look(segment.tone, colour)
            shape = ET.SubElement(body, "rect", place | look)
            room, start = width - 8, x + 5
            ink = _NEW_INK if segment.tone == "new" else _INK
        ET.SubElement(shape, "title").text = f"{lane.name}: {said}"
        if (letters := int(room) // _LETTER) >= _FEWEST:
            _text(body, start, lane.y + 14, shorten(said, letters), ink)


def _look(tone: str, colour: str) -> dict[str, str]:
    if tone == "absent":
        return {"fill": _GROUND, "stroke": _SOFT, "stroke-dasharray": "3 2"}
    return {"fill": colour if tone == "new" else _OLD}


def _vertical(body: ET.Element, x: float, top: float, bottom: float, colour: str) -> None:
    ends = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": f"{top}", "y2": f"{bottom}"}
    ET.SubElement(body, "line", ends | {"stroke": colour})


def _text(
    parent: ET.Element,
    x: float,
    y: float,
    said: str,
    colour: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "fill": colour, "text-anchor": anchor}
    ET.SubElement(parent, "text", place | {"font-weight": weight}).text = said


def _pixels(per_cent: float) -> float:
    return per_cent * _WIDTH / 100
