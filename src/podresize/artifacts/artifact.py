"""The words of the artifact room: what is asked for and what is handed out."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import Path

LOADER = "ld.so"
"""The loader beside a program of another release of the OS: its directory is for nobody's library
path."""

PACKAGES = "packages.txt"
"""Beside what came out of the OS's packages: a line ``name=version`` for each, sorted, versions in
full."""


class Component(enum.StrEnum):
    """What can be had. Each is one set of files that belong together."""

    KUBERNETES = "kubernetes"  # kube-apiserver, kube-controller-manager, kube-scheduler, kubelet
    CONTAINERD = "containerd"  # containerd, containerd-shim-runc-v2, ctr
    RUNC = "runc"
    CRUN = "crun"
    RUNSC = "runsc"  # gVisor: runsc and containerd-shim-runsc-v1
    ETCD = "etcd"
    CNI = "cni"  # ptp, host-local, loopback, portmap, bridge
    IMAGES = "images"  # pause.tar and workload.tar, OCI archives
    JVM = "jvm"  # jvm.tar, an OCI archive: only the checks of Java want it
    KUBECTL = "kubectl"
    KUBEADM = "kubeadm"
    KIND = "kind"
    REGISTRY = "registry"  # serves images to nodes that pull; its image is registry-image
    NODE_BASE = "node-base"  # rootfs.tar: the OS of kind's nodes; packages.txt: of what it is made
    NODE_IMAGE = "node-image"  # node.tar: a kind node of a Kubernetes and a containerd
    REGISTRY_IMAGE = "registry-image"  # registry.tar: the registry in an image of its own
    CONTAINERD_IMAGE = "containerd-image"  # containerd.tar: a containerd of any version, to run
    REAPER_IMAGE = "reaper-image"  # reaper.tar: removes what a killed run left in an engine
    QEMU = "qemu"  # qemu-system-<machine>, qemu-img and their firmware
    GUEST_TOOLS = "guest-tools"  # mksquashfs, mke2fs, depmod, ...: what makes the guest's disks
    GUEST_OS = "guest-os"  # os.squashfs: the OS of a guest; scratch.qcow2: an empty disk for it
    GUEST_KERNEL = "guest-kernel"  # vmlinuz, initrd.cpio, modules.squashfs, ...
    GUEST_AGENT = "guest-agent"  # podresize-agent: does in a guest what the host asks for
    GUEST_NODE = "guest-node"  # node.squashfs: a Kubernetes, a containerd and an OCI runtime
    E2E = "kubernetes-e2e"  # upstream's own end-to-end tests as a program, for the benchmarks


class Source(enum.StrEnum):
    """Where a file came from; the order is the order in which they are tried."""

    CACHE = "cache"
    DOWNLOAD = "download"
    MODULE = "module"
    PACKAGE = "package"
    NEXT_RELEASE = "next-release"  # a package of the OS's next release, with its libraries
    ASSEMBLED = "assembled"  # images: made here, of the probe or of other artifacts


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Verified files of one component, version and architecture, in the cache.

    ``version`` has no leading ``v``. ``arch`` is ``amd64`` or ``arm64``. ``source`` is where the
    files first came from, ``cached`` whether they were there already. ``files`` maps a program's
    name (``kubelet``) to its path, which is read-only and executable (an image's is only read).
    All of them lie in one directory, under their own names: it can go on a ``PATH``.
    """

    component: Component
    version: str
    arch: str
    source: Source
    cached: bool
    files: dict[str, Path]
