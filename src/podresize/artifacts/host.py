"""What the host is, as far as artifacts care."""

from __future__ import annotations

import platform

from podresize.errors import UsageError

ARCHITECTURES = ("amd64", "arm64")
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def host_arch() -> str:
    """Return ``amd64`` or ``arm64``; another machine's own name where it is neither."""
    return _MACHINES.get(platform.machine(), platform.machine())


def check_arch(arch: str | None) -> str:
    """Return the architecture that is meant; raise ``UsageError`` for one that is not built."""
    wanted = arch or host_arch()
    if wanted not in ARCHITECTURES:
        raise UsageError(
            "Artifacts exist for amd64 and arm64 only.",
            value=wanted,
            origin="--arch" if arch else "the host",
            next_command="podresize artifacts get all --arch amd64",
        )
    return wanted
