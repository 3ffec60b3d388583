"""The command that puts one requirement to a target of the same kind once more.

A text that names less would send its reader to another stack: the default one, on this host.
"""

from __future__ import annotations

from podresize.requirements.matching import AnyFingerprint
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize.requirements.target import (
    DEFAULT_PROVIDER,
    EXISTING,
    GUEST,
    Fingerprint,
    own_cgroup_version,
    own_driver,
)

_CONTAINERD = "containerd"
_OWN_OCI_RUNTIME = "runc"


def again(requirement: str, fingerprint: AnyFingerprint | None) -> str:
    """Return the command; of what no cluster was put to, None, its beginning.

    Options that are the defaults are left out, but for the releases.
    """
    if fingerprint is None:
        return f"scripts/podresize run {requirement}"
    if isinstance(fingerprint, RuntimeFingerprint):
        words = ["scripts/podresize certify-runtime", requirement, *_of_runtime(fingerprint)]
    else:
        words = ["scripts/podresize run", requirement, *_of_cluster(fingerprint)]
    return " ".join(words)


def _of_cluster(fingerprint: Fingerprint) -> list[str]:
    provider = fingerprint.provider
    if provider == EXISTING:
        return ["--provider", provider, "--kubeconfig", "FILE"]
    words = [] if provider == DEFAULT_PROVIDER else ["--provider", provider]
    words += ["--kubernetes", fingerprint.kubernetes]
    words += ["--containerd", fingerprint.runtime_version]
    words += _oci(fingerprint, has_releases=provider in (DEFAULT_PROVIDER, GUEST))
    if own_cgroup_version(provider, None) not in (None, fingerprint.cgroup_version):
        words += ["--cgroup", f"v{fingerprint.cgroup_version}"]
    if own_driver(provider, None) != fingerprint.cgroup_driver:
        words += ["--cgroup-driver", fingerprint.cgroup_driver]
    return words if fingerprint.gate else [*words, "--gate", "off"]


def _of_runtime(fingerprint: RuntimeFingerprint) -> list[str]:
    if fingerprint.is_alone:
        words = ["--oci-alone"]
    elif fingerprint.runtime == _CONTAINERD:
        words = ["--containerd", fingerprint.runtime_version]
    else:
        return ["--cri-endpoint", "unix:///SOCKET"]
    words += _oci(fingerprint, has_releases=True)
    if fingerprint.accelerator is not None:
        words += ["--provider", GUEST, "--cgroup", f"v{fingerprint.cgroup_version}"]
        words += ["--cgroup-driver", fingerprint.cgroup_driver]
    return words


def _oci(fingerprint: AnyFingerprint, *, has_releases: bool) -> list[str]:
    """Name the OCI runtime, with its release but for that of the host's distribution.

    A distribution's own mark (1.1.5+ds1) is no part of a release.
    """
    name, version = fingerprint.oci_runtime, fingerprint.oci_runtime_version
    if "+" in version or not has_releases or not version[:1].isdigit():
        return [] if name == _OWN_OCI_RUNTIME else ["--oci-runtime", name]
    return ["--oci-runtime", f"{name}@{version}"]
