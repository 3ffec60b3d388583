"""Many updates: one after the other, at once, and of many containers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from podresize_fixtures import Containers, at_once, claim, requirement, verify_update

MIB = 1 << 20
IN_A_ROW = 200
CONTAINERS = 100
PER_SANDBOX = 20
AT_ONCE = 20


def numbered(number: int) -> dict[str, Any]:
    """Return an update that no other is like in any field."""
    return {
        "cpu_shares": 1_000 + number,
        "cpu_quota": 50_000 + 100 * number,
        "memory_limit_in_bytes": (100 + number) * MIB,
    }


@requirement("RT-31", "RT-09", "RT-11", "RT-22")
@pytest.mark.lasts(40)
def test_one_after_the_other(containers: Containers) -> None:
    """Two hundred, each another than the one before; nothing is longer or larger at the end."""
    container = containers.running()
    fields = [numbered(number % 50) for number in range(IN_A_ROW)]

    container.update(fields[0])
    first = container.footprint()
    answers = [container.ask(each) for each in fields[1:-1]]
    last = container.update(fields[-1])

    refused = [str(answer) for answer in answers if not answer.is_ok]
    claim("RT-31", "the updates that were refused", got=refused, want=[], guilty=containers.party)
    verify_update(last)
    grown = container.footprint()
    for what, slack in (("status", 64), ("specification", 64), ("files", 16), ("memory", 64 * MIB)):
        most = first[what] + slack
        claim(
            "RT-31",
            f"{what} after two hundred updates",
            got=grown[what],
            want=most,
            relation="<=",
            guilty=containers.party,
        )


@requirement("RT-32")
@pytest.mark.lasts(90)
def test_each_of_another_container(containers: Containers) -> None:
    """A hundred containers are updated at once, each to values of its own."""
    sandboxes = [containers.sandbox() for _ in range(CONTAINERS // PER_SANDBOX)]
    made = [containers.running(each) for each in sandboxes for _ in range(PER_SANDBOX)]

    answers = at_once(
        [partial(container.ask, numbered(number)) for number, container in enumerate(made)]
    )

    refused = [str(answer) for answer in answers if not answer.is_ok]
    claim("RT-32", "the updates that were refused", got=refused, want=[], guilty=containers.party)
    wrong = {
        number: found
        for number, container in enumerate(made)
        if (found := container.differs(numbered(number)))
    }
    claim(
        "RT-32",
        "containers whose kernel or report has other values",
        got=wrong,
        want={},
        guilty=containers.party,
    )


@requirement("RT-33")
def test_all_of_one_container(containers: Containers) -> None:
    """Twenty updates at once: one of them is what remains, in every witness and every field."""
    container = containers.running()
    asked = [numbered(number) for number in range(AT_ONCE)]

    answers = at_once([partial(container.ask, each) for each in asked])

    granted = [each for each, answer in zip(asked, answers, strict=True) if answer.is_ok]
    claim(
        "RT-33",
        "how many were granted",
        got=len(granted),
        want=1,
        relation=">=",
        guilty=containers.party,
    )
    whole = [number for number, each in enumerate(granted) if not container.differs(each)]
    # The kernel by itself: with shares of one and memory of another nobody could tell the truth.
    enacted = whole or [n for n, each in enumerate(granted) if not container.lacks(each)]
    claim(
        "RT-33",
        "how many of them the kernel has as a whole",
        got=len(enacted),
        want=1,
        guilty=containers.party,
        witnesses=container.says(asked[0]),
    )
    claim(
        "RT-33",
        "how many of them every witness has as a whole",
        got=len(whole),
        want=1,
        guilty=containers.party,
        witnesses=container.says(asked[0]),
    )
