"""The tap of a kind node: a process of this host that listens in the node (``cri.tapping``).

A node's image has no Python. A socket is a file, so one that is made through the node's first
process is there for the node's kubelet, which kubeadm tells of it from the beginning
(``configuration.cluster``); what the tap writes stays on this host.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from podresize.errors import HarnessError, HostError
from podresize.providers import linux
from podresize.providers.kind.configuration import TAP_SOCKET
from podresize.providers.kind.layout import Layout
from podresize.providers.kind.node import Node
from podresize.providers.tap_command import tap_command

_TERM_SECONDS = 5.0
_LINES = 12
_DROP_IN = Path("/etc/systemd/system/kubelet.service.d/tap.conf")
# kubeadm has systemd read the units anew before it starts the kubelet. One that began before there
# is a tap would end, and be started again.
_AFTER_THE_TAP = f"""[Service]
ExecStartPre=/bin/sh -c 'until [ -S {TAP_SOCKET} ]; do sleep 0.1; done'
"""


class Tap:
    """The process; it ends with the one that started it, whatever ended that.

    Raises ``HostError`` for a node that is gone.
    """

    def __init__(self, node: Node, layout: Layout, faults: Sequence[str]) -> None:
        drop_in = node.inside(_DROP_IN)
        try:
            drop_in.parent.mkdir(parents=True, exist_ok=True)
            drop_in.write_text(_AFTER_THE_TAP)
        except OSError as error:
            raise HostError(
                f"no tap can be put on the node: {error.strerror}",
                value=str(drop_in),
                origin="--tap",
                causes=("the node's container has ended",),
                next_command=f"{node.engine.name} ps --all",
            ) from error
        self._log = layout.tap_log
        keeper = os.getpid()

        def end_with_keeper() -> None:
            linux.die_with_parent()
            if os.getppid() != keeper:  # it has ended meanwhile
                os._exit(1)

        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                tap_command(
                    listen=node.inside(TAP_SOCKET),
                    runtime=node.endpoint,
                    calls=layout.calls,
                    faults=faults,
                    control=layout.control_socket,
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_keeper,
            )
        self.descriptor = os.pidfd_open(self._process.pid)
        """Readable once the process has ended."""

    def why_ended(self) -> HarnessError:
        """Return the error of a tap that ended by itself, with its last lines."""
        code = self._process.wait()
        said = self._log.read_text(errors="replace").splitlines()[-_LINES:]
        return HarnessError(
            f"tap ended with {code}",
            origin="between kubelet and runtime",
            causes=("\n      ".join(["the last lines of its log:", *said]),) if said else (),
            next_command="podresize doctor",
        )

    def stop(self) -> None:
        """End it, and return when it is gone."""
        self._process.terminate()
        try:
            self._process.wait(_TERM_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self.descriptor)
