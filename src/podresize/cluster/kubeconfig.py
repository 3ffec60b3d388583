"""A kubeconfig file as the little that a connection needs.

Only what the targets of this project use is understood: a server, its certificate authority, a
client certificate or a bearer token. Credential plugins and proxies are refused by name, so that a
file that cannot work says so before anything is created.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from podresize.errors import UsageError

REFUSED_USER_KEYS = {
    "exec": "a credential plugin",
    "auth-provider": "an auth provider",
    "username": "basic authentication, which Kubernetes removed in 1.19",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach one apiserver.

    ``server`` is the base URL without a trailing slash; ``ssl_context`` is None for plain HTTP;
    ``headers`` go with every request (the bearer token); ``server_name`` replaces the host name in
    the TLS handshake; ``namespace`` is the context's default.
    """

    server: str
    ssl_context: ssl.SSLContext | None = dataclasses.field(default=None, repr=False)
    headers: dict[str, str] = dataclasses.field(default_factory=dict, repr=False)
    server_name: str | None = None
    namespace: str = "default"


def read_kubeconfig(path: Path, *, context: str | None = None) -> Connection:
    """Read ``path`` and return the connection of ``context`` (default: ``current-context``).

    Relative file names in it are relative to its directory, as for kubectl. Raises ``UsageError``
    naming the file and the entry when it cannot be read, is malformed or needs what is refused.
    """
    reader = _Reader(path)
    chosen = context or reader.document.get("current-context")
    if not chosen:
        raise reader.error("the kubeconfig names no current-context", value=None)
    context_body = reader.entry("contexts", "context", chosen)
    cluster = reader.entry("clusters", "cluster", context_body.get("cluster"))
    user = reader.entry("users", "user", context_body.get("user"))
    if "proxy-url" in cluster:
        raise reader.error("the cluster is behind a proxy, which is not supported", "proxy-url")
    for key, what in REFUSED_USER_KEYS.items():
        if key in user:
            raise reader.error(f"the user needs {what}, which is not supported", f"user.{key}")
    server = str(cluster.get("server", "")).rstrip("/")
    if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).hostname:
        raise reader.error("the cluster's server is not an http(s) URL", server or None)
    token = user.get("token") or reader.text(user.get("tokenFile"))
    return Connection(
        server=server,
        ssl_context=_ssl_context(reader, cluster, user) if server.startswith("https") else None,
        headers={"Authorization": f"Bearer {token.strip()}"} if token else {},
        server_name=cluster.get("tls-server-name"),
        namespace=context_body.get("namespace") or "default",
    )


class _Reader:
    """Looks things up in one kubeconfig; every error names the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise self.error("the kubeconfig cannot be read", str(error)) from error
        except yaml.YAMLError as error:
            raise self.error("the kubeconfig is not YAML", str(error)) from error
        if not isinstance(document, dict):
            raise self.error("the kubeconfig is not a mapping", type(document).__name__)
        self.document: dict[str, Any] = document

    def error(self, what: str, value: str | None) -> UsageError:
        return UsageError(
            what,
            value=value,
            origin=str(self.path),
            causes=("the file is no kubeconfig", "it was cut short or edited by hand"),
            next_command=f"kubectl --kubeconfig {self.path} config view",
        )

    def entry(self, section: str, key: str, name: object) -> dict[str, Any]:
        """Return ``section[name=name].key``."""
        items = self.document.get(section) or []
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and item.get("name") == name:
                body = item.get(key)
                if isinstance(body, dict):
                    return body
                raise self.error(f"an entry of {section} has no {key}", str(name))
        raise self.error(f"the kubeconfig has no such entry in {section}", str(name))

    def text(self, file_name: str | None) -> str | None:
        """Return the content of a file that the kubeconfig names."""
        if not file_name:
            return None
        try:
            return (self.path.parent / file_name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self.error("a file named in the kubeconfig cannot be read", str(error)) from error

    def pem(self, body: dict[str, Any], key: str) -> str | None:
        """Return the PEM text of ``<key>-data`` (base64) or of the file ``<key>``."""
        data = body.get(f"{key}-data")
        if not data:
            return self.text(body.get(key))
        try:
            return base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, TypeError, ValueError) as error:
            raise self.error("certificate data is not base64", f"{key}-data: {error}") from error


def _ssl_context(reader: _Reader, cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    # Not create_default_context: from Python 3.13 it asks for RFC 5280 extensions that the
    # certificate authorities of many clusters lack, and kubectl does not.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority = reader.pem(cluster, "certificate-authority")
    certificate = reader.pem(user, "client-certificate")
    key = reader.pem(user, "client-key")
    if bool(certificate) != bool(key):
        raise reader.error("client-certificate and client-key come together or not at all", None)
    try:
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif authority:
            context.load_verify_locations(cadata=authority)
        else:
            context.load_default_certs()
        if certificate and key:
            # The ssl module takes a client key from a file only. This one is in memory: on a disk
            # it would stay behind when the process is killed right here.
            with os.fdopen(os.memfd_create("podresize-key"), "w", encoding="utf-8") as chain:
                chain.write(f"{certificate.rstrip()}\n{key}")
                chain.flush()
                context.load_cert_chain(f"/proc/self/fd/{chain.fileno()}")
    except ssl.SSLError as error:
        raise reader.error("a certificate or key of the kubeconfig is bad", str(error)) from error
    return context
