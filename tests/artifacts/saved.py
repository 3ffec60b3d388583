"""Images as an engine saves them, of layers that a test makes up."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Layer = dict[str, bytes | tarfile.TarInfo]


def directory(*, mode: int = 0o755, gid: int = 0, mtime: float = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.mode, info.gid, info.mtime = tarfile.DIRTYPE, mode, gid, mtime
    return info


def layer_of(files: Layer) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for place, data in files.items():
            info = data if isinstance(data, tarfile.TarInfo) else tarfile.TarInfo(place)
            info.name = place
            if isinstance(data, bytes):
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else None)
    return packed.getvalue()


def save(
    path: Path,
    layers: Sequence[Layer],
    *,
    arch: str = "amd64",
    config: dict[str, Any] | None = None,
) -> Path:
    """Write what ``docker save`` would; the lowest layer is packed, as newer engines have them."""
    plain = [layer_of(each) for each in layers]
    configuration = {
        "architecture": arch,
        "config": {"Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"]} | (config or {}),
        "history": [{"created_by": "somebody"}] * len(plain),
        "os": "linux",
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in plain],
        },
    }
    written = {f"{number}/layer.tar": each for number, each in enumerate(plain)}
    written["0/layer.tar"] = gzip.compress(plain[0])
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": list(written)}]
    written["config.json"] = json.dumps(configuration).encode()
    written["manifest.json"] = json.dumps(manifest).encode()
    path.write_bytes(layer_of(dict(written)))
    return path
