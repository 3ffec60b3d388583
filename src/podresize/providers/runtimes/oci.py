"""The OCI runtime's program behind a runtime, as it can be asked from this host."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Sequence
from pathlib import Path

from podresize.providers.oci_program import library_path

# containerd's CRI plugin keeps the kubelet's containers apart by this namespace (pkg/cri,
# constants.K8sContainerdNamespace); its shim gives each namespace a directory of its own.
NAMESPACE = "k8s.io"
DEFAULT_ROOT = Path("/run/containerd/runc")
"""Where the runc shim has the states when its options say nothing (``process.RuncRoot``)."""


def write_program(
    script: Path, program: Path, *, init: int, flags: Sequence[str] = (), network: bool = False
) -> Path:
    """Write a program that is ``program`` within the namespaces of a process; return its path.

    ``flags`` come before the words that it is called with, ``network`` enters that namespace too.

    A state names processes by their pids there: asked from here, the program would take a running
    container for a stopped one. Files are the same on both sides below the cluster's directory.
    """
    inside = shlex.join(
        [
            *("nsenter", f"--target={init}", "--pid", "--mount"),
            *(("--net",) if network else ()),
            "--",
            # Its libraries may lie beside it (see the artifacts' package source).
            *("env", f"LD_LIBRARY_PATH={library_path([program.parent])}", str(program)),
            *flags,
        ]
    )
    script.write_text(f'#!/bin/sh\nexec {inside} "$@"\n')
    script.chmod(0o755)
    return script


def configured_program(config: Path) -> Path:
    """Return the program that the configuration of gVisor's shim names.

    Raises ``OSError`` and ``ValueError`` for a file that is not there or no TOML.
    """
    return Path(tomllib.loads(config.read_text()).get("binary_name") or "runsc")
