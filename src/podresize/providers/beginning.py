"""How every ``up`` begins: with a name, a clock, and whoever is told of its steps."""

from __future__ import annotations

import dataclasses
import time

from podresize.providers.child import Tell
from podresize.providers.names import check_name, new_name


@dataclasses.dataclass(frozen=True, slots=True)
class Beginning:
    """One call of ``up``. ``began`` is its ``time.monotonic``; ``told`` gets seconds since then."""

    name: str
    began: float
    told: Tell

    def tell(self, step: str) -> None:
        """Tell a step that is done now."""
        self.tell_at(step, time.monotonic())

    def tell_at(self, step: str, at: float) -> None:
        """Tell a step that was done ``at`` this ``time.monotonic``."""
        self.told(step, at - self.began)


def begin(name: str | None, tell: Tell | None, what: str = "cluster") -> Beginning:
    """Begin under this name, or under one that nothing else has.

    Raises ``UsageError`` for what is no name of a cluster, or of a runtime alone (``what``).
    """
    began = time.monotonic()
    name = name or new_name()
    check_name(name, what)
    return Beginning(name, began, tell or (lambda _step, _seconds: None))
