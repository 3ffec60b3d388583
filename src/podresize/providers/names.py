"""The names of clusters."""

from __future__ import annotations

import re
import secrets

from podresize.errors import UsageError

# The name becomes a directory, a cgroup and, with a suffix, a node name; sockets limit its length.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def new_name() -> str:
    """Return a name that no other cluster of this host has."""
    return f"pr-{secrets.token_hex(3)}"


def check_name(name: str, what: str = "cluster") -> None:
    """Raise ``UsageError`` for what is no name of a cluster, or of a runtime alone."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"not a {what} name",
            value=name,
            origin="--name",
            causes=("a name has 1 to 32 small letters, digits and inner hyphens",),
            next_command=f"podresize {what} up --name my-{what}",
        )


def name_in_use(name: str, what: str = "cluster") -> UsageError:
    """Return the error for a name that a living cluster has, or a runtime alone."""
    return UsageError(
        f"a {what} of that name is running",
        value=name,
        origin="--name",
        causes=(
            f"an earlier `{what} up` was not followed by `{what} down`",
            "a run is under way",
        ),
        next_command=f"podresize {what} down {name}",
    )
