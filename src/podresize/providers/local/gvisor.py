"""gVisor behind containerd: by its own shim, or by runc's where the host does not let that be.

Its shim gives itself an ``oom_score_adj`` of -999 and ends where it cannot (``pkg/shim/v1``,
``oomScoreMax``), so it takes CAP_SYS_RESOURCE. runc's shim calls the program by the same command
line.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from podresize.providers.host import Host
from podresize.providers.local.layout import Layout

# runc's shim reads what `start` says until nobody has it open, and the gofer of a second container
# in a sandbox, which `start` leaves behind, keeps it open. What it says is in its log as well.
_BY_RUNCS_SHIM = """\
#!/bin/sh
for word; do
    if [ "$word" = start ]; then
        exec {program} "$@" >/dev/null 2>&1
    fi
done
exec {program} "$@"
"""


def has_own_shim(host: Host) -> bool:
    """Return whether gVisor's shim can be used."""
    return host.sys_resource


def prepare(layout: Layout, host: Host, program: Path) -> Path:
    """Write what the shim needs; return the program that is to be called."""
    if has_own_shim(host):
        (layout.etc / "runsc.toml").write_text(shim_configuration(layout, program))
        return program
    script = layout.etc / "runsc"
    script.write_text(_BY_RUNCS_SHIM.format(program=shlex.quote(str(program))))
    script.chmod(0o755)
    return script


def shim_configuration(layout: Layout, program: Path) -> str:
    """Return the file of gVisor's shim: the program, where its states are, its flags.

    ``systrap`` is the platform that needs nothing of the host (``/dev/kvm``).
    """
    return "\n".join(
        (
            f'binary_name = "{program}"',
            f'root = "{layout.oci_root}"',
            "[runsc_config]",
            '  platform = "systrap"',
            "",
        )
    )
