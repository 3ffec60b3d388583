"""A containerd that nobody of podresize's started: a plain process with a configuration."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.end_to_end.real_clusters import until

from podresize.artifacts.artifact import Component
from podresize.artifacts.images import PAUSE
from podresize.artifacts.store import get
from podresize.cri.client import RuntimeClient

# Its processes end with it, and what it mounts and has in /run goes with them.
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def configuration(directory: Path, *, more: str = "", plugins_off: str = "") -> Path:
    """Write a containerd's configuration as its documentation has it."""
    file = directory / "config.toml"
    runc = get(Component.RUNC).files["runc"]
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    file.write_text(
        f"""
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = [{plugins_off}]
[grpc]
  address = "{directory}/containerd.sock"
[ttrpc]
  address = "{directory}/containerd.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "{directory}/opt"
[{cri}]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
  BinaryName = "{runc}"
{more}
"""
    )
    return file


@contextlib.contextmanager
def containerd(version: str, *, plugins_off: str = "") -> Iterator[tuple[Path, int]]:
    """Run a containerd with the pause image; yield its directory and its pid."""
    files = get(Component.CONTAINERD, version).files
    with tempfile.TemporaryDirectory(prefix="pr-given-") as name:
        directory = Path(name)
        config = configuration(directory, plugins_off=plugins_off)
        run = f'mount -t tmpfs run /run && exec "{files["containerd"]}" --config "{config}"'
        with (directory / "log").open("w") as log:
            process = subprocess.Popen(
                [*_APART, "sh", "-c", run],
                stdout=log,
                stderr=log,
                env=os.environ | {"PATH": f"{files['containerd'].parent}:{os.environ['PATH']}"},
            )
        try:
            assert until((directory / "containerd.sock").exists, deadline=30)
            ctr = [str(files["ctr"]), "-a", str(directory / "containerd.sock"), "-n", "k8s.io"]
            pause = str(get(Component.IMAGES).files["pause.tar"])
            imported = subprocess.run(
                [*ctr, "images", "import", pause], capture_output=True, text=True, check=False
            )
            assert imported.returncode == 0, imported.stderr
            with RuntimeClient(f"unix://{directory}/containerd.sock") as cri:
                # Its CRI side, where it has one, hears of the import by an event of its own.
                if not plugins_off:
                    assert until(lambda: cri.has_image(PAUSE), deadline=30)
            yield directory, _child(process.pid)
        finally:
            os.kill(_child(process.pid), signal.SIGKILL)
            process.wait(20)


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
