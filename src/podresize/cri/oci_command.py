"""An OCI runtime's program as it is called: its command line is all the interface that it has.

The commands are those of the OCI runtime specification (runtime.md, "Operations") and of runc's
command line, which the others follow: ``update``, ``exec``, ``pause``, ``resume``.
"""

from __future__ import annotations

import dataclasses

from podresize.cri.service import Executed
from podresize.cri.workplace import HostWorkplace, Workplace
from podresize.errors import HarnessError
from podresize.requirements.runtime_target import OciHandle

# A hundred of them at once, each a program of its own, on a busy host.
CALL_TIMEOUT = 120.0
_TAIL = 600


@dataclasses.dataclass(frozen=True, slots=True)
class OciCommand:
    """Calls the program of a handle, where it is; may be shared between threads.

    ``slowness`` is how many times as long as here a call may take there.
    """

    handle: OciHandle
    workplace: Workplace = dataclasses.field(default_factory=HostWorkplace)
    slowness: float = 1.0

    def run(self, *words: str, text: str | None = None, seconds: float = CALL_TIMEOUT) -> Executed:
        """Return what the program did with these words behind ``--root``, ``text`` as its input.

        Raises ``HarnessError`` when it has not ended after so many seconds, which are a program's
        of this host, or cannot be started.
        """
        handle = self.handle
        command = [str(handle.program), "--root", str(handle.root), *handle.flags, *words]
        try:
            return self.workplace.run(*command, text=text, seconds=seconds * self.slowness)
        except OSError as error:
            raise HarnessError(
                f"{handle.kind} {words[0]} did not end: {error}",
                value=" ".join(command),
                causes=("the host is overloaded", "the runtime's namespaces have ended"),
            ) from error

    def must(self, *words: str, seconds: float = CALL_TIMEOUT) -> Executed:
        """Return as ``run``. Raises ``HarnessError`` for an exit code other than 0."""
        done = self.run(*words, seconds=seconds)
        if done.code:
            raise HarnessError(
                f"{self.handle.kind} {words[0]} failed: {done.stderr.strip()[-_TAIL:]}",
                value=words[-1],
                origin=str(self.handle.program),
            )
        return done
