"""A walk as text: the steps that were taken, as a check that takes them again.

A sequence that was found by chance is worth what can be made of it: the text goes into a file of
``suites/`` as it is.
"""

from __future__ import annotations

import dataclasses

from podresize.oracle.change import Change

_CHECK = """\
from podresize_fixtures import Change, Pods, Walk, requirement


@requirement("{requirement}")
@pytest.mark.own_cluster{settings}
def test_replay(pods: Pods) -> None:
    walk = Walk(pods, qos="{qos}")
{steps}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One step: the name of a method of ``Walk`` and its argument, None where it has none."""

    name: str
    argument: Change | str | None = None

    def __str__(self) -> str:
        """Return the call as Python has it, without the walk."""
        if self.argument is None:
            return f"{self.name}()"
        if isinstance(self.argument, str):
            return f'{self.name}("{self.argument}")'
        return f"{self.name}({change_text(self.argument)})"


def change_text(change: Change) -> str:
    """Return the Python expression that makes an equal change."""
    return " & ".join(_one_change(part) for part in change.parts)


def _one_change(change: Change) -> str:
    words = [f'{name}="{amount}"' for name, amount in change.amounts()]
    words += [f'scope="{change.scope}"'] if change.scope != "both" else []
    words += [f'container="{change.container}"'] if change.container is not None else []
    return f"Change({', '.join(words)})"


def check_text(steps: tuple[Step, ...], *, requirement: str, qos: str, settings: str = "") -> str:
    """Return a check that takes the steps. ``settings`` are the arguments of its own cluster."""
    lines = "\n".join(f"    walk.{step}" for step in steps) or "    del walk"
    return "import pytest\n\n" + _CHECK.format(
        requirement=requirement, qos=qos, steps=lines, settings=settings
    )
