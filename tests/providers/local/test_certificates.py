"""The cluster's authority: what it signs verifies, and its keys are never anyone else's."""

from __future__ import annotations

import os
import stat
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from podresize.providers.local.certificates import Authority, write_private


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


def load(authority: Authority, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((authority.directory / f"{name}.crt").read_bytes())


def test_the_authority_may_sign_and_nothing_below_it_may(authority: Authority) -> None:
    constraints = load(authority, "ca").extensions.get_extension_for_class(x509.BasicConstraints)

    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)


def test_serving_certificates_verify_for_their_names_and_addresses_only(
    authority: Authority,
) -> None:
    authority.server("apiserver", hosts=("localhost", "node"), addresses=("127.0.0.1",))
    found = load(authority, "apiserver")

    found.verify_directly_issued_by(load(authority, "ca"))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "node"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1")]
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_client_certificates_carry_user_and_groups(authority: Authority) -> None:
    authority.client("kubelet", user="system:node:n", groups=("system:nodes",))
    found = load(authority, "kubelet")

    found.verify_directly_issued_by(load(authority, "ca"))
    values = {
        oid: [each.value for each in found.subject.get_attributes_for_oid(oid)]
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    }
    assert values[NameOID.COMMON_NAME] == ["system:node:n"]
    assert values[NameOID.ORGANIZATION_NAME] == ["system:nodes"]
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_another_authoritys_certificate_does_not_verify(
    authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    other.client("admin", user="admin")

    with pytest.raises(InvalidSignature):
        load(other, "admin").verify_directly_issued_by(load(authority, "ca"))


def test_every_key_is_0600_in_a_directory_that_is_0700(authority: Authority) -> None:
    authority.server("apiserver", hosts=("localhost",), addresses=())
    authority.client("admin", user="admin")
    authority.signing_key("service-account")

    keys = {
        path.stem: stat.S_IMODE(path.stat().st_mode) for path in authority.directory.glob("*.key")
    }
    assert keys == dict.fromkeys(("ca", "apiserver", "admin", "service-account"), 0o600)
    assert stat.S_IMODE(authority.directory.stat().st_mode) == 0o700


def test_a_private_file_is_made_with_its_mode_and_never_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mode is an argument of the call that makes it: there is no moment before."""
    modes = []
    real = os.open

    def watched(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        modes.append((stat.S_IMODE(os.fstat(descriptor).st_mode), os.fstat(descriptor).st_size))
        return descriptor

    monkeypatch.setattr(os, "open", watched)
    before = os.umask(0)
    try:
        write_private(tmp_path / "key", b"secret")
    finally:
        os.umask(before)

    assert modes == [(0o600, 0)]
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "key", b"other")
