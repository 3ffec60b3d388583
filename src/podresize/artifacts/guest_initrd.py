"""The first file system of a guest: busybox, the modules that a root needs, and a script.

The script, ``manifests/guest/init``, says what is expected of the kernel's command line.
"""

from __future__ import annotations

import gzip
import lzma
import re
from pathlib import Path

from podresize.artifacts.cpio import Content
from podresize.artifacts.guest_tools import GuestTools
from podresize.artifacts.kernel_options import enabled_options
from podresize.manifests import manifests

_LAYOUT = 1  # counts changes of this file that change the bytes
# What the initrd loads, by the option that says whether it is a module. The network and the agent's
# port are among them, because nothing in the guest goes through its devices (manifests/guest).
_WANTED = {
    "VIRTIO_PCI": "virtio_pci",
    "VIRTIO_BLK": "virtio_blk",
    "VIRTIO_CONSOLE": "virtio_console",
    "VIRTIO_NET": "virtio_net",
    "SQUASHFS": "squashfs",
    "OVERLAY_FS": "overlay",
    "EXT4_FS": "ext4",
}
# ext4 asks for crc32c when it mounts, which nothing in its list of dependencies says.
_BEFORE = {"ext4": ("crc32c_generic",)}
_APPLETS = (
    *("sh", "cat", "insmod", "mkdir", "mount", "poweroff", "sleep", "switch_root", "tr"),
    "[",
)


def initrd_inputs() -> list[object]:
    """Return what is podresize's own in an initrd: whatever changes its bytes, as JSON can hold."""
    return [_LAYOUT, _script().decode(), _WANTED, _BEFORE, _APPLETS]


def initrd(modules: Path, config: str, tools: GuestTools) -> dict[str, tuple[Content, int]]:
    """Return the entries of an initrd for ``write_cpio``.

    ``modules`` is as of ``load_order``, ``config`` the kernel's ``.config``.
    """
    order = load_order(modules, enabled_options(config))
    loaded = {_module_name(path): _plain(path, tools) for path in order}
    entries: dict[str, tuple[Content, int]] = {
        "init": (_script(), 0o755),
        "bin/busybox": (tools.artifact.files["busybox"], 0o755),
        # Until it has mounted /dev, the kernel gives the first process this console or none.
        "dev/console": ((5, 1), 0o600),
        "dev/null": ((1, 3), 0o666),
        "modules/order": ("".join(f"{name}\n" for name in loaded).encode(), 0o644),
    }
    entries |= dict.fromkeys(("proc", "sys"), (None, 0o755))
    entries |= {f"bin/{name}": ("busybox", 0o777) for name in _APPLETS}
    return entries | {f"modules/{name}": (data, 0o644) for name, data in loaded.items()}


def _module_name(path: Path) -> str:
    return re.sub(r"\.ko\..*", ".ko", path.name)


def _plain(module: Path, tools: GuestTools) -> bytes:
    """Return a module's bytes not compressed: busybox knows xz, and not zstd."""
    match module.suffix:
        case ".xz":
            return lzma.decompress(module.read_bytes())
        case ".gz":
            return gzip.decompress(module.read_bytes())
        case ".zst":
            plain = module.with_suffix("")
            tools.run("zstd", "--quiet", "--force", "--decompress", module, "-o", plain)
            data = plain.read_bytes()
            plain.unlink()
            return data
    return module.read_bytes()


def load_order(modules: Path, options: dict[str, str]) -> list[Path]:
    """Return the modules that the initrd loads, each behind those that it depends on.

    ``modules`` is a release's directory with the ``modules.dep`` that depmod wrote: a line with a
    module's path and, after a colon, all that it needs, the last to be loaded first.
    """
    lines = (modules / "modules.dep").read_text("utf-8").splitlines()
    needs = {path: rest.split() for path, _, rest in (line.partition(":") for line in lines)}
    by_name = {re.sub(r"\.ko.*", "", Path(path).name).replace("-", "_"): path for path in needs}
    order: dict[str, None] = {}
    for option, wanted in _WANTED.items():
        if options.get(option) != "m":
            continue
        for name in (*_BEFORE.get(wanted, ()), wanted):
            # What is built in has no line; that the option says it is a module was checked before.
            if (path := by_name.get(name)) is not None:
                order |= dict.fromkeys([*reversed(needs[path]), path])
    return [modules / path for path in order]


def _script() -> bytes:
    return (manifests("guest") / "init").read_bytes()
