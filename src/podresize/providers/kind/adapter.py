"""kind's program, by pytest-kind's ``KindCluster`` where that is installed and directly elsewhere.

The only file that knows pytest-kind (the extra ``kind``, under the GPL-3.0). Of it only the
class is used: its fixture makes a cluster in each xdist worker, and takes no configuration.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Protocol


class KindCluster(Protocol):
    """What podresize needs of pytest-kind's class; both print what kind prints."""

    def create(self, config_file: str | Path | None = None) -> None:
        """Create the cluster. Raises ``subprocess.CalledProcessError``."""
        ...

    def delete(self) -> None:
        """Delete the cluster, also where there is none. Raises as ``create`` does."""
        ...


class PlainKind:
    """The same two calls, without pytest-kind."""

    def __init__(self, name: str, kubeconfig: Path, image: str, kind_path: Path) -> None:
        self._name = name
        self._kubeconfig = kubeconfig
        self._image = image
        self._kind = kind_path

    def create(self, config_file: str | Path | None = None) -> None:
        """Create the cluster. Raises ``subprocess.CalledProcessError``."""
        words = ["create", "cluster", f"--image={self._image}"]
        self._run(*words, *(() if config_file is None else (f"--config={config_file}",)))

    def delete(self) -> None:
        """Delete the cluster. Raises ``subprocess.CalledProcessError``."""
        self._run("delete", "cluster")

    def _run(self, *words: str) -> None:
        own = (f"--name={self._name}", f"--kubeconfig={self._kubeconfig}")
        subprocess.run([self._kind, *words, *own], check=True)


def kind_cluster(
    name: str, *, kubeconfig: Path, image: str, kind: Path, kubectl: Path
) -> KindCluster:
    """Return the cluster of that name, which may not exist yet.

    pytest-kind makes a directory ``.pytest-kind/NAME`` where it stands: the caller's working
    directory should be one of the cluster's own.
    """
    with contextlib.suppress(ImportError):
        from pytest_kind.cluster import KindCluster as Theirs

        theirs: KindCluster = Theirs(
            name, kubeconfig=kubeconfig, image=image, kind_path=kind, kubectl_path=kubectl
        )
        return theirs
    return PlainKind(name, kubeconfig, image, kind)
