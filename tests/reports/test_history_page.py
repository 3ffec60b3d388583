"""The page of a history: what it shows, and that nothing of a bundle becomes a part of it."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.history.course import Courses
from podresize_reports.history.page import history_page
from podresize_reports.history.store import History
from podresize_reports.history.strips import strips
from podresize_reports.history.trends import Plot, plots
from podresize_reports.loading import Run, load_run

PASSED, FAILED = VerdictKind.PASSED, VerdictKind.FAILED
Night = Callable[..., Run]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A run of a night, by its number: verdicts, and the seconds of one step of some resizes."""

    def make(
        number: int,
        said: dict[str, VerdictKind],
        *,
        done: Sequence[float] = (),
        kernel: str = "6.1",
        label: str = build.OLD,
        **told: Any,
    ) -> Run:
        target = build.target_record(label)
        target["fingerprint"] |= {"kernel": kernel}
        verdicts = [build.verdict(id_, kind, target=label, **told) for id_, kind in said.items()]
        verdicts += [
            build.verdict("Z-1", target=label, timeline=f"t{at}", facts={"done": seconds})
            for at, seconds in enumerate(done)
        ]
        started = f"2026-03-{number:02}T01:00:00+00:00"
        records = [build.run_record(run=f"night-{number}", started=started), target, *verdicts]
        place = tmp_path / f"{number}-{len(list(tmp_path.iterdir()))}"
        return load_run(build.write(place, [*records, build.end_record()]))

    return make


def kept(tmp_path: Path, runs: Sequence[Run]) -> Path:
    with History.open(tmp_path / "history") as history:
        for run in runs:
            history.add(run, digest="x")
    return tmp_path / "history"


def page_of(tmp_path: Path, *runs: Run) -> str:
    with History.open(kept(tmp_path, runs)) as history:
        return history_page(history).decode()


def plots_of(tmp_path: Path, *runs: Run) -> tuple[Plot, ...]:
    with History.open(kept(tmp_path, runs)) as history:
        ((stack, _),) = history.stacks()
        seen = history.runs(stack, most=99)
        return plots(history.spreads(stack, seen), seen)


def test_the_page_says_what_changed_and_is_the_same_for_the_same_history(
    tmp_path: Path, night: Night
) -> None:
    runs = [night(1, {"A-1": PASSED}), night(2, {"A-1": FAILED})]

    first, again = page_of(tmp_path, *runs), page_of(tmp_path, *runs[::-1])

    assert first == again
    assert "1 of 1 stack worse than before" in first
    assert "NEW FAILURES (1)" in first
    assert 'aria-label="A-1: 1 failed, 1 passed"' in first


def test_the_stack_that_is_worse_comes_first(tmp_path: Path, night: Night) -> None:
    runs = [night(n, {"A-1": PASSED}) for n in (1, 2)]
    runs += [night(n, {"A-1": (PASSED, FAILED)[n - 3]}, label=build.NEW) for n in (3, 4)]

    text = page_of(tmp_path, *runs)

    assert text.index(f'<a href="#stack-1">{build.NEW}') < text.index(build.OLD)


def test_an_empty_history_is_a_page_as_well(tmp_path: Path) -> None:
    text = page_of(tmp_path)

    assert "The history holds no run." in text
    assert "href=" not in text


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_nothing_of_a_bundle_becomes_a_part_of_the_page(tmp_path: Path, night: Night) -> None:
    bad = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J\u202e'
    runs = [
        night(1, {"A-1": PASSED}, label=f"{build.OLD}{bad}", kernel=bad, done=(1.0, 2.0)),
        night(2, {f"A-1{bad}": FAILED}, label=f"{build.OLD}{bad}", reading=bad, done=(1.0, 2.0)),
    ]

    text = page_of(tmp_path, *runs)

    parsed = _Tags()
    parsed.feed(text)
    names = {tag for tag, _ in parsed.tags}
    assert not names & {"script", "img", "iframe", "object", "link"}
    assert not [name for _, attributes in parsed.tags for name in attributes if name[:2] == "on"]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;" in text


def test_the_page_asks_no_network_and_allows_its_own_style_alone(
    tmp_path: Path, night: Night
) -> None:
    text = page_of(tmp_path, night(1, {"A-1": PASSED}))

    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    own = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{own}'" in text.replace("&#39;", "'")
    assert not re.search(r"(?:src|href)=\"(?!#)", text)
    assert "url(" not in style
    assert not re.search(r"\sstyle=", text)


def test_every_anchor_leads_somewhere(tmp_path: Path, night: Night) -> None:
    runs = [night(n, {"A-1": (PASSED, FAILED)[n % 2]}, done=(1.0, 2.0)) for n in range(1, 5)]
    parsed = _Tags()
    parsed.feed(page_of(tmp_path, *runs))

    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.tags:
        for name in ("href", "aria-labelledby"):
            if target := attributes.get(name):
                assert target.removeprefix("#") in ids


def test_a_strip_has_a_bar_for_each_turn_and_names_the_runs_that_failed() -> None:
    # Newest first: passed, failed, failed, no verdict, passed.
    courses = Courses({"A-1": "PFF.P", "A-2": "PPPPP", "A-3": "UUUUU", "A-4": "FFFFF"})
    runs: Any = [_Named(f"night-{number}") for number in (5, 4, 3, 2, 1)]

    told, calm = strips(courses, runs)

    assert calm == ("A-2", "A-3")
    always, sometimes = told
    assert (always.requirement, always.counts) == ("A-4", "5 failed")
    assert sometimes.wrong == "night-4, night-3"
    assert [(bar.x, bar.width, str(bar.kind)) for bar in sometimes.bars] == [
        (0.0, 20.0, "passed"),
        (40.0, 40.0, "failed"),
        (80.0, 20.0, "passed"),
    ]


class _Named:
    def __init__(self, name: str) -> None:
        self.id = name


def test_an_outlier_is_named_and_a_change_of_the_fingerprint_is_marked(
    tmp_path: Path, night: Night
) -> None:
    """Six nights on one kernel, of which the third is slow; six on another, all slow."""
    old = [night(n, {}, done=(3.0 if n == 3 else 1.0, 1.0, 3.0)) for n in range(1, 7)]
    new = [night(n, {}, done=(3.0, 3.1, 3.0), kernel="6.2") for n in range(7, 13)]

    (plot,) = plots_of(tmp_path, *old, *new)

    assert plot.step == "resize done"
    assert [each.run for each in plot.outliers] == ["night-3"]
    (mark,) = plot.marks
    assert (mark.run, mark.mark, mark.changes) == ("night-7", 1, (("kernel", "6.1", "6.2"),))
    text = page_of(tmp_path, *old, *new)
    assert "out of the way: night-3, median 3.00 s" in text
    assert "before night-7: kernel 6.1 → 6.2" in text


def test_a_plot_has_the_oldest_run_at_the_left_and_more_time_higher_up(
    tmp_path: Path, night: Night
) -> None:
    (plot,) = plots_of(tmp_path, *(night(n, {}, done=(float(n), float(n))) for n in (2, 1, 3)))

    assert [each.run for each in plot.points] == ["night-1", "night-2", "night-3"]
    xs, ys = [each.x for each in plot.points], [each.y for each in plot.points]
    assert xs == sorted(xs)
    assert ys == sorted(ys, reverse=True)
    assert plot.ticks[0].label == "0 s"


@pytest.mark.parametrize(("most", "is_linear"), [(2.0, True), (900.0, False)])
def test_times_of_more_than_a_decade_get_a_logarithmic_axis(
    tmp_path: Path, night: Night, most: float, is_linear: bool
) -> None:
    times = (1.0, 1.0, 1.0, most, most)

    (plot,) = plots_of(tmp_path, *(night(n, {}, done=times) for n in (1, 2)))

    assert (plot.ticks[0].label == "0 s") is is_linear


def test_the_table_has_the_numbers_of_the_plot(tmp_path: Path, night: Night) -> None:
    text = page_of(tmp_path, *(night(n, {}, done=(1.25, 1.5, 1.75)) for n in (1, 2)))

    row = re.search(r'<tr><th scope="row">night-2</th>(.*?)</tr>', text)
    assert row is not None
    assert re.findall("<td>(.*?)</td>", row[1])[1:7] == [
        "3",
        "1.30",
        "1.38",
        "1.50",
        "1.62",
        "1.70",
    ]


def test_of_one_run_no_plot_is_drawn(tmp_path: Path, night: Night) -> None:
    assert plots_of(tmp_path, night(1, {}, done=(1.0, 2.0))) == ()
