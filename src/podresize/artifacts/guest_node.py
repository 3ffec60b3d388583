"""What makes a guest a node, as a disk: a Kubernetes, a containerd and an OCI runtime.

It is the topmost layer of a guest's root and holds all of podresize's own files as well. The same
artifacts give the same bytes. Nothing in it is a secret, and nothing is of one cluster.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from podresize.artifacts.agent_build import AGENT
from podresize.artifacts.artifact import LOADER, Artifact, Component
from podresize.artifacts.assembling import assembled, mark_of
from podresize.artifacts.guest_tools import Files, guest_tools, write_tree
from podresize.artifacts.images import PAUSE, pack_together
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import Store
from podresize.errors import UsageError
from podresize.manifests import manifests

NODE = "node.squashfs"
OCI_RUNTIMES = {"runc": Component.RUNC, "crun": Component.CRUN}

_LAYOUT = 2  # counts changes of this file that change the bytes
_CONFIG_3 = 2  # the major version of containerd from which on its configuration is of version 3
_UNITS = "etc/systemd/system"
# Where the files of manifests/guest go, and with which mode; init is the initrd's.
_PLACES = {
    "agent-port": ("usr/local/lib/podresize/agent-port", 0o755),
    "10-podresize.conflist": ("etc/cni/net.d/10-podresize.conflist", 0o644),
} | {
    unit: (f"{_UNITS}/{unit}", 0o644)
    for unit in (
        *("podresize-agent.service", "containerd.service", "podresize-images.service"),
        "kubelet.service",
    )
}
_STARTED = {
    "sysinit.target": ("podresize-agent.service",),
    "multi-user.target": ("containerd.service", "podresize-images.service"),
}
_LINKS = {
    f"{_UNITS}/{target}.wants/{unit}": f"../{unit}"
    for target, units in _STARTED.items()
    for unit in units
} | {
    # node-base has it off. crun speaks to systemd over it.
    f"{_UNITS}/sockets.target.wants/dbus.socket": "/lib/systemd/system/dbus.socket",
    **{
        f"{_UNITS}/{unit}": "/dev/null"
        for unit in (
            "getty.target",  # nobody logs in, and the console is for what goes wrong
            *("systemd-firstboot.service", "systemd-tmpfiles-clean.timer", "dpkg-db-backup.timer"),
            "fstrim.timer",
        )
    },
}
_SETTINGS = {
    # Empty, not absent: systemd makes one up then, and does not take the boot for the first, in
    # which it would enable all units (machine-id(5), "First Boot Semantics").
    "etc/machine-id": "",
    # As old as /usr: nothing is brought up to date at boot (ConditionNeedsUpdate).
    "etc/.updated": "",
    "var/.updated": "",
    "etc/hostname": "guest\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/resolv.conf": "",  # the kubelet wants one
    "etc/systemd/journald.conf.d/podresize.conf": "[Journal]\nStorage=volatile\n",
    # Under emulation what takes a second takes ten or more.
    "etc/systemd/system.conf.d/podresize.conf": "[Manager]\nDefaultTimeoutStartSec=600s\n",
}
_IMAGES = "opt/podresize/images.tar"
_CRUN = "usr/local/lib/crun"
_OWN_LOADER = f"""\
#!/bin/sh
unset LD_LIBRARY_PATH
exec /{_CRUN}/{LOADER} --library-path /{_CRUN} /{_CRUN}/crun.elf "$@"
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    kubernetes: Artifact
    containerd: Artifact
    runtime: Artifact
    cni: Artifact
    images: Artifact
    agent: Artifact

    def all(self) -> list[Artifact]:
        return [getattr(self, field.name) for field in dataclasses.fields(self)]


def guest_node(
    kubernetes: str | None,
    containerd: str | None,
    oci_runtime: str = "runc",
    *,
    oci_version: str | None = None,
    store: Store,
    progress: Progress,
) -> Artifact:
    """Return ``node.squashfs`` of these versions, from the cache or made of their artifacts.

    ``oci_runtime`` is runc or crun, ``oci_version`` its version, by default the one that clusters
    get. Older ones of the same versions go as ``drop_older`` says. Raises ``UsageError`` for
    another runtime, and as ``Store.get`` does.
    """
    check_oci_runtime(oci_runtime)

    def get(component: Component, version: str | None = None) -> Artifact:
        return store.get(component, version, progress=progress)

    tools = guest_tools(store, progress=progress)
    parts = _Parts(
        kubernetes=get(Component.KUBERNETES, kubernetes),
        containerd=get(Component.CONTAINERD, containerd),
        runtime=get(OCI_RUNTIMES[oci_runtime], oci_version),
        cni=get(Component.CNI),
        images=get(Component.IMAGES),
        agent=get(Component.GUEST_AGENT),
    )
    files = {**_programs(parts), **_own_files(parts, oci_runtime)}
    mark = mark_of(
        _LAYOUT,
        tools.digests,
        [store.cache.digests(part) for part in parts.all()],
        sorted((place, _told(what), mode) for place, (what, mode) in files.items()),
        sorted(_LINKS.items()),
    )
    runtime = f"{parts.runtime.component}-{parts.runtime.version}"
    series = f"{parts.kubernetes.version}+{parts.containerd.version}+{runtime}."
    full = f"{series}{mark}"

    def make(work: Path) -> dict[str, Path]:
        tree, images = work / "node.tar", work / "images.tar"
        pack_together(images, list(parts.images.files.values()))
        write_tree(tree, {**files, _IMAGES: (images, 0o644)}, links=_LINKS)
        what = f"{Component.GUEST_NODE} {full}"
        tools.squash(tree, work / NODE, what=what, progress=progress)
        return {NODE: work / NODE}

    return assembled(
        Component.GUEST_NODE,
        full,
        arch=parts.kubernetes.arch,
        make=make,
        store=store,
        progress=progress,
        series=series,
    )


def check_oci_runtime(oci_runtime: str) -> None:
    """Raise ``UsageError`` for what no guest has."""
    if oci_runtime not in OCI_RUNTIMES:
        raise UsageError(
            "A guest has no such OCI runtime.",
            value=oci_runtime,
            origin="--oci-runtime",
            causes=("runc and crun are known",),
            next_command="podresize artifacts get guest-node --oci-runtime crun",
        )


def _told(what: bytes | Path | None) -> str | None:
    """Return what a mark is made of: our own text, or a name of a part, whose hash is in it."""
    if what is None:
        return None
    return what.decode() if isinstance(what, bytes) else what.name


def _own_files(parts: _Parts, runtime: str) -> dict[str, tuple[bytes, int]]:
    """Return podresize's own files: units, settings, and how containerd is told of the runtime."""
    source = manifests("guest")
    files = {place: ((source / name).read_bytes(), mode) for name, (place, mode) in _PLACES.items()}
    files |= {place: (text.encode(), 0o644) for place, text in _SETTINGS.items()}
    version = 3 if int(parts.containerd.version.split(".")[0]) >= _CONFIG_3 else 2
    configuration = (source / f"containerd-{version}.toml").read_text("utf-8")
    for word, meant in (("PAUSE_IMAGE", PAUSE), ("OCI_RUNTIME", runtime)):
        configuration = configuration.replace(word, meant)
    files["etc/containerd/config.toml"] = (configuration.encode(), 0o644)
    return files


def _programs(parts: _Parts) -> Files:
    programs = {
        "kubelet": parts.kubernetes.files["kubelet"],
        AGENT: parts.agent.files[AGENT],
        **parts.containerd.files,
    }
    files: dict[str, tuple[bytes | Path | None, int]] = {
        **{f"usr/local/bin/{name}": (path, 0o755) for name, path in programs.items()},
        **{f"opt/cni/bin/{name}": (path, 0o755) for name, path in parts.cni.files.items()},
        "etc/podresize": (None, 0o755),  # kubelet.env comes here
    }
    return {**files, **_runtime(parts.runtime)}


def _runtime(runtime: Artifact) -> Files:
    """Return the OCI runtime's files; its libraries are the OS's, unless it has its own loader.

    What this host lacks of a package's libraries lies beside it; a guest's OS has crun's package,
    with all that it depends on.
    """
    name = str(runtime.component)
    if LOADER not in runtime.files:
        return {f"usr/local/sbin/{name}": (runtime.files[name], 0o755)}
    own = {place: path for place, path in runtime.files.items() if place != name}
    return {
        f"usr/local/sbin/{name}": (_OWN_LOADER.encode(), 0o755),
        **{f"{_CRUN}/{place}": (path, 0o755) for place, path in own.items()},
    }
