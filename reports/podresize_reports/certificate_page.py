"""A certificate for people: one page of Markdown, and a badge."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from podresize.evidence.records import VerdictKind
from podresize.requirements.loader import load_catalogue
from podresize_reports.certificate import Certificate, Conformance, ProfileResult, Standing
from podresize_reports.markdown import text as _text
from podresize_reports.text import natural

_COLOURS = {
    Conformance.CONFORMANT: "#2c7a2c",
    Conformance.DEVIATING: "#9a6b00",
    Conformance.NOT: "#b3261e",
}
_CHARACTER = 6.6
_ROOM = 14


def page(certificate: Certificate, *, bundle: str, reproduce: str) -> bytes:
    """Return the page. ``bundle`` is the digest of the evidence, ``reproduce`` the command."""
    run, lines = certificate.run, [f"# {_text(certificate.target.label)}", ""]
    lines += [
        f"* **{result.profile}**: {result.conformance} ({_counts(result)})"
        for result in certificate.profiles
    ]
    if not certificate.profiles:
        lines.append("The run was not asked for a profile: it certifies nothing.")
    lines += [
        "",
        f"podresize {_text(run.version)}, run {_text(run.id)}, {_text(run.started)} to "
        f"{_text(run.ended or '')}.",
        f"Evidence: a bundle with the digest `{bundle}` (`podresize verify`).",
        "",
        "```console",
        f"$ {reproduce}",
        "```",
    ]
    for result in certificate.profiles:
        lines += _profile(result)
    return ("\n".join(lines) + "\n").encode()


def _profile(result: ProfileResult) -> Iterable[str]:
    yield from ("", f"## {result.profile}: {result.conformance}")
    sections = (
        ("Not met", (VerdictKind.FAILED,)),
        ("Not shown", (VerdictKind.ERROR, VerdictKind.FLAKY, VerdictKind.SKIPPED, None)),
        ("Not met, by a known deviation", (VerdictKind.DEVIATION,)),
        ("Not supported by this stack", (VerdictKind.UNSUPPORTED,)),
        ("Met", (VerdictKind.PASSED,)),
    )
    for title, kinds in sections:
        listed = [each for each in result.standings if each.kind in kinds]
        if listed:
            yield from ("", f"### {title} ({len(listed)})", "")
            yield from ("| requirement | level | | |", "|---|---|---|---|")
            yield from (_row(each) for each in listed)
    seen = sorted({id_ for each in result.standings for id_ in each.deviations}, key=natural)
    if seen:
        yield from ("", "### Deviations and races seen", "")
    known = load_catalogue().deviations
    for id_ in seen:
        if (deviation := known.get(id_)) is not None:
            yield f"* **{id_}** {_text(deviation.title)}. {_text(deviation.source)}"


def _row(standing: Standing) -> str:
    item = standing.requirement
    told = ", ".join(standing.deviations)
    if standing.kind not in (VerdictKind.PASSED, VerdictKind.DEVIATION):
        told = standing.reading or "no check spoke of it"
    return f"| {item.id} | {item.level} | {_text(item.title)} | {_text(told)} |"


def _counts(result: ProfileResult) -> str:
    return ", ".join(f"{number} {name}" for name, number in result.counts.items())


def badge(result: ProfileResult) -> bytes:
    """Return a picture (SVG) of a profile's result, with a text for those who do not see it."""
    left, right = f"podresize {result.profile}", str(result.conformance)
    widths = [round(_CHARACTER * len(text) + _ROOM) for text in (left, right)]
    total = sum(widths)
    middle = (widths[0] / 2, widths[0] + widths[1] / 2)
    texts = "".join(
        f'<text x="{x:g}" y="14">{escape(text)}</text>'
        for x, text in zip(middle, (left, right), strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" '
        f'aria-label="{escape(left)}: {escape(right)}">'
        f"<title>{escape(left)}: {escape(right)}</title>"
        f'<rect width="{widths[0]}" height="20" fill="#444"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" '
        f'fill="{_COLOURS[result.conformance]}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
        f'font-size="11">{texts}</g></svg>\n'
    ).encode()
