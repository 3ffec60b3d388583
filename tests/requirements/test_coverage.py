"""Every line of the specification is a catalogue entry, or says why it is not checked."""

from __future__ import annotations

import pytest
from tests.requirements.specification import SPECIFICATION

from podresize.requirements.areas import AREAS, area_of
from podresize.requirements.loader import load_catalogue

# The two ends of what the suites are run against; see SPECIFICATION for the releases between.
RELEASES = ("1.27.4", "1.37.2")
PREFIXES = {"API": 46, "ST": 30, "KL": 35, "SCH": 4, "CRI": 10}


OUR_OWN = ("PR", "RT")


def test_the_transcript_is_whole() -> None:
    counts = {prefix: sum(area_of(id_) == prefix for id_ in SPECIFICATION) for prefix in PREFIXES}

    assert counts == PREFIXES


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_each_line_is_checked_or_says_why_not(prefix: str, release: str) -> None:
    known = load_catalogue()
    entries = {
        id_: item.versions
        for each in (known.requirements, known.not_checked)
        for id_, item in each.items()
    }
    forgotten = [
        id_
        for id_, versions in SPECIFICATION.items()
        if area_of(id_) == prefix
        and versions.contains(release)
        and (id_ not in entries or not entries[id_].contains(release))
    ]

    assert not forgotten, (
        f"no entry for {release} in catalogue/*.yaml or not_checked.yaml: {', '.join(forgotten)}"
    )


def test_an_entry_speaks_of_no_line_that_there_is_not() -> None:
    known = load_catalogue()
    ids = {**known.requirements, **known.not_checked}.keys()

    assert {id_ for id_ in ids if area_of(id_) not in OUR_OWN} <= SPECIFICATION.keys()
    assert {area_of(id_) for id_ in ids} <= AREAS.keys()
