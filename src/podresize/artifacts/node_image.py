"""A kind node image: the OS, a Kubernetes release and a runtime, each in a layer of its own.

Images of one release share the lower two layers wherever they are loaded. What kind, kubeadm and
the kubelet expect of a node is in docs/kind-node.md. The same artifacts give the same bytes, and
the image's labels say which they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tarfile
from pathlib import Path

from podresize.artifacts.artifact import PACKAGES, Artifact, Component, Source
from podresize.artifacts.bootstrap import ROOT
from podresize.artifacts.host import check_arch
from podresize.artifacts.images import add, pack_image, write_image
from podresize.artifacts.kubeadm import etcd_for, program_of, wanted_images
from podresize.artifacts.package import upstream_version
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.store import Store
from podresize.artifacts.versions import normalise
from podresize.manifests import manifests

NAME = "podresize.local/node"

_LAYOUT = 3  # counts changes of this file that change the image's bytes
FILE = "node.tar"
_CONFIG_3 = 2  # the major version of containerd from which on its configuration is of version 3
_LINKS = {
    f"etc/systemd/system/multi-user.target.wants/{unit}": f"../{unit}"
    for unit in ("containerd.service", "kubelet.service", "podresize-images.service")
} | {
    # A login on the console would print into what kind reads there.
    f"etc/systemd/system/{unit}": "/dev/null"
    for unit in ("console-getty.service", "getty.target")
}
# Where the files of manifests/node-image go.
_PLACES = {
    "entrypoint": "usr/local/bin/entrypoint",
    "crun": "usr/local/sbin/crun",
    "kubelet-cgroups": "usr/local/bin/kubelet-cgroups",
    "import-images": "usr/local/bin/import-images",
    "containerd.service": "etc/systemd/system/containerd.service",
    "kubelet.service": "etc/systemd/system/kubelet.service",
    "kubelet.slice": "etc/systemd/system/kubelet.slice",
    "podresize-images.service": "etc/systemd/system/podresize-images.service",
    "10-podresize.conflist": "etc/cni/net.d/10-podresize.conflist",
}
_STATIC_PODS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
# Where a static pod's program lies on the node, and is mounted from (control-plane-patch.yaml).
_PROGRAMS = "usr/local/lib/control-plane"

_Files = dict[str, tuple[bytes | Path, int]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeImage:
    """An image archive that ``docker load`` reads, and the name that it gets there."""

    name: str
    archive: Path
    labels: dict[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    base: Artifact
    kubernetes: Artifact
    kubeadm: Artifact
    kubectl: Artifact
    containerd: Artifact
    runc: Artifact
    cni: Artifact
    etcd: Artifact
    images: Artifact
    wanted: list[str]  # the names of the control plane's images, with tags, by kubeadm

    def all(self) -> list[Artifact]:
        values = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return [value for value in values if isinstance(value, Artifact)]


def node_image(
    kubernetes: str | None,
    containerd: str | None,
    *,
    store: Store | None = None,
    progress: Progress | None = None,
) -> NodeImage:
    """Return the image of a pair of versions, from the cache or made of its artifacts.

    It is for the host's architecture. Raises as ``Store.get`` does, and ``HostError`` where kubeadm
    does not say what it needs.
    """
    store, progress = store or Store(), progress or default_progress()
    arch = check_arch(None)
    parts = _gather(store, kubernetes, containerd, arch, progress)
    labels = _labels(parts)
    inputs = _digest(store, parts, labels)
    version = f"{parts.kubernetes.version}+{parts.containerd.version}.{inputs[:12]}"
    name = f"{NAME}:v{version.replace('+', '-containerd-')}"
    labels |= {"podresize.inputs": inputs}

    def image(artifact: Artifact) -> NodeImage:
        return NodeImage(name=name, archive=artifact.files[FILE], labels=labels)

    def find() -> Artifact | None:
        return store.cache.find(Component.NODE_IMAGE, version, arch=arch, source=Source.ASSEMBLED)

    found = find()
    if found is not None:
        return image(found)
    with store.cache.lock(f"{Component.NODE_IMAGE}-{version}-{arch}", on_wait=lambda: None):
        found = find()
        if found is not None:
            return image(found)
        with store.cache.layout.work(str(Component.NODE_IMAGE)) as work:
            with progress.work(f"{name}: packing", unit="layers"):
                _write(work, parts, name=name, labels=labels, arch=arch)
            return image(
                store.cache.store(
                    Component.NODE_IMAGE,
                    version,
                    arch=arch,
                    source=Source.ASSEMBLED,
                    files={FILE: work / FILE},
                )
            )


def _gather(
    store: Store, kubernetes: str | None, containerd: str | None, arch: str, progress: Progress
) -> _Parts:
    def get(component: Component, version: str | None = None) -> Artifact:
        return store.get(component, version, arch=arch, progress=progress)

    release = normalise(Component.KUBERNETES, kubernetes)
    kubeadm = get(Component.KUBEADM, release)
    wanted = wanted_images(kubeadm)
    return _Parts(
        base=get(Component.NODE_BASE),
        kubernetes=get(Component.KUBERNETES, release),
        kubeadm=kubeadm,
        kubectl=get(Component.KUBECTL, release),
        containerd=get(Component.CONTAINERD, containerd),
        runc=get(Component.RUNC),
        cni=get(Component.CNI),
        etcd=get(Component.ETCD, etcd_for(wanted)),
        images=get(Component.IMAGES),
        wanted=wanted,
    )


def _labels(parts: _Parts) -> dict[str, str]:
    """Return what the image says is in it: each part, and each package of the OS in full."""
    packages = parts.base.files[PACKAGES].read_text("utf-8").split()
    versions = dict(each.split("=", 1) for each in packages)
    labels = {f"podresize.{part.component}": said_of(part) for part in parts.all()}
    return labels | {
        # It is one of the packages, because of its libraries.
        "podresize.crun": f"{upstream_version(versions['crun'])} ({Source.PACKAGE})",
        "podresize.packages": " ".join(packages),
    }


def said_of(part: Artifact) -> str:
    """Return how an image's label names a part: its version and where it came from."""
    return f"{part.version} ({part.source})"


def _digest(store: Store, parts: _Parts, labels: dict[str, str]) -> str:
    """Return what changes whenever the image's bytes would."""
    files = {path.name: path.read_bytes() for path in sorted(manifests("node-image").iterdir())}
    digest = hashlib.sha256(json.dumps([_LAYOUT, labels], sort_keys=True).encode())
    for name, data in files.items():
        digest.update(f"{name} {len(data)}\n".encode() + data)
    for part in parts.all():
        digest.update(json.dumps(store.cache.digests(part), sort_keys=True).encode())
    return digest.hexdigest()


def _write(work: Path, parts: _Parts, *, name: str, labels: dict[str, str], arch: str) -> None:
    images, pause = _control_plane_images(work, parts, arch)
    kubernetes, runtime = work / "kubernetes.layer", work / "runtime.layer"
    _write_layer(kubernetes, _kubernetes_files(parts, images), links={})
    _write_layer(runtime, _runtime_files(parts, pause), links=_LINKS)
    pack_image(
        work / FILE,
        layers=[parts.base.files[ROOT], kubernetes, runtime],
        name=name,
        arch=arch,
        config={
            "Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"],
            "Env": [
                "container=docker",  # systemd's way to know (the container interface)
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ],
            "StopSignal": "SIGRTMIN+3",  # systemd's own for an orderly halt
            "Labels": labels,
        },
    )


def _control_plane_images(work: Path, parts: _Parts, arch: str) -> tuple[list[Path], str]:
    """Write an image for each that kubeadm will ask for and that is ours to give.

    Also return the name of the pause image. The control plane's have an empty file in place of the
    program, which the node has and mounts there: to import 300 MB of programs took half of a node's
    start. kube-proxy and CoreDNS are not among them: no check needs a Service or a name.
    """
    images, pause = [parts.images.files["workload.tar"]], ""
    for name in parts.wanted:
        program = program_of(name)
        archive, content = work / f"{program}.tar", work / program
        if program == "pause":
            pause = name
            content.write_bytes(_program_in(parts.images.files["pause.tar"], program))
        elif program in _STATIC_PODS:
            content.touch()
        else:
            continue
        config = {"Entrypoint": [f"/{program}"]}
        write_image(archive, name=name, arch=arch, programs={program: content}, config=config)
        images.append(archive)
    return images, pause


def _kubernetes_files(parts: _Parts, images: list[Path]) -> _Files:
    files: _Files = {
        "usr/bin/kubelet": (parts.kubernetes.files["kubelet"], 0o755),
        "usr/bin/kubeadm": (parts.kubeadm.files["kubeadm"], 0o755),
        "usr/bin/kubectl": (parts.kubectl.files["kubectl"], 0o755),
        "kind/version": (f"v{parts.kubernetes.version}".encode(), 0o644),
        "kind/manifests/default-storage.yaml": (
            manifests("node-image") / "default-storage.yaml",
            0o644,
        ),
    }
    programs = parts.kubernetes.files | parts.etcd.files
    patch = (manifests("node-image") / "control-plane-patch.yaml").read_text("utf-8")
    for pod in _STATIC_PODS:
        files[f"{_PROGRAMS}/{pod}"] = (programs[pod], 0o755)
        files[f"kind/patches/{pod}+json.yaml"] = (patch.replace("PROGRAM", pod).encode(), 0o644)
    return files | {f"kind/images/{path.name}": (path, 0o644) for path in images}


def _runtime_files(parts: _Parts, pause: str) -> _Files:
    source = manifests("node-image")
    major = int(parts.containerd.version.split(".")[0])
    version = 3 if major >= _CONFIG_3 else 2
    configuration = (source / f"containerd-{version}.toml").read_text("utf-8")
    files: _Files = {
        place: (source / name, 0o755 if place.startswith("usr/") else 0o644)
        for name, place in _PLACES.items()
    }
    files["etc/containerd/config.toml"] = (
        configuration.replace("PAUSE_IMAGE", pause).encode(),
        0o644,
    )
    files["usr/local/sbin/runc"] = (parts.runc.files["runc"], 0o755)
    for directory, part in (("usr/local/bin", parts.containerd), ("opt/cni/bin", parts.cni)):
        files |= {f"{directory}/{name}": (path, 0o755) for name, path in part.files.items()}
    return files


def _write_layer(layer: Path, files: _Files, *, links: dict[str, str]) -> None:
    with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as archive:
        for place, target in sorted(links.items()):
            link = tarfile.TarInfo(place)
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, target, 0o777
            archive.addfile(link)
        for place, (data, mode) in sorted(files.items()):
            add(archive, place, data, mode=mode)


def _program_in(image: Path, program: str) -> bytes:
    """Return a file of the one layer of an image that ``write_image`` wrote."""
    with tarfile.open(image) as archive:
        listed = archive.extractfile("manifest.json")
        assert listed is not None
        layer = archive.extractfile(json.loads(listed.read())[0]["Layers"][0])
        assert layer is not None
        with tarfile.open(fileobj=layer) as content:
            found = content.extractfile(program)
            assert found is not None
            return found.read()
