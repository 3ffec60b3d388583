"""What a supervisor is given of the artifacts: paths, by the names its components use."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from podresize.artifacts.artifact import Artifact, Component
from podresize.errors import UsageError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The artifacts of a target as the supervisor wants them."""

    programs: dict[str, str]
    runtimes: dict[str, str]
    cni: str | None
    images: list[str]
    etcd_version: str | None
    keep: list[str]


def make_order(artifacts: list[Artifact], oci_runtime: str | None) -> Order:
    """Return what the supervisor needs to know of the artifacts.

    ``oci_runtime`` is the one that is to be among them, None where the node is elsewhere.
    """
    by_component = {artifact.component: artifact for artifact in artifacts}
    programs: dict[str, str] = {}
    runtimes: dict[str, str] = {}
    for artifact in artifacts:
        if artifact.component in (Component.CNI, Component.IMAGES):
            continue
        programs |= {name: str(path) for name, path in artifact.files.items()}
    for runtime in (Component.RUNC, Component.CRUN, Component.RUNSC):
        if runtime in by_component:
            runtimes[str(runtime)] = str(by_component[runtime].files[str(runtime)])
    if oci_runtime is not None and oci_runtime not in runtimes:
        raise UsageError(
            "unknown OCI runtime",
            value=oci_runtime,
            origin="--oci-runtime",
            causes=("runc and crun are known",),
            next_command="podresize cluster up --oci-runtime crun",
        )
    images = found.files if (found := by_component.get(Component.IMAGES)) else {}
    anywhere = next(iter(programs.values()))
    return Order(
        programs=programs,
        runtimes=runtimes,
        cni=str(next(iter(cni.files.values())).parent)
        if (cni := by_component.get(Component.CNI))
        else None,
        images=[str(path) for path in images.values()],
        etcd_version=etcd.version if (etcd := by_component.get(Component.ETCD)) else None,
        # The cache and this interpreter may lie below a directory that the cluster covers.
        keep=[str(_cache_root(Path(anywhere))), sys.prefix, sys.base_prefix],
    )


def _cache_root(path: Path) -> Path:
    """Return the cache directory that holds an artifact's file: all of them live below it."""
    return next((parent for parent in path.parents if parent.name == "podresize"), path.parent)
