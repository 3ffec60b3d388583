"""The cluster's own certificate authority and what it signs.

One authority per cluster, made anew at each start and gone with the cluster. P-256 keys: a dozen
are made in a few milliseconds where RSA keys would cost seconds. Private keys are 0600 from the
moment they exist.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# The clock of a machine that was just resumed can be behind; the cluster lives for days at most.
_BEFORE = datetime.timedelta(hours=1)
_AFTER = datetime.timedelta(days=30)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, at no moment otherwise."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


class Authority:
    """A certificate authority that writes ``<name>.crt`` and ``<name>.key`` into a directory.

    ``of`` is the directory of another cluster whose authority it is; None makes a new one.
    """

    def __init__(self, directory: Path, *, of: Path | None = None) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "podresize")])
        self.certificate_file = directory / "ca.crt"
        if of is not None:
            self._key = _read_key(of / "ca.key")
            self.certificate_file.write_bytes((of / "ca.crt").read_bytes())
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(self._name, self._key.public_key())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        builder = builder.add_extension(constraints, critical=True)
        certificate = builder.sign(self._key, hashes.SHA256())
        self.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        # The controller manager signs kubelet requests with it.
        write_private(directory / "ca.key", _key_bytes(self._key))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BEFORE)
            .not_valid_after(now + _AFTER)
        )

    def _issue(
        self,
        name: str,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        alternatives: list[x509.GeneralName],
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key.public_key()).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if alternatives:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(alternatives), critical=False
            )
        certificate = builder.sign(self._key, hashes.SHA256())
        (self.directory / f"{name}.crt").write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
        )
        write_private(self.directory / f"{name}.key", _key_bytes(key))

    def client(self, name: str, *, user: str, groups: tuple[str, ...] = ()) -> None:
        """Issue a client certificate: Kubernetes reads the user from CN and the groups from O."""
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
        self._issue(name, x509.Name(attributes), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def server(self, name: str, *, hosts: tuple[str, ...], addresses: tuple[str, ...]) -> None:
        """Issue a serving certificate for these host names and IP addresses."""
        alternatives: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        alternatives += [x509.IPAddress(ipaddress.ip_address(text)) for text in addresses]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._issue(name, subject, ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def signing_key(self, name: str) -> None:
        """Write a key pair for service account tokens: ``<name>.key`` and ``<name>.pub``."""
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(self.directory / f"{name}.key", _key_bytes(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self.directory / f"{name}.pub").write_bytes(public)
