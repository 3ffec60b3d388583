"""The catalogue as a page: docs/requirements.md."""

from __future__ import annotations

from podresize.cli.catalogue_text import (
    by_area,
    deadlines_in_words,
    factor_in_words,
    natural,
    needs_in_words,
    scope_in_words,
    shows_in_words,
    spoken,
    stacks_in_words,
    versions_in_words,
)
from podresize.evidence.signatures import SIGNATURES
from podresize.requirements.areas import AREAS
from podresize.requirements.loader import Catalogue
from podresize.requirements.model import Deviation, Judged, NotChecked, PutTo, Requirement
from podresize.requirements.versions import describe_range

COMMAND = "podresize list --markdown > docs/requirements.md"
"""Writes the page anew after the catalogue has changed."""
_JUDGED = {
    Judged.TIMELINE: "the timeline of each resize",
    Judged.CLAIMS: "the claims of its checks",
}


def page(catalogue: Catalogue) -> str:
    """Return the whole page: an overview, a section for each area, the deviations, the rest."""
    areas = by_area(catalogue.requirements)
    lines = [
        "# Requirements",
        "",
        f"<!-- Generated: {COMMAND} -->",
        "",
        "What podresize checks, as the catalogue (`src/podresize/requirements`) has it. Ids are",
        "handles: `podresize explain ST-21` says more and names the checks, `podresize run ST-21`",
        "runs them.",
        "",
        "| area | requirements | not checked |",
        "|---|---|---|",
    ]
    left_out = by_area(catalogue.not_checked)
    for area, title in AREAS.items():
        checked, left = len(areas.get(area, [])), len(left_out.get(area, []))
        if checked or left:
            lines.append(f"| [{area}](#{_anchor(title)}) {title} | {checked} | {left} |")
    for area, title in AREAS.items():
        if area not in areas and area not in left_out:
            continue
        lines += ["", f"## {title}"]
        for item in areas.get(area, []):
            lines += _requirement(item)
        if area in left_out:
            lines += ["", "Not checked:", ""]
            lines += [_left_out(item) for item in left_out[area]]
    lines += ["", "## Known deviations", ""]
    lines += ["Where named stacks depart from the above, exactly as catalogued."]
    for known in sorted(catalogue.deviations.values(), key=lambda each: natural(each.id)):
        lines += _deviation(known)
    return "\n".join(lines) + "\n"


def _requirement(item: Requirement) -> list[str]:
    facts = [
        ("Level", str(item.level)),
        ("Put to", versions_in_words(item))
        if item.put_to is PutTo.RUNTIME
        else ("Kubernetes", describe_range(item.versions)),
        ("Speaks of", scope_in_words(item) if item.put_to is PutTo.CLUSTER else ""),
        ("Needs", needs_in_words(item)),
        ("Within", deadlines_in_words(item)),
        ("At least", factor_in_words(item)),
        ("Judged by", _JUDGED[item.judged]),
        ("Profiles", ", ".join(sorted(item.profiles))),
        ("Clause", item.clause),
        ("Source", item.source),
    ]
    return ["", f"### {item.id}: {item.title}", "", _safe(item.text), "", *_facts(facts)]


def _deviation(item: Deviation) -> list[str]:
    facts = [
        ("Stacks", "; ".join(stacks_in_words(affects) for affects in item.affects)),
        ("Explains", ", ".join(sorted(item.explains, key=natural))),
        ("Claims that fail", "; ".join(shows_in_words(item))),
        ("Signature", f"{item.signature}. {spoken(SIGNATURES.get(item.signature))}")
        if item.signature
        else ("", ""),
        ("Race", "some resizes of such a stack show it; what it explains is met but for it")
        if item.race
        else ("", ""),
        ("Fleeting", "it lasts for milliseconds, which a sampler may miss")
        if item.fleeting
        else ("", ""),
        ("No check", item.no_check),
        ("Source", item.source),
    ]
    return ["", f"### {item.id}: {item.title}", "", _safe(item.reading), "", *_facts(facts)]


def _left_out(item: NotChecked) -> str:
    versions = describe_range(item.versions)
    return f"- **{item.id}** {_safe(item.title)} ({_safe(versions)}): {_safe(item.reason)}"


def _facts(facts: list[tuple[str, str]]) -> list[str]:
    return [f"- {name}: {_safe(text)}" for name, text in facts if text]


def _safe(text: str) -> str:
    """Keep what Markdown would take for HTML or emphasis as it is written."""
    return text.replace("<", "&lt;").replace("*", r"\*")


def _anchor(title: str) -> str:
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")
