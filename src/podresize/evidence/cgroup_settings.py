"""Everything that can be set in a cgroup's cpu, cpuset and memory files, read once.

A resize may change what its resources are turned into and nothing else. The files are found by
looking, so that one which nobody thought of is compared as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CONTROLLERS = ("cpu.", "cpuset.", "memory.")
# Measurements and commands: their content moves by itself or cannot be read. And cpu.weight.nice:
# the same as cpu.weight, in the steps of nice(1) (the kernel's cgroup-v2.rst), which moves with it.
MOVING = (
    *("stat", "usage", "current", "peak", "events", "pressure", "failcnt", "numa", "info"),
    *("force_empty", "pressure_level", "reclaim", "effective", "oom_control", "weight.nice"),
)


def settings(
    directories: Mapping[str, Path], prefixes: tuple[str, ...] = CONTROLLERS
) -> dict[str, str]:
    """Return file name -> content of the settings of one cgroup.

    ``directories`` maps controllers to the cgroup's directory in each hierarchy, ``prefixes`` are
    the beginnings of the names of the files that count. A file that cannot
    be read is left out; an empty cgroup directory gives an empty answer.
    """
    found: dict[str, str] = {}
    for directory in directories.values():
        try:
            names = sorted(path.name for path in directory.iterdir())
        except FileNotFoundError:
            continue  # the container has ended
        for name in names:
            if name.startswith(prefixes) and not any(word in name for word in MOVING):
                try:
                    found[name] = (directory / name).read_text(errors="replace").strip()
                except OSError:
                    continue  # write-only, or of a feature that the kernel turned off
    return found
