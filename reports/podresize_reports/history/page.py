"""The history as one page: what changed on each stack, how it stood, and how long its steps took.

The page is a function of the history alone, needs no network and runs no script; everything that
came from a bundle is cleaned and escaped, as on a run's page.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from podresize_reports.history import strips as strips_of
from podresize_reports.history import trends
from podresize_reports.history.regression import LAST_RUNS, Regression, regression
from podresize_reports.history.report import changes_of
from podresize_reports.history.store import History, SeenRun
from podresize_reports.summary import SIGNS
from podresize_reports.text import clean, one_line, plural, seconds_number, shorten

SHOWN_RUNS = 60
"""Runs of each stack that are drawn where nobody asks for more."""
MOST_RUNS = 200
"""More cannot be told apart on a page."""
_LINE = 400


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StackView:
    """One stack on the page; ``runs`` are newest first."""

    anchor: str
    label: str
    tone: str
    state: str
    changes: tuple[str, ...]
    runs: tuple[SeenRun, ...]
    strips: tuple[strips_of.Strip, ...]
    calm: tuple[str, ...]
    plots: tuple[trends.Plot, ...]


def history_page(history: History, *, shown: int = SHOWN_RUNS, last: int = LAST_RUNS) -> bytes:
    """Return the whole page, UTF-8; those stacks first that are worse than before.

    ``shown`` is how many runs are drawn, and ``last`` with how many the newest is compared.
    """
    stacks = [
        _view(history, stack, label, history.runs(stack, most=max(shown, last + 1)), shown, last)
        for stack, label in history.stacks()
    ]
    stacks.sort(key=lambda view: view.tone != "failed")
    numbered = [
        dataclasses.replace(view, anchor=f"stack-{number}") for number, view in enumerate(stacks, 1)
    ]
    style = _style()
    page = (
        _environment()
        .get_template("history/page.html.j2")
        .render(
            stacks=numbered,
            worse=sum(view.tone == "failed" for view in stacks),
            style=Markup(style),
            style_hash=_hash(style),
            strip_height=strips_of.HEIGHT,
            plot_height=trends.HEIGHT,
        )
    )
    return page.encode()


def _view(
    history: History, stack: int, label: str, runs: list[SeenRun], shown: int, last: int
) -> StackView:
    found = regression(history, stack, label, runs[: last + 1])
    drawn = runs[:shown]
    told, calm = strips_of.strips(history.courses(drawn), drawn)
    tone, state = _state(found)
    return StackView(
        anchor="",
        label=label,
        tone=tone,
        state=state,
        changes=tuple(changes_of(found)),
        runs=tuple(drawn),
        strips=told,
        calm=calm,
        plots=trends.plots(history.spreads(stack, drawn), drawn),
    )


def _state(found: Regression) -> tuple[str, str]:
    if found.before is None:
        return "first", "the first run"
    if found.is_worse:
        number = len(found.new_failures)
        return "failed", plural(number, "new failure") if number else "a new requirement fails"
    if found.still_failing:
        return "old", f"{len(found.still_failing)} still failing"
    if found.slower:
        return "slow", f"{plural(len(found.slower), 'step')} slower"
    return "passed", "nothing worse"


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("podresize_reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "line": lambda value: shorten(one_line(str(value)), _LINE),
        "number": seconds_number,
        "plural": plural,
    }
    environment.globals |= {"SIGNS": SIGNS}
    return environment


def _finalize(value: Any) -> Any:
    """Clean every text that the template shows, so that no place can forget to."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def _style() -> str:
    place = resources.files("podresize_reports") / "templates" / "history" / "page.css"
    return place.read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
