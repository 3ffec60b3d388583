"""index.html: the run as one page that opens anywhere, on a phone too, with no network.

The page is a function of the records alone: no clock, no host, no random id goes in, so the same
records give the same bytes. Everything a cluster printed is escaped by the template engine and its
control characters by ``clean``; the content security policy names the hashes of our own style and
script, so that nothing else runs even if an escape were missing.

Without its script the page tells every verdict, cause and time; only the timelines that explain no
cause are drawn by the script, when they are opened, from data in the page.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Callable
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

from podresize.evidence.records import VerdictKind
from podresize_reports.loading import Run
from podresize_reports.page.contents import Line, contents
from podresize_reports.page.evidence import LINE_LIMIT, as_data
from podresize_reports.page.latency import PERCENTILES, axis_of, distributions, plot
from podresize_reports.page.names import column_names
from podresize_reports.summary import SIGNS, STEPS, count, detail, headline, tone
from podresize_reports.text import (
    clean,
    one_line,
    plural,
    seconds_number,
    seconds_text,
    shorten,
)

__all__ = ["column_names", "html_page"]

_TEXT_LIMIT = 20_000  # of one failure text; the rest is in records.jsonl
_FAULTS = 40  # lines of one failure text; likewise


def html_page(run: Run) -> bytes:
    """Return the whole page, UTF-8, the same bytes for the same records."""
    found = contents(run)
    columns = column_names(run.targets)
    called = {target.label: name for target, name in zip(run.targets, columns, strict=True)}
    alone = len(run.targets) < 2
    times = [distributions(run, target.label) for target in run.targets]
    axis = axis_of(times)
    style, script = _asset("page.css"), _asset("figure.js") + _asset("page.js")
    page = (
        _environment()
        .get_template("index.html.j2")
        .render(
            run=run,
            headline=headline(run),
            detail=detail(run),
            tone=tone(run),
            counts=count(run.verdicts),
            columns=columns,
            called=called,
            alone=alone,
            page=found,
            latency=[(group, plot(group, axis)) for group in times],
            data=Markup(
                "\n".join(
                    as_data(each, target="" if alone else called.get(each.target, each.target))
                    for each in found.evidence
                )
            ),
            style=Markup(style),
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )
    return page.encode()


class _Loader(jinja2.PackageLoader):
    """The templates without their indentation: a browser keeps each blank between two elements."""

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool] | None]:
        """Return a template's source as jinja2 asks for it."""
        source, name, is_current = super().get_source(environment, template)
        return re.sub(r"\n\s*(?=[<{])", "", source), name, is_current


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=_Loader("podresize_reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "line": _line,
        "text": _limited,
        "seconds": _seconds,
        "number": seconds_number,
        "plural": plural,
        "sentence": lambda text: text[:1].upper() + text[1:],
    }
    environment.globals |= {
        "badge": _badge,
        "item": _item,
        "STEPS": STEPS,
        "PERCENTILES": PERCENTILES,
        "FAULTS": _FAULTS,
    }
    return environment


def _finalize(value: Any) -> Any:
    """Clean every text that the template shows, so that no place can forget to."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


# What follows is asked for tens of thousands of times, with a few thousand different texts.
@functools.lru_cache(maxsize=16384)
def _safe_line(text: str) -> Markup:
    return escape(shorten(one_line(text), LINE_LIMIT))


def _line(value: object) -> Markup:
    return _safe_line(str(value))


@functools.lru_cache(maxsize=4096)
def _seconds(seconds: float) -> Markup:
    return escape(seconds_text(seconds))


def _item(line: Line) -> Markup:
    """Return a verdict that says nothing unusual; a template would take half of the page's time."""
    link = data = ""
    if evidence := line.evidence:
        data = f' data-e="{evidence.anchor}"'
        link = f' · <a href="#{evidence.anchor}">{evidence.kind}</a>'
    reading = f" {_safe_line(line.reading)}" if line.reading else ""
    return Markup(
        f'<li data-s="{line.suite}"{data}><code>{_safe_line(line.name)}</code>{reading} '
        f"<small>{_seconds(line.seconds)}{link}</small></li>\n"
    )


@functools.lru_cache(maxsize=1024)
def _badge(kind: VerdictKind, deviations: tuple[str, ...] = ()) -> Markup:
    """Return a verdict as a sign and a word; a deviation with its ids."""
    words = " ".join([str(kind), *map(_line, deviations)])
    sign = f'<span class="sign" aria-hidden="true">{SIGNS[kind]}</span>'
    return Markup(f'<span class="badge {kind}">{sign}{words}</span>')


def _limited(text: str) -> str:
    if len(text) <= _TEXT_LIMIT:
        return text
    return f"{text[:_TEXT_LIMIT]}\n… {len(text) - _TEXT_LIMIT} more characters in records.jsonl"


@functools.cache
def _asset(name: str) -> str:
    return (resources.files("podresize_reports") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
