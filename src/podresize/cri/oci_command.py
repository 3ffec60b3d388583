"""An OCI runtime's program as it is called: its command line is all the interface that it has.

The commands are those of the OCI runtime specification (runtime.md, "Operations") and of runc's
command line, which the others follow: ``update``, ``exec``, ``pause``, ``resume``.
"""

from __future__ import annotations

import dataclasses
import subprocess
import tempfile
from typing import IO

from podresize.cri.service import Executed
from podresize.errors import HarnessError
from podresize.requirements.runtime_target import OciHandle

# A hundred of them at once, each a program of its own, on a busy host.
CALL_TIMEOUT = 120.0
_TAIL = 600


@dataclasses.dataclass(frozen=True, slots=True)
class OciCommand:
    """Calls the program of a handle; may be shared between threads."""

    handle: OciHandle

    def run(self, *words: str, text: str | None = None, seconds: float = CALL_TIMEOUT) -> Executed:
        """Return what the program did with these words behind ``--root``, ``text`` as its input.

        Raises ``HarnessError`` when it has not ended after so many seconds or cannot be started.
        """
        command = [str(self.handle.program), "--root", str(self.handle.root), *words]
        # Files: what it starts may hold a pipe open for as long as the container lives.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                done = subprocess.run(
                    command,
                    input=None if text is None else text.encode(),
                    stdin=subprocess.DEVNULL if text is None else None,
                    stdout=out,
                    stderr=err,
                    timeout=seconds,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise HarnessError(
                    f"{self.handle.kind} {words[0]} did not end: {error}",
                    value=" ".join(command),
                    causes=("the host is overloaded", "the runtime's namespaces have ended"),
                ) from error
            return Executed(code=done.returncode, stdout=_read(out), stderr=_read(err))

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

    def knows(self, container: str) -> bool:
        """Return whether anything is kept of a container: runc and crun name a directory after it,
        runsc files."""
        return any(self.handle.root.glob(f"*{container}*"))


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
