"""A run in parts: which checks are whose, the same on every host and in any order."""

from __future__ import annotations

import dataclasses
import hashlib
import re

from podresize.errors import UsageError

_TEXT = re.compile(r"([1-9]\d*)/([1-9]\d*)")


@dataclasses.dataclass(frozen=True, slots=True)
class Shard:
    """The ``number``th of ``of`` parts, from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``2/3``. Raises ``UsageError`` for anything else."""
        found = _TEXT.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            raise UsageError(
                "a shard is the Ith of N",
                value=text,
                origin="--shard",
                causes=("I goes from 1 to N",),
                next_command="--shard 1/2 on one host, --shard 2/2 on another",
            )
        return cls(int(found[1]), int(found[2]))

    def has(self, check: str) -> bool:
        """Return whether a check, by its stable id, is in this part."""
        number = int.from_bytes(hashlib.sha256(check.encode()).digest()[:8], "big")
        return number % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
