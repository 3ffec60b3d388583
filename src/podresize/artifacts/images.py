"""The pod images: assembled here from the probe's source, loadable by any containerd.

Each is a tar that is an OCI image layout and a ``docker save`` archive at once: ``ctr -n k8s.io
images import`` of containerd 1.6 to 2.x reads the former and takes the name from its annotation,
``docker load`` reads the latter. The same programs give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podresize.artifacts import gobuild
from podresize.artifacts.agent_build import agent_version, build_agent
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.go_source import go_source
from podresize.artifacts.layout import sha256_of
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.toolchain import find_go

PAUSE = "podresize.local/pause:1"
WORKLOAD = "podresize.local/workload:1"

_LAYOUT = 1  # counts changes of this file that change the images' bytes
_GO = "1.21"  # of probe/go.mod
_NOBODY = "65535:65535"
_CREATED = "1970-01-01T00:00:00Z"
_MADE = {"created": _CREATED, "created_by": "podresize"}


class Assembly:
    """Builds the probe and packs it; the version is a hash of everything that goes in.

    The guest's agent as well, which is not packed.
    """

    source = Source.ASSEMBLED

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:  # noqa: ARG002 (the protocol's)
        """Return the hash of the source. See ``Fetcher``."""
        if component is Component.GUEST_AGENT:
            return agent_version(asked)
        if component is not Component.IMAGES:
            raise SourcePassedOverError("only the pod images and the guest's agent are assembled")
        digest = hashlib.sha256(f"layout {_LAYOUT}\n".encode())
        for name, data in probe_source().items():
            digest.update(f"{name} {len(data)}\n".encode() + data)
        version = digest.hexdigest()[:12]
        if asked not in (None, version):
            raise SourcePassedOverError(f"the probe of this podresize is {version}")
        return version

    def fetch(
        self, component: Component, version: str, *, arch: str, work: Path, progress: Progress
    ) -> dict[str, Path]:
        """Build the two programs and pack them. See ``Fetcher``."""
        if component is Component.GUEST_AGENT:
            label = f"{component} {version}"
            return build_agent(label, arch=arch, work=work, cache=self._cache, progress=progress)
        go = find_go(self._cache, at_least=_GO, progress=progress)
        scratch = work / "scratch"
        for name, data in probe_source().items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_bytes(data)
        job = gobuild.GoBuild(
            label=f"{component} ({arch})",
            log_name=f"{component}-{version}-{arch}",
            go=go,
            directory=scratch,
            packages=("podresize.local/probe", "podresize.local/probe/pause"),
            out=work / "out",
            arch=arch,
        )
        gobuild.build(job, cache=self._cache, progress=progress)
        pause, workload = work / "pause.tar", work / "workload.tar"
        write_image(
            pause,
            name=PAUSE,
            arch=arch,
            programs={"pause": job.out / "pause"},
            config={"Entrypoint": ["/pause"], "User": _NOBODY},
        )
        write_image(
            workload,
            name=WORKLOAD,
            arch=arch,
            programs={"probe": job.out / "probe"},
            config={"Entrypoint": ["/probe"], "Cmd": ["serve"]},
        )
        return {"pause.tar": pause, "workload.tar": workload}


def probe_source() -> dict[str, bytes]:
    """Return the probe's Go files and go.mod by relative path, sorted: what the wheel carries."""
    return go_source("probe")


def write_image(
    path: Path, *, name: str, arch: str, programs: dict[str, Path], config: dict[str, Any]
) -> None:
    """Write an image of one layer: the programs at ``/`` and an empty ``/tmp``.

    ``config`` is the ``config`` object of an OCI image configuration.
    """
    layer = path.with_name(f"{path.name}.layer")
    with tarfile.open(layer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for program_name, program in sorted(programs.items()):
            add(archive, program_name, program.read_bytes(), mode=0o755)
        add(archive, "tmp", None, mode=0o1777)
    pack_image(path, layers=[layer], name=name, arch=arch, config=config)
    layer.unlink()


def pack_image(
    path: Path, *, layers: Sequence[Path], name: str, arch: str, config: dict[str, Any]
) -> None:
    """Write an image of these layers, tar files, the lowest first; ``config`` is as above."""
    configuration = {
        "architecture": arch,
        "config": {"Env": ["PATH=/"], "WorkingDir": "/", **config},
        "created": _CREATED,
        "history": [_MADE] * len(layers),
        "os": "linux",
    }
    _pack(path, layers, name, configuration)


def pack_image_on(
    path: Path,
    *,
    base: dict[str, Any],
    layers: Sequence[Path],
    name: str,
    labels: dict[str, str],
) -> None:
    """Write an image with one more layer than its base, the last, and with labels of its own.

    ``base`` is the configuration of the base's image; all else in it stays as it is.
    """
    configuration = base | {
        "config": base["config"] | {"Labels": labels},
        "history": [*base.get("history", ()), _MADE],
    }
    _pack(path, layers, name, configuration)


def _pack(path: Path, layers: Sequence[Path], name: str, about: dict[str, Any]) -> None:
    blobs = [_descriptor("application/vnd.oci.image.layer.v1.tar", layer) for layer in layers]
    rootfs = {"diff_ids": [blob["digest"] for blob in blobs], "type": "layers"}
    configuration = _json(about | {"rootfs": rootfs})
    platform = {"architecture": about["architecture"], "os": "linux"}
    oci = "application/vnd.oci.image"
    described = _descriptor(f"{oci}.config.v1+json", configuration)
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{oci}.manifest.v1+json",
            "config": described,
            # Not compressed: gzip's bytes depend on the zlib at hand, and the file never travels.
            "layers": blobs,
        }
    )
    listed = _descriptor(f"{oci}.manifest.v1+json", manifest)
    index = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{oci}.index.v1+json",
            "manifests": [
                listed
                | {
                    "annotations": {
                        "io.containerd.image.name": name,
                        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
                    },
                    "platform": platform,
                }
            ],
        }
    )
    docker = [
        {
            "Config": _place(described),
            "RepoTags": [name],
            "Layers": [_place(blob) for blob in blobs],
        }
    ]
    parts: dict[str, Path | bytes] = dict(zip(map(_place, blobs), layers, strict=True))
    parts |= {_place(described): configuration, _place(listed): manifest}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        add(archive, "index.json", index)
        add(archive, "manifest.json", _json(docker))
        for place, data in sorted(parts.items()):
            add(archive, place, data)


def pack_together(path: Path, archives: Sequence[Path]) -> None:
    """Write one archive of the images of several of ours, in their order.

    Whoever imports starts ``ctr`` once for it, which takes an emulated processor two seconds.
    Layers that several have are in it once.
    """
    listed: list[Any] = []
    docker: list[Any] = []
    places: dict[str, bytes] = {}
    for each in archives:
        with tarfile.open(each) as archive:
            files = {member.name: archive.extractfile(member) for member in archive}
            held = {name: file.read() for name, file in files.items() if file is not None}
        index = json.loads(held.pop("index.json"))
        listed += index["manifests"]
        docker += json.loads(held.pop("manifest.json"))
        places |= held
    layout = places.pop("oci-layout")
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        add(archive, "oci-layout", layout)
        add(archive, "index.json", _json(index | {"manifests": listed}))
        add(archive, "manifest.json", _json(docker))
        for place, data in sorted(places.items()):
            add(archive, place, data)


def add(
    archive: tarfile.TarFile, name: str, data: bytes | Path | None, *, mode: int = 0o644
) -> None:
    """Add a file with these bytes, or that has those of another file; a directory for None."""
    info = tarfile.TarInfo(name)
    info.mode = mode  # owner 0:0 and time 0 are TarInfo's own defaults
    if data is None:
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    elif isinstance(data, Path):
        info.size = data.stat().st_size
        with data.open("rb") as file:
            archive.addfile(info, file)
    else:
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))


def _descriptor(media_type: str, data: bytes | Path) -> dict[str, Any]:
    digest = sha256_of(data) if isinstance(data, Path) else hashlib.sha256(data).hexdigest()
    return {
        "mediaType": media_type,
        "digest": f"sha256:{digest}",
        "size": data.stat().st_size if isinstance(data, Path) else len(data),
    }


def _place(described: dict[str, Any]) -> str:
    return "blobs/" + str(described["digest"]).replace(":", "/")


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
