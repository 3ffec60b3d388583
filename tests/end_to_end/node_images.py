"""Node images in a real engine: loaded for a while, asked what they hold, listed file by file."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any

from tests.end_to_end.engines import RealEngine

_LOAD_SECONDS = 600.0
# What an engine puts into every container that it makes, to mount something over it.
_OF_THE_ENGINE = {".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf"}


@dataclasses.dataclass(frozen=True)
class Loaded:
    """An image that the engine has, under this name."""

    engine: RealEngine
    name: str

    @property
    def labels(self) -> dict[str, str]:
        """What the engine says that the image says of itself."""
        (found,) = json.loads("\n".join(self.engine.docker("image", "inspect", self.name)))
        return dict(found["Config"]["Labels"])

    @property
    def layers(self) -> list[str]:
        """The digests of its layers, the lowest first."""
        (found,) = json.loads("\n".join(self.engine.docker("image", "inspect", self.name)))
        return list(found["RootFS"]["Layers"])

    def run(self, script: str) -> str:
        """Run a script of the shell in a container of it and return what it printed."""
        words = ("run", "--rm", "--network=none", "--entrypoint=/bin/sh", self.name, "-ec", script)
        return "\n".join(self.engine.docker(*words))

    def files(self) -> dict[str, tuple[Any, ...]]:
        """Return of each path its kind, mode, owner, link and bytes; of a file its time as well."""
        (container,) = self.engine.docker("create", self.name)
        try:
            with subprocess.Popen(
                ["docker", "export", container],
                env=self.engine.environment,
                stdout=subprocess.PIPE,
            ) as exporting:
                found = {}
                with tarfile.open(fileobj=exporting.stdout, mode="r|") as archive:
                    for item in archive:
                        file = archive.extractfile(item) if item.isfile() else None
                        data = None
                        if file is not None:
                            data = hashlib.sha256(file.read()).hexdigest()
                        about = (item.type, item.mode, item.uid, item.gid, item.linkname, data)
                        found[item.name] = (*about, item.mtime if item.isfile() else None)
            assert exporting.returncode == 0
        finally:
            self.engine.docker("rm", "--volumes", container)
        return {
            name: each
            for name, each in found.items()
            if name not in _OF_THE_ENGINE and not name.startswith("dev/")
        }


@contextlib.contextmanager
def loaded(engine: RealEngine, archive: str, name: str) -> Iterator[Loaded]:
    """Give the engine an image; it is taken away afterwards if the engine did not have it."""
    had = bool(engine.docker("images", "--quiet", name))
    done = engine.run("docker", "load", "--quiet", "--input", archive, seconds=_LOAD_SECONDS)
    assert done.returncode == 0, done.stdout
    yield Loaded(engine, name)
    if not had:
        engine.docker("rmi", name)
