"""Kubeconfigs that work, over real TLS, and files that say what is wrong with them."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from podresize.cluster.api import Api, ApiUnreachableError
from podresize.cluster.get import get
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.watch import Watch
from podresize.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.conftest import FakeApiServer, Reply


def self_signed(name: str) -> tuple[str, str]:
    """Return certificate and key as PEM; the certificate is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(pem).decode(), private.decode()


def document(server: str, cluster: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    return {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server} | cluster}],
        "users": [{"name": "u", "user": user}],
    }


def write(path: Path, content: object) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def pki(tmp_path: Path) -> dict[str, str]:
    """Write and return the PEM texts of a server and a client."""
    texts: dict[str, str] = {}
    for name in ("server", "client"):
        certificate, key = self_signed(name)
        texts |= {f"{name}.crt": certificate, f"{name}.key": key}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return texts


@pytest.fixture
def tls_server(
    server: FakeApiServer, pki: dict[str, str], tmp_path: Path, reply: type[Reply]
) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    context.load_verify_locations(cadata=pki["client.crt"])
    context.verify_mode = ssl.CERT_REQUIRED
    secure = type(server)(context)
    secure.on("GET", "/api/v1/nodes/n", reply(body={"kind": "Node"}))
    yield secure
    secure.close()


def user_from_files() -> dict[str, str]:
    return {"client-certificate": "client.crt", "client-key": "client.key"}


@pytest.mark.parametrize("inline", [True, False], ids=["data", "files"])
def test_client_certificates(
    tls_server: FakeApiServer, pki: dict[str, str], tmp_path: Path, inline: bool
) -> None:
    def data(name: str) -> str:
        return base64.b64encode(pki[name].encode()).decode()

    if inline:
        cluster = {"certificate-authority-data": data("server.crt")}
        user = {
            "client-certificate-data": data("client.crt"),
            "client-key-data": data("client.key"),
        }
    else:
        cluster, user = {"certificate-authority": "server.crt"}, user_from_files()
    path = write(tmp_path / "config", document(tls_server.url, cluster, user))
    with Api(read_kubeconfig(path)) as api:
        assert get(api, kind="nodes", name="n") == {"kind": "Node"}


def test_a_client_key_is_written_to_no_disk(
    pki: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was killed in between would leave it there."""
    assert pki
    cluster = {"certificate-authority": "server.crt"}
    path = write(tmp_path / "config", document("https://127.0.0.1:1", cluster, user_from_files()))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))

    assert read_kubeconfig(path).ssl_context is not None


def test_an_unknown_authority_is_no_answer(
    tls_server: FakeApiServer, pki: dict[str, str], tmp_path: Path
) -> None:
    assert pki
    cluster = {"certificate-authority": "client.crt"}
    path = write(tmp_path / "config", document(tls_server.url, cluster, user_from_files()))
    with (
        Api(read_kubeconfig(path)) as api,
        pytest.raises(ApiUnreachableError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        get(api, kind="nodes", name="n")


def test_a_watch_over_tls_ends_at_once(
    tls_server: FakeApiServer, tmp_path: Path, reply: type[Reply]
) -> None:
    nodes = {"kind": "NodeList", "metadata": {"resourceVersion": "7"}, "items": []}
    node = {"metadata": {"name": "n", "resourceVersion": "8"}}
    event = json.dumps({"type": "ADDED", "object": node}).encode() + b"\n"
    tls_server.on("GET", "/api/v1/nodes", reply(body=nodes))
    tls_server.on("WATCH", "/api/v1/nodes", reply(parts=(event, tls_server.hold)))
    cluster = {"certificate-authority": "server.crt"}
    path = write(tmp_path / "config", document(tls_server.url, cluster, user_from_files()))
    began: list[float] = []
    with Api(read_kubeconfig(path)) as api, Watch(api, kind="nodes") as watch:

        def stop() -> None:
            began.append(time.monotonic())
            watch.stop()

        timer = threading.Timer(0.1, stop)
        for found in watch.events():
            if found.type == "ADDED":
                timer.start()  # the next read blocks before it fires
        timer.join()
    assert time.monotonic() - began[0] < 1


def test_a_token_and_the_namespace(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    content = document("http://127.0.0.1:1/", {}, {"tokenFile": "token"})
    content["contexts"][0]["context"]["namespace"] = "mine"
    connection = read_kubeconfig(write(tmp_path / "config", content))
    assert connection.headers == {"Authorization": "Bearer secret"}
    assert (connection.server, connection.namespace) == ("http://127.0.0.1:1", "mine")
    assert "secret" not in repr(connection)


def test_another_context(tmp_path: Path) -> None:
    content = document("http://127.0.0.1:1", {}, {})
    content["clusters"].append({"name": "d", "cluster": {"server": "http://127.0.0.1:2"}})
    content["contexts"].append({"name": "y", "context": {"cluster": "d", "user": "u"}})
    path = write(tmp_path / "config", content)
    assert read_kubeconfig(path, context="y").server == "http://127.0.0.1:2"


URL = "https://127.0.0.1:1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "not a mapping"),
        ({}, "no current-context"),
        ({"current-context": "x"}, "no such entry in contexts"),
        ({"current-context": "x", "contexts": [{"name": "x"}]}, "has no context"),
        (document("127.0.0.1", {}, {}), "not an http"),
        (document(URL, {"proxy-url": "http://p"}, {}), "behind a proxy"),
        (document(URL, {}, {"exec": {"command": "x"}}), "credential plugin"),
        (document(URL, {"certificate-authority-data": "%"}, {}), "not base64"),
        (document(URL, {"certificate-authority": "none.crt"}, {}), "cannot be read"),
        (document(URL, {"certificate-authority-data": "eA=="}, {}), "is bad"),
        (document(URL, {}, {"client-key-data": "eA=="}), "come together"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: object, message: str) -> None:
    path = write(tmp_path / "config", content)
    with pytest.raises(UsageError, match=message) as caught:
        read_kubeconfig(path)
    assert str(path) in str(caught.value)


def test_no_file_and_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_kubeconfig(tmp_path / "none")
    (tmp_path / "config").write_text("a: [")
    with pytest.raises(UsageError, match="not YAML"):
        read_kubeconfig(tmp_path / "config")
