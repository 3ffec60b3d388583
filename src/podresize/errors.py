"""What a user reads when something cannot be done.

Every message has the same four parts: what happened, the value and where it came from, the likely
causes, and the next command to try. The command line and the pytest plugin print them without a
traceback; a traceback is for our own mistakes only.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_HARNESS = 3


class PodresizeError(Exception):
    """Base of every error that is meant for a person.

    ``what`` is one sentence. ``value`` is the offending value as the user wrote it, ``origin``
    says where it came from (an option, a file, an environment variable, the host). ``causes`` are
    the likely ones, most likely first; ``next_command`` is a line that can be pasted.
    """

    exit_code: ClassVar[int] = EXIT_HARNESS

    def __init__(
        self,
        what: str,
        *,
        value: str | None = None,
        origin: str | None = None,
        causes: tuple[str, ...] = (),
        next_command: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.value = value
        self.origin = origin
        self.causes = causes
        self.next_command = next_command

    def __str__(self) -> str:
        lines = [self.what]
        if self.value is not None:
            lines.append(
                f"  value:   {self.value}" + (f" (from {self.origin})" if self.origin else "")
            )
        elif self.origin is not None:
            lines.append(f"  origin:  {self.origin}")
        for number, cause in enumerate(self.causes, start=1):
            lines.append(f"  {'likely:' if number == 1 else '       '}  {number}. {cause}")
        if self.next_command is not None:
            lines.append(f"  next:    {self.next_command}")
        return "\n".join(lines)


class UsageError(PodresizeError):
    """The request cannot be right on any host: a bad option, an unknown version, a bad file.

    Common causes: a typing error in a version; an option that belongs to another provider.
    """

    exit_code = EXIT_USAGE


class HostError(PodresizeError):
    """The request is sound but this host cannot do it.

    Common causes: not root; no cgroup controllers; no network and nothing in the cache; a full
    disk. ``podresize doctor`` lists what a host lacks before anything is started.
    """

    exit_code = EXIT_USAGE


class HarnessError(PodresizeError):
    """The suite itself failed: a component died, a deadline of its own passed, evidence is missing.

    Never a statement about the target. Common causes: a component of the cluster crashed (its log
    is named); the host ran out of memory; a bug in podresize.
    """

    exit_code = EXIT_HARNESS
