"""Whose a container is, for hosts where testcontainers' reaper is disabled or was killed too.

Each container of podresize names the process that it ends with; who makes the next one removes
those whose process is gone.
"""

from __future__ import annotations

from podresize.errors import PodresizeError
from podresize.providers.kind.engine import Engine
from podresize.providers.marks import has_ended, mark

OWNER_LABEL = "podresize.owner"


def owner_labels() -> dict[str, str]:
    """Return the labels of a container that ends with this process (``marks``)."""
    return {OWNER_LABEL: mark()}


def sweep(engine: Engine) -> list[str]:
    """Remove the containers, volumes included, whose process is gone, and return their ids.

    One of another PID namespace is left alone: its process cannot be asked for from here. What the
    engine or another process removes at the same time is no error. Raises ``HostError`` where the
    engine does not answer.
    """
    listed = engine.run(
        *("ps", "--all", "--no-trunc", "--filter", f"label={OWNER_LABEL}"),
        *("--format", f'{{{{.ID}}}} {{{{.Label "{OWNER_LABEL}"}}}}'),
    )
    removed = []
    for line in listed.splitlines():
        container, _, owner = line.partition(" ")
        if not has_ended(owner):
            continue
        try:
            engine.run("rm", "--force", "--volumes", container)
        except PodresizeError:
            if container in engine.run("ps", "--all", "--no-trunc", "--quiet").split():
                raise
        removed.append(container)
    return removed
