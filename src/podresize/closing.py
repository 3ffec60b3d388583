"""What is open until the end of a ``with``."""

from __future__ import annotations

import abc
from typing import Self


class Closing(abc.ABC):
    """Something that ``close`` ends; a ``with`` calls it, whatever happened inside."""

    @abc.abstractmethod
    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
