"""What a kubeadm says of the control plane that it starts: its images, and the etcd among them."""

from __future__ import annotations

import subprocess

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.versions import known, newest_of_minor
from podresize.errors import HostError

_ETCD = "etcd"


def wanted_images(kubeadm: Artifact) -> list[str]:
    """Return the names, with tags, of what ``kubeadm init`` would pull.

    Raises ``HostError`` where it does not say, and where etcd is not among them.
    """
    release = f"v{kubeadm.version}"
    done = subprocess.run(
        [kubeadm.files["kubeadm"], "config", "images", "list", "--kubernetes-version", release],
        capture_output=True,
        text=True,
        check=False,
    )
    names = done.stdout.split()
    if done.returncode == 0 and any(program_of(name) == _ETCD for name in names):
        return names
    said = done.stderr.strip().splitlines()
    raise HostError(
        "kubeadm does not say which images it needs.",
        value=said[-1] if said else f"images: {', '.join(names) or 'none'}",
        origin=f"kubeadm {release}",
        next_command=f"podresize artifacts get kubeadm --kubernetes {kubeadm.version}",
    )


def program_of(image: str) -> str:
    """Return the last part of an image's name: what the control plane's images start."""
    return image.rpartition("/")[2].partition(":")[0]


def etcd_for(images: list[str]) -> str:
    """Return the version of etcd to put into the image that kubeadm calls etcd.

    It is of the minor that the tag says: kubeadm passes flags that etcd knows of some minors only
    (``--feature-gates`` since 3.6, which replaced ``--experimental-...``). Of that minor it is the
    one that podresize knows, so that one etcd serves all releases of Kubernetes that can do with
    it; of a minor that it does not know, the tag's own.
    """
    tag = next(name for name in images if program_of(name) == _ETCD).rpartition(":")[2]
    version = tag.partition("-")[0].removeprefix("v")
    minor = ".".join(version.split(".")[:2])
    return newest_of_minor(minor, known(Component.ETCD)) or version
