"""The room on a node decides: at the boundary, in one direction, and for all resources at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracle.test_expectation import on, pod

from podresize.oracle.change import Change
from podresize.oracle.expectation import Expectation, expectation
from podresize.oracle.surroundings import Surroundings
from podresize.requirements.model import Outcome

some = settings(max_examples=120, deadline=None)
ORDER = [Outcome.GRANTED, Outcome.DEFERRED, Outcome.INFEASIBLE]
CONTAINER = {
    "requests": {"cpu": "200m", "memory": "64Mi"},
    "limits": {"cpu": "8", "memory": "8Gi"},
}
releases = st.sampled_from(["1.27.4", "1.31.0", "1.32.1", "1.33.0", "1.35.2"])


def node(cpu: int, memory: int, *, others: tuple[int, int] = (0, 0)) -> Surroundings:
    """A node in millicores and Mi, and what the other pods hold of it."""
    return Surroundings(
        allocatable={"cpu": f"{cpu}m", "memory": f"{memory}Mi"},
        others={"cpu": f"{others[0]}m", "memory": f"{others[1]}Mi"},
    )


def asked(change: Change, around: Surroundings, kubernetes: str = "1.27.4") -> Expectation:
    return expectation(pod(CONTAINER), change, on(kubernetes=kubernetes), surroundings=around)


@pytest.mark.parametrize(
    ("cpu", "memory", "others", "outcome", "rule"),
    [
        (1000, 1000, (700, 0), Outcome.GRANTED, ""),
        (1000, 1000, (701, 0), Outcome.DEFERRED, "KL-03"),
        (300, 1000, (0, 0), Outcome.GRANTED, ""),
        (299, 1000, (0, 0), Outcome.INFEASIBLE, "KL-02"),
        (299, 1000, (299, 0), Outcome.INFEASIBLE, "KL-02"),
        (1000, 96, (0, 0), Outcome.GRANTED, ""),
        (1000, 95, (0, 0), Outcome.INFEASIBLE, "KL-02"),
        (1000, 1000, (0, 904), Outcome.GRANTED, ""),
        (1000, 1000, (0, 905), Outcome.DEFERRED, "KL-03"),
        (1000, 95, (900, 0), Outcome.INFEASIBLE, "KL-02"),
    ],
)
@pytest.mark.parametrize("kubernetes", ["1.27.4", "1.32.1", "1.35.2"])
def test_the_last_millicore_and_the_last_byte_decide(
    kubernetes: str, cpu: int, memory: int, others: tuple[int, int], outcome: Outcome, rule: str
) -> None:
    change = Change(cpu="+100m", memory="+32Mi", scope="requests")

    found = asked(change, node(cpu, memory, others=others), kubernetes)

    assert (found.outcome, found.rule) == (outcome, rule)
    assert (found.cgroups_after == found.cgroups_before) is (outcome is not Outcome.GRANTED)


@some
@given(
    st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 400), st.integers(0, 90), releases
)
def test_a_resize_that_asks_for_no_more_is_always_granted(
    cpu: int, memory: int, less: int, less_memory: int, kubernetes: str
) -> None:
    """KL-04: also on a node that is overcommitted, as long as it could hold the pod at all."""
    around = node(200 + cpu, 64 + memory, others=(9000, 9000))
    less, less_memory = min(less, 199), min(less_memory, 63)
    change = Change(cpu=f"-{less}m", memory=f"-{less_memory}Mi", scope="requests")

    assert asked(change, around, kubernetes).outcome is Outcome.GRANTED


@some
@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000))
def test_less_room_never_makes_it_better(wish: int, size: int, held: int, more: int) -> None:
    change = Change(cpu=f"+{wish}m", scope="requests")
    roomy = asked(change, node(size + more, 1000, others=(held, 0)))
    fuller = asked(change, node(size + more, 1000, others=(held + more, 0)))
    smaller = asked(change, node(size, 1000, others=(held, 0)))

    assert ORDER.index(roomy.outcome) <= ORDER.index(fuller.outcome)
    assert ORDER.index(roomy.outcome) <= ORDER.index(smaller.outcome)


@some
@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000), releases)
def test_the_decision_is_the_arithmetic_of_the_node(
    wish: int, size: int, held: int, kubernetes: str
) -> None:
    found = asked(
        Change(cpu=f"+{wish}m", scope="requests"), node(size, 1000, others=(held, 0)), kubernetes
    )
    total = 200 + wish

    if wish == 0:
        wanted = Outcome.GRANTED
    elif total > size:
        wanted = Outcome.INFEASIBLE
    else:
        wanted = Outcome.GRANTED if total + held <= size else Outcome.DEFERRED
    assert found.outcome is wanted


@pytest.mark.parametrize("kubernetes", ["1.27.4", "1.35.2"])
def test_all_of_it_is_granted_or_none(kubernetes: str) -> None:
    """KL-01: memory that would fit does not come before cpu that does not."""
    two = pod(CONTAINER, CONTAINER)
    change = Change(cpu="+500m", scope="requests", container="c1") & Change(
        memory="+1Mi", scope="requests", container="c2"
    )

    found = expectation(
        two, change, on(kubernetes=kubernetes), surroundings=node(1000, 900, others=(500, 0))
    )

    assert found.outcome is Outcome.DEFERRED
    assert not any(item.is_changed for item in found.containers)
    assert all(item.is_asked for item in found.containers)
    assert [item.allocated for item in found.containers] == [CONTAINER["requests"]] * 2


def test_who_may_not_or_is_late_is_refused_before_anything_else() -> None:
    change = Change(cpu="+100m")

    forbidden = expectation(
        pod(CONTAINER), change, on(), surroundings=Surroundings(may_resize=False, is_stale=True)
    )
    late = expectation(pod(CONTAINER), change, on(), surroundings=Surroundings(is_stale=True))

    assert (forbidden.outcome, forbidden.answer.code) == (Outcome.REFUSED, 403)
    assert (late.outcome, late.answer.code) == (Outcome.REFUSED, 409)
