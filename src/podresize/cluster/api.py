"""One connection pool to one apiserver: raw JSON in, raw JSON out.

Generated models drop fields that they do not know, and a conformance check must see exactly what
the server said. A refusal is an ``Answer`` like any other here: whether it is evidence or an error
is for the verb's caller to say. Nothing is ever sent twice.
"""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from podresize.closing import Closing
from podresize.cluster.kubeconfig import Connection
from podresize.errors import HarnessError

CONNECT_TIMEOUT = 5.0
# The apiserver gives up on a request after 60 s by itself and says so; that answer is worth more
# than our own time-out, so it gets the chance to arrive.
REQUEST_TIMEOUT = 65.0


# A cluster that ends takes its network along, and nothing tells this end of a connection: the
# kernel has to ask. It finds a peer gone within 14 s; one that is only slow still acknowledges.
KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 14_000),
)
"""What is set on each socket to an apiserver: level, option, value (tcp(7))."""


class ApiUnreachableError(HarnessError):
    """No answer came: refused, cut, timed out, or no TLS.

    Common causes: the apiserver died (its log says why); the kubeconfig belongs to a cluster that
    is gone; a certificate that this server's authority did not sign.
    """


class ApiError(HarnessError):
    """The apiserver refused what had to succeed.

    ``code`` is the HTTP status; ``reason``, ``message`` and ``details`` are those of its Status
    object (``details`` is ``{}`` when it has none).
    """

    def __init__(
        self, *, code: int, reason: str, message: str, details: dict[str, Any], request: str
    ) -> None:
        super().__init__(
            f"the apiserver refused {request}: {code} {reason}: {message}",
            causes=("the message above, which is the apiserver's own",),
        )
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the apiserver answered: the HTTP ``code`` and the raw ``body``.

    ``body`` is ``{}`` when the answer is not a JSON object; ``text`` always holds it as it came.
    """

    code: int
    body: dict[str, Any]
    text: str
    request: str
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """True when the request was accepted (2xx)."""
        return 200 <= self.code < 300

    @property
    def reason(self) -> str:
        """The Status reason (``Invalid``, ``Forbidden``), "" when accepted."""
        return "" if self.ok else str(self.body.get("reason", ""))

    @property
    def message(self) -> str:
        """The Status message, or the plain text of an answer that is no Status; "" if accepted."""
        return "" if self.ok else str(self.body.get("message") or self.text.strip())

    @property
    def details(self) -> dict[str, Any]:
        """The Status details (``{"causes": [...]}``), ``{}`` when there are none."""
        details = None if self.ok else self.body.get("details")
        return details if isinstance(details, dict) else {}

    def accepted(self) -> dict[str, Any]:
        """Return ``body``, or raise ``ApiError`` when the request was refused."""
        if not self.ok:
            raise ApiError(
                code=self.code,
                reason=self.reason,
                message=self.message,
                details=self.details,
                request=self.request,
            )
        return self.body


def resource_path(
    kind: str,
    *,
    namespace: str | None = None,
    name: str | None = None,
    subresource: str | None = None,
) -> str:
    """Return the URL path of a resource.

    ``kind`` is the plural: ``pods`` for the core group, ``apps/v1/deployments`` for any other.
    """
    group_version, _, plural = kind.rpartition("/")
    parts = ["apis", *group_version.split("/")] if group_version else ["api", "v1"]
    if namespace is not None:
        parts += ["namespaces", namespace]
    parts.append(plural)
    if name is not None:
        parts.append(name)
    if subresource is not None:
        # A subresource may be a path of its own: nodes/<name>/proxy/configz.
        parts += subresource.split("/")
    return "/" + "/".join(quote(part, safe="") for part in parts)


def new_client(connection: Connection, *, limits: httpx.Limits) -> httpx.Client:
    """Return an httpx client for ``connection``; the caller closes it."""
    return httpx.Client(
        base_url=connection.server,
        transport=httpx.HTTPTransport(
            # Without a context httpx would load the host's bundle (slow) for plain HTTP, too.
            verify=connection.ssl_context if connection.ssl_context is not None else False,
            limits=limits,
            trust_env=False,
            socket_options=KEEP_ALIVE,
        ),
        headers=connection.headers | {"User-Agent": "podresize", "Accept": "application/json"},
        timeout=httpx.Timeout(REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT),
        # Proxies from the environment would take loopback addresses, which kubectl never does.
        trust_env=False,
    )


def to_answer(response: httpx.Response) -> Answer:
    """Return a response that was read to its end as an ``Answer``."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    wait = response.headers.get("Retry-After", "")
    return Answer(
        code=response.status_code,
        body=body if isinstance(body, dict) else {},
        text=response.text,
        request=f"{response.request.method} {response.request.url.path}",
        retry_after=float(wait) if wait.isdigit() else None,
    )


def unreachable(error: httpx.HTTPError, *, request: str, server: str) -> ApiUnreachableError:
    """Return the error for a request that got no answer."""
    return ApiUnreachableError(
        f"no answer from the apiserver to {request}",
        value=f"{type(error).__name__}: {error}",
        origin=server,
        causes=(
            "the apiserver is not running, or died; its log says why",
            "the kubeconfig belongs to a cluster that is gone",
            "the host is overloaded",
        ),
    )


class Api(Closing):
    """A pool of kept-alive connections to one apiserver; may be shared between threads.

    ``is_there`` tells whether an apiserver that does not answer may come back: it cannot when its
    cluster has ended.
    """

    def __init__(
        self, connection: Connection, *, is_there: Callable[[], bool] = lambda: True
    ) -> None:
        self.connection = connection
        self.is_there = is_there
        limits = httpx.Limits(max_keepalive_connections=8, keepalive_expiry=30.0)
        self._client = new_client(connection, limits=limits)

    def request(
        self,
        method: str,
        *,
        path: str,
        params: Mapping[str, str | int | bool] | None = None,
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = REQUEST_TIMEOUT,
        user: str | None = None,
    ) -> Answer:
        """Send one request, once, and return the answer, refusals included.

        ``user`` is impersonated (the kubeconfig's own user must be allowed to); by default the
        kubeconfig's user asks.
        ``timeout`` is in seconds and counts from one byte to the next. Raises
        ``ApiUnreachableError`` when no answer came; whether the server acted on the request is
        then unknown.
        """
        headers = {"Accept": accept}
        if user is not None:
            headers["Impersonate-User"] = user
        content = None
        if body is not None:
            headers["Content-Type"] = content_type
            content = json.dumps(body, separators=(",", ":")).encode()
        try:
            response = self._client.request(
                method,
                path,
                params=params,
                headers=headers,
                content=content,
                timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
                extensions=tls_extensions(self.connection),
            )
        except httpx.HTTPError as error:
            request = f"{method} {path}"
            raise unreachable(error, request=request, server=self.connection.server) from error
        return to_answer(response)

    def close(self) -> None:
        """Close every connection of the pool."""
        self._client.close()


def tls_extensions(connection: Connection) -> dict[str, Any]:
    """Return the request extensions that carry the connection's TLS server name."""
    return {"sni_hostname": connection.server_name} if connection.server_name else {}
