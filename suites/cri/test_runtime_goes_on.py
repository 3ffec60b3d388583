"""What a runtime keeps of an update over its restart, and what it says beside resources."""

from __future__ import annotations

import pytest

from podresize_fixtures import Containers, claim, requirement

MIB = 1 << 20
CHANGE = {"cpu_shares": 1024, "cpu_quota": 80_000, "memory_limit_in_bytes": 192 * MIB}


@requirement("RT-34")
@pytest.mark.own_runtime
def test_restart_of_the_runtime(containers: Containers) -> None:
    """Report, kernel and process outlive it; the next update starts from what was."""
    container = containers.running()
    update = container.update(CHANGE)

    containers.restart_runtime()

    after = container.now()
    for what, was, is_ in (
        ("the report", update.after.status, after.status),
        ("the OCI specification", update.after.spec, after.spec),
        ("the kernel's settings", update.after.kernel, after.kernel),
        ("the first process", update.after.process, after.process),
        ("the state", update.after.state, after.state),
    ):
        claim("RT-34", f"{what} after the restart", got=is_, want=was, guilty=containers.party)
    claim(
        "RT-34",
        "what the next update lacks",
        got=container.lacking({"cpu_shares": 300}),
        want=[],
        guilty=containers.party,
    )


@requirement("RT-35")
def test_the_rest_of_what_is_reported(containers: Containers) -> None:
    """Image, labels, mounts, the entry in the list, the sandbox: as before."""
    container = containers.running()
    before = container.told()

    container.update(CHANGE)

    after = container.told()
    for what in before:
        claim("RT-35", what, got=after[what], want=before[what], guilty=containers.party)


@requirement("CRI-04")
def test_update_of_the_sandbox(containers: Containers) -> None:
    """Done, or not implemented; the container in it goes on either way."""
    container = containers.running()
    before = container.now()

    answer = containers.update_sandbox(container.sandbox, CHANGE)

    claim(
        "CRI-04",
        "the code of the answer",
        got=answer.code,
        want=["OK", "UNIMPLEMENTED"],
        relation="in",
        guilty=containers.party,
    )
    after = container.now()
    for what, was, is_ in (
        ("its container's settings", before.kernel, after.kernel),
        ("its container's process", before.process, after.process),
        ("its container's report", before.status, after.status),
    ):
        claim("CRI-04", what, got=is_, want=was, guilty=containers.party)
