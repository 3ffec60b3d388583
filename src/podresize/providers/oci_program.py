"""The OCI runtime behind a runtime's handler: which program it is, and what that says of itself."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from podresize.artifacts.artifact import LOADER
from podresize.errors import HarnessError, PodresizeError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSettings:
    """What a runtime's own configuration says of a handler, by a verbose CRI ``Status``.

    ``runtime_type`` is containerd's name of the shim, ``options`` what that is given. ``is_known``
    is whether the configuration was there to be read at all, ``exists`` whether it has the handler.
    """

    handler: str
    runtime_type: str
    options: dict[str, Any]
    is_known: bool
    exists: bool
    all_handlers: tuple[str, ...] = ()

    @property
    def program(self) -> Path:
        """The program as it is configured: a path, or a name to be looked for."""
        return Path(self.options.get("BinaryName") or self.handler)

    @property
    def root(self) -> Path | None:
        """Where the program's states are, without the directory of containerd's namespace."""
        root = self.options.get("Root")
        return Path(root) if root else None

    @property
    def config_path(self) -> Path | None:
        """The file that a shim of another kind than runc's reads."""
        path = self.options.get("ConfigPath")
        return Path(path) if path else None


def handler_settings(info: dict[str, Any], handler: str) -> HandlerSettings:
    """Return the settings of a handler, the default one for ``""``.

    ``info`` is what ``RuntimeClient.status_info`` returns; containerd has the settings of its CRI
    plugin in it, other runtimes need not.
    """
    config = info.get("config")
    settings: dict[str, Any] = config.get("containerd", {}) if isinstance(config, dict) else {}
    runtimes: dict[str, Any] = settings.get("runtimes") or {}
    handler = handler or settings.get("defaultRuntimeName") or "runc"
    found: dict[str, Any] = runtimes.get(handler) or {}
    return HandlerSettings(
        handler=handler,
        runtime_type=str(found.get("runtimeType") or ""),
        options=found.get("options") or {},
        is_known=bool(runtimes),
        exists=handler in runtimes,
        all_handlers=tuple(sorted(runtimes)),
    )


def program_version(settings: HandlerSettings, ask: Callable[[Path], str]) -> tuple[str, str]:
    """Return the name and version of the program behind a handler.

    ``ask`` returns what the program prints for ``--version``. Raises ``HarnessError`` where it does
    not say.
    """
    return version_of(settings.program, ask, handler=settings.handler)


def version_of(program: Path, ask: Callable[[Path], str], *, handler: str) -> tuple[str, str]:
    """Return the name and version that a program says of itself. Raises as above."""
    try:
        said = ask(program)
    except (OSError, subprocess.SubprocessError, PodresizeError) as error:
        raise HarnessError(
            f"the OCI runtime behind handler {handler!r} does not say its version: {error}",
            value=str(program),
            origin="the runtime's own configuration, by CRI Status",
        ) from error
    found = re.search(r"(\w+) version (\S+)", said)
    if found is None:
        raise HarnessError("the OCI runtime's version is not readable", value=said[:200])
    return found[1], found[2]


def library_path(directories: Iterable[Path]) -> str:
    """Return the LD_LIBRARY_PATH with which programs of the cache find the libraries beside them.

    One of another release has its own loader, and a C library that is no other program's.
    """
    return ":".join(str(place) for place in directories if not (place / LOADER).exists())


def ask_program(program: Path) -> str:
    """Return what a program of this host prints for ``--version``. Raises ``OSError``."""
    return subprocess.run(
        [program, "--version"],
        # Its libraries may lie beside it (see the artifacts' package source).
        env={"LD_LIBRARY_PATH": library_path([program.parent]), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    ).stdout
