"""The same inputs give the same guest: its disks and kernel made twice, the second time elsewhere.

    scripts/test tests/end_to_end/test_guest_twice.py -s

also prints what it compared and how long it took. The OS itself, of which the lowest disk is, is
made twice in ``test_node_image_twice.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.part_caches import caches_with_parts, guest_parts_of

from podresize.artifacts.artifact import PACKAGES, Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.layout import sha256_of

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("guests")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
KUBERNETES, CONTAINERD = "1.27.4", "1.6.36"
MADE: dict[Component, tuple[str, ...]] = {
    Component.GUEST_OS: (),
    Component.GUEST_KERNEL: (),
    Component.GUEST_NODE: (f"--kubernetes={KUBERNETES}", f"--containerd={CONTAINERD}"),
}
# Another host: its name, time zone and umask are its own, and it has one processor.
ELSEWHERE = """
set -e
hostname elsewhere
umask 077
export TZ=Asia/Tokyo
exec "$@"
"""
_SECONDS = 900.0


@pytest.fixture
def places() -> Iterator[list[Path]]:
    """Two caches that have every part of a guest, beside the real one."""
    names = ("here", "elsewhere")
    with caches_with_parts(names, KUBERNETES, CONTAINERD, of=guest_parts_of) as found:
        yield found


def made(place: Path, component: Component, *before: str) -> dict[str, str]:
    """Return the SHA-256 of each file by its place in the cache, which has the version in it."""
    done = subprocess.run(
        [*before, PODRESIZE, "artifacts", "get", component, *MADE[component]],
        env=os.environ | {"XDG_CACHE_HOME": str(place)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    files = [Path(line) for line in done.stdout.splitlines()]
    return {str(file.relative_to(place)): sha256_of(file) for file in files}


def entries(place: Path) -> set[str]:
    return {str(entry) for entry in Cache(place / "podresize").entries()}


def packages(place: Path, files: dict[str, str]) -> list[str]:
    (listed,) = [name for name in files if name.endswith(f"/{PACKAGES}")]
    return (place / listed).read_text().splitlines()


def test_two_hosts_make_the_same_bytes_of_the_same_parts(places: list[Path]) -> None:
    here, elsewhere = places
    given = entries(here)
    assert entries(elsewhere) == given
    processor = str(min(os.sched_getaffinity(0)))
    other = ("unshare", "--uts", "taskset", "--cpu-list", processor, "sh", "-c", ELSEWHERE, "sh")
    began = time.monotonic()
    first = {component: made(here, component) for component in MADE}
    second = {component: made(elsewhere, component, *other) for component in MADE}
    print(json.dumps({"seconds": round(time.monotonic() - began)} | first, indent=1))

    # Nothing but these was made, of parts that both had.
    new = {str(entry).split()[0] for place in places for entry in entries(place) - given}
    assert new == set(MADE)
    kernels = [
        packages(place, files[Component.GUEST_KERNEL])
        for place, files in zip(places, (first, second), strict=True)
    ]
    assert kernels[0] == kernels[1], "the OS's archive was changed between the two"
    for component in MADE:
        assert first[component], component
        assert first[component] == second[component]
