"""What leaves this host says nothing of it: no path of its own, no secret that something printed.

Records hold what components and pods said, so a path or a token may be anywhere in them. Each text
is looked through; structure, numbers and times stay as they are.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podresize.requirements.loader import load_catalogue
from podresize.requirements.target import PROVIDERS

LEFT_OUT = "[left out]"
_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
    # A JSON Web Token, as service accounts have them: three parts in base64, the first a header.
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    re.compile(r"(?<=[Bb]earer )[\w.~+/=-]{8,}"),
    re.compile(r"(?<=client-key-data: )\S+"),
    re.compile(r"(?i)(?<=\btoken: )[\w.~+/=-]{8,}"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)


def _own_words() -> set[str]:
    """Return the words of the catalogue, and those that targets are named with."""
    known = load_catalogue()
    texts = [f"{each.title} {each.text}" for each in known.requirements.values()]
    texts += [f"{each.title} {each.reading}" for each in known.deviations.values()]
    return {*PROVIDERS, *re.findall(r"[\w-]+", " ".join(texts))}


class Scrubber:
    """Replaces the host's own places by words, and secrets by ``LEFT_OUT``.

    ``places`` maps a directory to the word for it; longer ones go first. Relative and short ones
    ("/", "/root" as part of another word) are taken as whole parts of a path only.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        known = sorted((place for place in places if len(place) > 1), key=len, reverse=True)
        self._words = {place: places[place] for place in known}
        named = "|".join(re.escape(place) for place in known)
        self._places = re.compile(rf"(?<![\w.-])(?:{named})(?![\w.-])") if known else None

    def text(self, text: str) -> str:
        """Return a text without them."""
        for secret in _SECRETS:
            text = secret.sub(LEFT_OUT, text)
        if self._places is None:
            return text
        return self._places.sub(lambda found: self._words[found[0]], text)

    def value(self, value: Any) -> Any:
        """Return a JSON value without them, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value


def of_this_host(out: Path) -> Scrubber:
    """Return the scrubber for what a run on this host wrote below ``out``.

    A host's name that is a word of ours ("vm", "node") tells nothing of it, and without the word
    the records would say something else.
    """
    name = os.uname().nodename
    places = {
        os.path.realpath(out): "<out>",
        str(Path.cwd()): "<here>",
        str(Path.home()): "~",
        tempfile.gettempdir(): "<tmp>",
    } | ({} if name in _own_words() else {name: "<host>"})
    return Scrubber(places)
