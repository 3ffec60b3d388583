"""Text from elsewhere: what must not reach a terminal or a page, and nothing else is touched."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from podresize_reports.text import clean

OVERRIDES = "\u061c\u200e\u200f\u202a\u202e\u2066\u2069"


@pytest.mark.parametrize("character", ["\x1b", "\x00", "\x7f", "\x9b", *OVERRIDES, "\ud800"])
def test_it_is_shown_as_a_picture_wherever_it_stands(character: str) -> None:
    assert character not in clean(f"before {character} after")
    assert character not in clean(character)


def test_every_control_character_goes_and_every_letter_stays() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t":
            assert clean(character) != character, hex(code)
        elif unicodedata.category(character)[0] in "LMNPS":
            assert clean(character) == character, hex(code)
