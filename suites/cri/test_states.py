"""Updates of containers that do not simply run, and beside what else happens to them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize_fixtures import (
    Containers,
    at_once,
    claim,
    requirement,
    unsupported,
    verify_agreement,
    verify_created,
    verify_update,
)

MIB = 1 << 20
CHANGE = {"cpu_shares": 1024, "cpu_quota": 80_000, "memory_limit_in_bytes": 192 * MIB}


@requirement("RT-10", "RT-22")
def test_as_created(containers: Containers) -> None:
    """Reported before the start and after it, as it was asked for; then also in the kernel."""
    container = containers.created(cpuset_cpus="0")

    verify_created(container)
    container.start()
    verify_created(container)
    verify_agreement(container)


@requirement("RT-25", "RT-11", "RT-22")
def test_created(containers: Containers) -> None:
    """Granted before the start, in force after it."""
    container = containers.created()

    update = container.update(CHANGE)
    verify_update(update, "RT-11")
    container.start()

    verify_update(container.observed(update.before, update.asked, update.answer), "RT-25", "RT-22")


@requirement("RT-26")
def test_paused(containers: Containers) -> None:
    """In the kernel while nothing runs; and the container is as paused as it was."""
    container = containers.running()

    with container.paused():
        update = container.update(CHANGE)
        claim(
            "RT-26",
            "the OCI runtime's status",
            got=container.oci_status(),
            want="paused",
            guilty=containers.party,
        )

    verify_update(update)
    done = container.execute("/probe", "identity")
    claim(
        "RT-26",
        "the exit code of a command after it was resumed",
        got=done.code,
        want=0,
        guilty=containers.party,
    )


@requirement("RT-27", "CRI-08")
def test_ended(containers: Containers) -> None:
    """Either answer will do; nothing is started, and what was refused is not reported."""
    container = containers.running()
    container.stop()

    update = container.update(CHANGE)

    verify_update(update)
    claim(
        "RT-27",
        "the state after the update",
        got=update.after.state,
        want="CONTAINER_EXITED",
        guilty=containers.party,
    )
    claim(
        "RT-27",
        "its first process",
        got=update.after.process.get("pid"),
        want=None,
        guilty=containers.party,
    )


@requirement("RT-28")
@pytest.mark.parametrize("attempt", range(5))
def test_during_the_start(containers: Containers, attempt: int) -> None:
    """Start and update are asked for at the same time."""
    container = containers.created()
    fields = CHANGE | {"cpu_shares": 1024 + attempt}

    _, answer = at_once([container.start, lambda: container.ask(fields)])

    granted = fields if answer.is_ok else container.requested
    claim(
        "RT-28",
        "what the kernel lacks of what was granted last",
        got=container.lacks(granted),
        want=[],
        guilty=str(containers.party),
    )


@requirement("RT-29")
@pytest.mark.parametrize("attempt", range(5))
def test_during_the_end(containers: Containers, attempt: int) -> None:
    """The container is killed while it is updated."""
    container = containers.running()
    fields = CHANGE | {"cpu_shares": 1024 + attempt}

    at_once([container.stop, lambda: container.ask(fields)])

    claim(
        "RT-29",
        "the state",
        got=container.now().state,
        want="CONTAINER_EXITED",
        guilty=containers.party,
    )
    container.remove()
    claim(
        "RT-29",
        "the state after it was removed",
        got=container.now().state,
        want=None,
        guilty=containers.party,
    )
    claim(
        "RT-29",
        "the cgroups that are left",
        got=container.cgroups(),
        want=[],
        guilty=containers.party,
    )


@requirement("RT-18", "RT-22")
def test_during_an_exec(containers: Containers) -> None:
    """A command prints and ends as ever while its container is updated ten times."""
    container = containers.running()
    updates = [CHANGE | {"cpu_shares": 1024 + number} for number in range(10)]

    def watched() -> tuple[Any, float]:
        done = container.execute("/probe", "watch", "--every", "50", "--seconds", "5")
        return done, time.monotonic()

    def updated() -> list[float]:
        return [(container.ask(fields), time.monotonic())[1] for fields in updates]

    (done, ended), answered = at_once([watched, updated])

    if done.code == 0 and ended < answered[0]:
        raise HarnessError(
            "no update was answered while the command ran",
            value=f"the first one {answered[0] - ended:.1f} s after its end",
            causes=("this host is overloaded",),
        )
    claim("RT-18", "the command's exit code", got=done.code, want=0, guilty=containers.party)
    claim(
        "RT-18",
        "what it wrote to standard error",
        got=done.stderr,
        want="",
        guilty=containers.party,
    )
    claim(
        "RT-18",
        "whether its output is whole lines",
        got=done.stdout.endswith("}\n"),
        want=True,
        guilty=containers.party,
    )
    verify_agreement(container)


@requirement("RT-30")
def test_during_a_checkpoint(containers: Containers) -> None:
    """Both are asked for at once; afterwards status and kernel are one."""
    container = containers.running()

    with containers.scratch() as directory:
        saved, _ = at_once(
            [
                lambda: container.checkpoint(f"{directory}/checkpoint.tar"),
                lambda: container.ask(CHANGE),
            ]
        )
    if not saved.is_ok:
        unsupported(f"the runtime makes no checkpoint: {saved}")

    verify_agreement(container)
