"""Container logs: all at once, or followed until told to stop."""

from __future__ import annotations

from collections.abc import Generator

from podresize.closing import Closing
from podresize.cluster.api import Api, resource_path
from podresize.cluster.channel import Channel, ChannelCut


def log_text(
    api: Api,
    *,
    namespace: str,
    pod: str,
    container: str,
    previous: bool = False,
    tail: int | None = None,
    since_seconds: int | None = None,
    timestamps: bool = False,
) -> str:
    """Return a container's log. ``previous`` is that of the instance before. Raises ``ApiError``.

    What is no UTF-8 becomes U+FFFD. With ``timestamps`` each line begins with the time at which the
    runtime got it (RFC 3339).
    """
    params = _params(container, previous=previous, tail=tail, since_seconds=since_seconds)
    answer = api.request(
        "GET",
        path=resource_path("pods", namespace=namespace, name=pod, subresource="log"),
        params=params | ({"timestamps": "true"} if timestamps else {}),
        accept="*/*",
    )
    answer.accepted()
    return answer.text


def log_lines(
    api: Api,
    *,
    namespace: str,
    pod: str,
    container: str,
    previous: bool = False,
    tail: int | None = None,
    since_seconds: int | None = None,
) -> list[str]:
    """Return a container's log as lines, without their ends. Raises ``ApiError``."""
    text = log_text(
        api,
        namespace=namespace,
        pod=pod,
        container=container,
        previous=previous,
        tail=tail,
        since_seconds=since_seconds,
    )
    return text.removesuffix("\n").split("\n") if text else []


class LogFollower(Closing):
    """A container's log as it grows; ``lines`` in one thread, ``stop`` from any.

    ``silence`` is how many seconds without a line mean that the connection is dead. To be closed,
    or used in a ``with``.
    """

    def __init__(
        self,
        api: Api,
        *,
        namespace: str,
        pod: str,
        container: str,
        tail: int | None = None,
        since_seconds: int | None = None,
        silence: float = 3600.0,
    ) -> None:
        self._channel = Channel(api.connection)
        self._path = resource_path("pods", namespace=namespace, name=pod, subresource="log")
        self._params = _params(container, previous=False, tail=tail, since_seconds=since_seconds)
        self._silence = silence

    def lines(self) -> Generator[tuple[float, str]]:
        """Yield ``(monotonic time of arrival, line)`` until the container ends or ``stop``.

        Raises ``ApiError`` and ``ApiUnreachableError``: a lost connection is not resumed, because
        a log has no version to resume from without lines lost or seen twice.
        """
        params = self._params | {"follow": "true"}
        lines = self._channel.lines(self._path, params=params, read_timeout=self._silence)
        try:
            for at, line in lines:
                yield at, line.decode(errors="replace")
        except ChannelCut:
            return

    def stop(self) -> None:
        """End ``lines`` at once, from any thread."""
        self._channel.cut()

    def close(self) -> None:
        """Close the connection. Called by the thread that reads."""
        self._channel.close()


def _params(
    container: str, *, previous: bool, tail: int | None, since_seconds: int | None
) -> dict[str, str | int | bool]:
    params: dict[str, str | int | bool] = {"container": container}
    if previous:
        params["previous"] = "true"
    if tail is not None:
        params["tailLines"] = tail
    if since_seconds is not None:
        params["sinceSeconds"] = since_seconds
    return params
