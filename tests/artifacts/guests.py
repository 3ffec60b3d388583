"""What a guest is made of and with, played: tools that write down what they are told."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path

from podresize.artifacts.artifact import Component

GOOD = ("VIRTIO_PCI", "VIRTIO_BLK", "VIRTIO_CONSOLE", "VIRTIO_NET", "SQUASHFS", "OVERLAY_FS")


def program(script: str) -> bytes:
    return f"#!{sys.executable}\nimport os, pathlib, shutil, sys\n{script}\n".encode()


# A squashfs of theirs is the tar file itself, an ext4 the words that mke2fs was given.
TOOLS = {
    "mksquashfs": program(
        "assert os.environ['SOURCE_DATE_EPOCH'] == '0' and '-tar' in sys.argv\n"
        "with open(sys.argv[2], 'wb') as file: shutil.copyfileobj(sys.stdin.buffer, file)"
    ),
    "mke2fs": program(
        "assert os.environ['MKE2FS_CONFIG'] == os.devnull\n"
        "size = os.stat(sys.argv[-1]).st_size\n"
        "pathlib.Path(sys.argv[-1]).write_text(f'{size} ' + ' '.join(sys.argv[1:-1]))"
    ),
    "depmod": program(
        "place = pathlib.Path(sys.argv[2], 'lib/modules', sys.argv[3])\n"
        "order = place / 'modules.order'\n"
        "(place / 'modules.dep').write_text(order.read_text() if order.exists() else '')"
    ),
    "zstd": program("shutil.copy(sys.argv[4], sys.argv[6])"),
    "busybox": b"busybox",
}
QEMU = {
    "qemu-img": program("shutil.copy(sys.argv[-2], sys.argv[-1])"),
    "qemu-system-x86_64": b"qemu",
    "qemu-system-aarch64": b"qemu",
    "libslirp.so.0": b"slirp",
}


def tree(files: dict[str, bytes]) -> bytes:
    """Return a tar file."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for place, data in files.items():
            info = tarfile.TarInfo(place)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def image(name: str) -> bytes:
    """Return an archive of one image, as far as it is put together with others."""
    return tree(
        {
            "oci-layout": b"{}",
            "index.json": json.dumps({"manifests": [{"of": name}]}).encode(),
            "manifest.json": json.dumps([{"RepoTags": [name]}]).encode(),
            f"blobs/sha256/{name}": name.encode(),
        }
    )


PARTS: dict[Component, dict[str, bytes]] = {
    Component.GUEST_TOOLS: TOOLS,
    Component.QEMU: QEMU,
    Component.NODE_BASE: {
        "rootfs.tar": tree({"./etc/debian_version": b"12"}),
        "packages.txt": b"systemd=252.39-1~deb12u2\n",
    },
    Component.KUBERNETES: {"kubelet": b"kubelet", "kube-apiserver": b"not of a node"},
    Component.CONTAINERD: {
        name: name.encode() for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    },
    Component.RUNC: {"runc": b"runc"},
    Component.CRUN: {"crun": b"crun", "libyajl.so.2": b"yajl"},
    Component.CNI: {"ptp": b"ptp"},
    Component.IMAGES: {"pause.tar": image("pause"), "workload.tar": image("workload")},
    Component.GUEST_AGENT: {"podresize-agent": b"agent"},
}


def squashed(path: Path) -> dict[str, bytes | str | None]:
    """Return what the played squashfs holds by place: bytes, a link's target, None a directory."""
    found: dict[str, bytes | str | None] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            found[member.name] = file.read() if file else member.linkname or None
            assert (member.uid, member.gid, member.mtime) == (0, 0, 0)
    return found
