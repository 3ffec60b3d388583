"""The same inputs give the same node image: made twice from nothing, the second time elsewhere.

    scripts/test tests/end_to_end/test_node_image_twice.py -s

also prints what it compared and how long it took.
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
from tests.end_to_end.part_caches import caches_with_parts

from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.layout import sha256_of
from podresize.artifacts.store import Store

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
VERSIONS = {Component.KUBERNETES: "1.27.4", Component.CONTAINERD: "1.6.8"}
# Another host: name, resolver, time zone and umask are its own.
ELSEWHERE = """
set -e
hostname elsewhere
echo elsewhere >"$1/hostname"
(cat /etc/resolv.conf; echo options timeout:7) >"$1/resolv.conf"
mount --bind "$1/hostname" /etc/hostname
mount --bind "$1/resolv.conf" /etc/resolv.conf
umask 077
export TZ=Asia/Tokyo
shift
exec "$@"
"""
_SECONDS = 900.0


@pytest.fixture
def places() -> Iterator[list[Path]]:
    """Two caches that have every part of the image but the OS, beside the real one."""
    kubernetes, containerd = VERSIONS.values()
    with caches_with_parts(("here", "elsewhere"), kubernetes, containerd) as found:
        yield found


def making(place: Path, *before: str) -> subprocess.Popen[str]:
    words = [*before, PODRESIZE, "artifacts", "get", "node-image"]
    words += [f"--{component}={version}" for component, version in VERSIONS.items()]
    environment = os.environ | {"XDG_CACHE_HOME": str(place)}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def test_two_hosts_make_the_same_bytes_of_the_same_packages(places: list[Path]) -> None:
    here, elsewhere = places
    began = time.monotonic()
    started = [
        making(here),
        making(
            elsewhere, *("unshare", "--uts", "--mount", "sh", "-c", ELSEWHERE, "sh", str(elsewhere))
        ),
    ]
    said = [process.communicate(timeout=_SECONDS)[0].split() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    bases = [Store(Cache(place / "podresize")).get(Component.NODE_BASE) for place in places]
    packages = [base.files["packages.txt"].read_text() for base in bases]
    layers = [sha256_of(base.files["rootfs.tar"]) for base in bases]
    images = [sha256_of(Path(archive)) for archive, _ in said]
    figures = {"seconds": round(time.monotonic() - began), "packages": len(packages[0].split())}
    print(json.dumps(figures | {"the OS's layer": layers, "image": images}, indent=1))

    assert all(base.cached for base in bases)
    assert packages[0] == packages[1], "the OS's archive was changed between the two"
    assert layers[0] == layers[1]
    assert images[0] == images[1]
    assert said[0][1] == said[1][1]
