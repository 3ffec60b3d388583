"""A guest that hangs: it is told as such, soon, and nobody waits for it twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.guest.played_agent import PlayedAgent
from tests.providers.vm.conftest import FakeGuest

from podresize.errors import HarnessError
from podresize.providers.vm import journal, provider, silence
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.silence import SILENT, silence_told, why_silent


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest has less time here."""
    monkeypatch.setattr(silence, "SILENT_SECONDS", 0.4)
    monkeypatch.setattr(silence, "_AGAIN_SECONDS", 0.05)


@pytest.fixture
def hung(layout: GuestLayout) -> Iterator[PlayedAgent]:
    """The agent of a machine that is stopped, which has said something before."""
    layout.console.write_text("Linux version 6.1.0\nrcu: INFO: rcu_sched self-detected stall\n")
    with PlayedAgent(layout.agent, answers=False) as found:
        yield found


def test_a_guest_that_answers_is_not_silent(layout: GuestLayout) -> None:
    with PlayedAgent(layout.agent):
        assert why_silent(layout.agent, slowness=1.0, logs=layout.cluster.logs) is None


def test_one_that_hangs_is_told_with_its_consoles_last_lines(
    layout: GuestLayout, hung: PlayedAgent
) -> None:
    began = time.monotonic()

    found = why_silent(str(layout.agent), slowness=2.0, logs=layout.cluster.logs)

    assert 0.8 <= time.monotonic() - began < 5
    assert found is not None
    assert found.what == "the guest answers no more"
    assert found.value == str(layout.agent)
    assert found.causes[0] == "its agent said nothing for 0.8 s"
    assert "rcu_sched self-detected stall" in found.causes[1]
    assert found.next_command
    assert hung.asked == 1


def test_one_that_was_silent_has_less_time_until_it_answers_again(
    layout: GuestLayout, hung: PlayedAgent
) -> None:
    def seconds() -> float:
        began = time.monotonic()
        why_silent(layout.agent, slowness=1.0, logs=None)
        return time.monotonic() - began

    assert seconds() >= 0.4
    assert seconds() < 0.4
    assert why_silent(layout.agent, slowness=1.0, logs=None, seconds=0.5) is not None
    hung.answers = True
    assert seconds() < 0.4
    hung.answers = False
    assert seconds() >= 0.4


def test_a_cluster_that_is_gone_is_not_waited_for(layout: GuestLayout) -> None:
    began = time.monotonic()

    found = why_silent(layout.agent, slowness=100.0, logs=layout.cluster.logs)

    assert time.monotonic() - began < 5
    assert found is not None
    assert found.causes[0] == "the guest's relay cannot be reached"


def failed(layout: GuestLayout, what: str = "it was not personalised") -> str:
    """Return what a failure begins with while this guest is dealt with."""
    with pytest.raises(HarnessError) as raised, silence_told(layout, patience=1.0):
        raise HarnessError(what)
    return raised.value.what


@pytest.mark.usefixtures("hung")
def test_a_failure_of_a_guest_that_hangs_begins_with_that(layout: GuestLayout) -> None:
    assert failed(layout) == SILENT


def test_that_of_one_that_answers_or_is_gone_does_not(layout: GuestLayout) -> None:
    assert failed(layout) == "it was not personalised"
    with PlayedAgent(layout.agent):
        assert failed(layout) == "it was not personalised"


@pytest.mark.usefixtures("hung")
@pytest.mark.parametrize(
    "line",
    ["podresize-initrd: no disk /dev/vda", "[    1.2] Kernel panic - not syncing: VFS: no root"],
)
def test_one_that_says_what_it_failed_of_does_not_hang(layout: GuestLayout, line: str) -> None:
    with layout.console.open("a") as console:
        console.write(f"{line}\n[    1.3] Call Trace:\n")

    assert failed(layout) == "it was not personalised"


@pytest.mark.usefixtures("hung")
def test_nor_does_one_that_says_anything_while_it_is_asked(
    layout: GuestLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object, **__: object) -> HarnessError:
        with layout.console.open("a") as console:
            console.write("[   99.1] systemd[1]: Starting podresize-agent.service\n")
        return HarnessError(SILENT)

    monkeypatch.setattr(silence, "why_silent", asked)

    assert failed(layout) == "it was not personalised"


def test_the_logs_of_a_guest_that_hangs_are_kept_without_its_journal(
    layout: GuestLayout, hung: PlayedAgent, tmp_path: Path
) -> None:
    began = time.monotonic()

    journal.keep_logs(
        *(layout.cluster.logs, str(layout.agent), tmp_path / "kept"),
        units=("kubelet", "containerd"),
        slowness=1.0,
    )

    assert time.monotonic() - began < 5
    assert hung.asked == 1
    assert {each.name for each in (tmp_path / "kept").iterdir()} == {"console.log"}


def test_a_journal_that_cannot_be_read_costs_no_other_log(
    layout: GuestLayout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layout.console.write_text("words")
    said = FakeGuest({"unit=kubelet": "of the kubelet", "unit=containerd": "FAIL"})
    monkeypatch.setattr(journal, "connected", lambda *_, **__: said)

    with PlayedAgent(layout.agent):
        journal.keep_logs(
            *(layout.cluster.logs, str(layout.agent), tmp_path / "kept"),
            units=("containerd", "kubelet"),
            slowness=1.0,
        )

    found = {each.name: each.read_text() for each in (tmp_path / "kept").iterdir()}
    assert found == {
        "console.log": "words",
        "kubelet.log": "of the kubelet\n",
        "containerd.log": "podresize: a command failed in the guest\n",
    }


class Supervisor:
    """A cluster's that lives."""

    has_ended = False


@contextlib.contextmanager
def not_ready(layout: GuestLayout, guest: FakeGuest, supervisor: Any = Supervisor) -> Iterator[Any]:
    """Wait in vain for a node; give what is raised."""
    with (
        pytest.raises(HarnessError) as raised,
        provider._kubelets_words(guest, supervisor, layout.cluster, 1.0),
    ):
        raise HarnessError("one is not Ready", value="one", causes=("a cause",))
    yield raised.value


def test_a_node_whose_guest_hangs_has_the_consoles_words_and_not_the_kubelets(
    layout: GuestLayout, hung: PlayedAgent
) -> None:
    guest = FakeGuest()

    with not_ready(layout, guest) as error:
        assert error.what == "the guest answers no more"
        assert "rcu_sched" in str(error)
    assert guest.ran == []
    assert hung.asked == 1


def test_a_node_that_does_not_become_ready_has_its_kubelets_last_words(
    layout: GuestLayout,
) -> None:
    with (
        PlayedAgent(layout.agent),
        not_ready(layout, FakeGuest({"unit=kubelet": "no network plugin"})) as error,
    ):
        assert error.what.startswith("the node in the virtual machine did not become Ready")
        assert error.causes[0] == "a cause"
        assert error.causes[1].splitlines()[-1].strip() == "no network plugin"


def test_of_a_cluster_that_has_ended_the_cause_is_its_own(layout: GuestLayout) -> None:
    class Ended:
        has_ended = True

    with not_ready(layout, FakeGuest(), Ended) as error:
        assert error.what == "one is not Ready"
