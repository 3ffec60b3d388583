"""One channel of a guest's agent in a client's hands: a request, and its answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Self

from podresize.closing import Closing
from podresize.errors import HarnessError
from podresize.guest.messages import Message, Type, read_message, request

_WHY_SILENT = (
    "the guest is stopped, or too busy to answer",
    "the agent in the guest has ended: its console says why",
    "the machine has ended",
)


_NEXT = "podresize doctor"


class AgentAbsentError(HarnessError):
    """The relay is there, and the agent behind it does not answer (yet), or no relay is there."""


class AgentCutError(HarnessError):
    """The agent or the relay went away in the middle of an answer."""


class Conversation(Closing):
    """A request to the agent at ``path``; a context that ends it.

    ``patience`` is how long, in seconds, the agent may be silent while something is waited for;
    None waits for ever.
    """

    def __init__(self, path: str, *, patience: float | None) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(patience)
        self._do = ""
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise AgentAbsentError(
                "the guest's relay cannot be reached",
                value=path,
                origin=str(error),
                causes=("the cluster has ended", "the relay has ended: its log says why"),
                next_command="podresize cluster list",
            ) from error
        self._stream = self._socket.makefile("rb")

    def ask(self, do: str, **fields: Any) -> Self:
        """Send the request; messages can be read then."""
        self._do = do
        return self.send(request(do, **fields))

    def send(self, data: bytes) -> Self:
        """Send what follows the request. Raises as ``messages`` does."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer says why, or that it was cut short
        except TimeoutError as error:
            raise self._silent() from error
        return self

    def feed(self, pieces: Iterable[bytes]) -> threading.Thread:
        """Send what follows the request to its end, in a thread, while the answer is read.

        One that cannot be sent ends that; the answer says why, or that it was cut short.
        """

        def send_all() -> None:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    self._socket.sendall(piece)
                self._socket.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=send_all, name=f"feed {self._do}", daemon=True)
        thread.start()
        return thread

    def end(self) -> Self:
        """Say that nothing more is sent."""
        with contextlib.suppress(OSError):  # as in ``send``
            self._socket.shutdown(socket.SHUT_WR)
        return self

    def message(self) -> Message | None:
        """Return the next message, None after a complete answer.

        Raises ``OSError`` with the number of what the guest's kernel refused, ``HarnessError`` for
        another error of the agent, ``AgentAbsentError`` and ``AgentCutError``.
        """
        try:
            found = read_message(lambda size: self._stream.read(size))
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._cut() from error
        if found is None:
            raise self._cut()
        if found.type is Type.WRONG:
            raise self._wrong(found.json)
        return None if found.type is Type.END else found

    def messages(self) -> Iterator[Message]:
        """Yield every message until the answer is complete. Raises as ``message`` does."""
        while (found := self.message()) is not None:
            yield found

    def one(self) -> dict[str, Any]:
        """Return the one JSON object of an answer, empty if there is none."""
        found: dict[str, Any] = {}
        for message in self.messages():
            found = message.json
        return found

    def connection(self) -> socket.socket:
        """Return the connection that the channel has become, which is the caller's then."""
        if self._do not in ("dial", "accept"):
            raise ValueError(f"{self._do} makes no connection")
        self._stream.close()
        # Nothing of it was read ahead: the one who dials speaks first.
        return self._socket

    def close(self) -> None:
        """Let go of the channel; what the agent still says is not read."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self._socket.close()

    def _wrong(self, said: dict[str, Any]) -> Exception:
        if "errno" in said:
            return OSError(said["errno"], said["what"])
        wrong = AgentAbsentError if said.get("absent") else HarnessError
        return wrong(
            said["what"],
            value=self._do,
            origin=self._path,
            causes=_WHY_SILENT if said.get("absent") else (),
            next_command=_NEXT,
        )

    def _silent(self) -> HarnessError:
        return HarnessError(
            f"the guest's agent was silent for {self._socket.gettimeout():g} s",
            value=self._do,
            origin=self._path,
            causes=_WHY_SILENT,
            next_command=_NEXT,
        )

    def _cut(self) -> AgentCutError:
        return AgentCutError(
            "the guest's agent went away in the middle of an answer",
            value=self._do,
            origin=self._path,
            causes=("the machine, its agent or its relay has ended: their logs say why",),
            next_command=_NEXT,
        )
