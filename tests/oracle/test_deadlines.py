"""How long a target may take: at its own pace, but for the sync that comes when it comes."""

from __future__ import annotations

import dataclasses

import pytest
from tests.targets import TARGET as OLD

from podresize.oracle.deadlines import at_its_pace, seconds_allowed
from podresize.oracle.expectation import REFUSAL_DEADLINE
from podresize.requirements.loader import load_catalogue
from podresize.requirements.target import Fingerprint

NEW = dataclasses.replace(OLD, kubernetes="1.37.2")
REQUIREMENTS = load_catalogue().requirements


def slow(fingerprint: Fingerprint, slowness: float) -> Fingerprint:
    return dataclasses.replace(fingerprint, slowness=slowness)


@pytest.mark.parametrize("fingerprint", [OLD, NEW], ids=["1.27", "1.37"])
@pytest.mark.parametrize("sync", [5.0, 60.0, 120.0])
def test_a_node_at_full_speed_has_the_catalogues_time(
    fingerprint: Fingerprint, sync: float
) -> None:
    target = dataclasses.replace(fingerprint, sync_seconds=sync)

    for requirement in REQUIREMENTS.values():
        seconds = requirement.deadline(target.kubernetes)
        if seconds is not None:
            assert at_its_pace(seconds, target) == seconds


def test_what_waits_for_no_sync_is_longer_by_the_factor() -> None:
    natively = seconds_allowed(REQUIREMENTS["KL-41"], NEW)
    emulated = seconds_allowed(REQUIREMENTS["KL-41"], slow(NEW, 8.0))

    assert natively is not None
    assert emulated == 8.0 * natively


def test_the_wait_for_one_sync_is_not_longer() -> None:
    natively = seconds_allowed(REQUIREMENTS["KL-41"], OLD)
    emulated = seconds_allowed(REQUIREMENTS["KL-41"], slow(OLD, 8.0))

    assert (natively, emulated) == (100.0, 90.0 + 8.0 * 10.0)


def test_a_quicker_sync_shortens_the_wait_on_a_slow_node_as_well() -> None:
    quick = dataclasses.replace(slow(OLD, 8.0), sync_seconds=5.0)

    assert seconds_allowed(REQUIREMENTS["KL-41"], quick) == 100.0 - 1.5 * 55.0 + 7.0 * 10.0


def test_a_limit_below_a_sync_and_a_half_still_leaves_time_for_work() -> None:
    assert at_its_pace(75.0, slow(OLD, 8.0)) == 65.0 + 8.0 * 10.0


def test_no_time_stays_none() -> None:
    (timeless, *_) = (
        each for each in REQUIREMENTS.values() if each.deadline(NEW.kubernetes) is None
    )

    assert seconds_allowed(timeless, slow(NEW, 8.0)) is None


def test_a_fingerprint_says_that_it_is_emulated_and_multiplies_what_it_may_take() -> None:
    emulated = slow(NEW, 8.0)

    assert (NEW.is_emulated, emulated.is_emulated) == (False, True)
    assert (NEW.patience(REFUSAL_DEADLINE), emulated.patience(2.0)) == (REFUSAL_DEADLINE, 16.0)
    assert (NEW.lull(2.0), emulated.lull(2.0)) == (2.0, 6.2)
    assert str(emulated) == f"{NEW}, emulated"


@pytest.mark.parametrize(("accelerator", "is_so"), [("tcg", True), ("kvm", False)])
def test_what_runs_a_guest_says_whether_it_is_emulated(accelerator: str, is_so: bool) -> None:
    """KVM beside other work may be measured as slower than this host too."""
    guest = dataclasses.replace(slow(NEW, 1.6), accelerator=accelerator)

    assert guest.is_emulated is is_so
    assert ("emulated" in str(guest)) is is_so
    assert guest.patience(2.0) == 3.2
    assert guest.to_json()["accelerator"] == accelerator
    assert Fingerprint.from_json(guest.to_json()) == guest
    assert "accelerator" not in NEW.to_json()


def test_a_fingerprint_without_the_field_is_one_at_full_speed() -> None:
    stored = NEW.to_json()
    del stored["slowness"]

    assert Fingerprint.from_json(stored) == NEW
    assert Fingerprint.from_json(slow(NEW, 8.0).to_json()).slowness == 8.0
