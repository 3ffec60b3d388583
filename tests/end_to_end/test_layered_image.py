"""Another runtime on a node image: what an engine sees of the change, and whether kind starts it.

The base is podresize's own image with another containerd, since kindest/node has to be pulled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.node_images import Loaded, loaded
from tests.end_to_end.real_clusters import own_name

from podresize.artifacts.artifact import Component
from podresize.artifacts.node_image import NodeImage, node_image
from podresize.artifacts.store import get
from podresize.providers.kind import provider
from podresize.providers.kind.provider import Parts
from podresize.requirements.target import Target

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
BELOW = "1.6.36"
# The base's configuration is of version 2, which a containerd 2.x has to convert.
ABOVE = ("1.6.8", "2.1.4")
RUNTIME = {
    "usr/local/bin/containerd",
    "usr/local/bin/containerd-shim-runc-v2",
    "usr/local/bin/ctr",
}
_SECONDS = 600.0


@pytest.fixture(scope="module")
def base(engine: RealEngine) -> Iterator[Loaded]:
    image = node_image("1.27.4", BELOW)
    with loaded(engine, str(image.archive), image.name) as there:
        yield there


@pytest.fixture(scope="module", params=ABOVE)
def layered(
    request: pytest.FixtureRequest, engine: RealEngine, base: Loaded
) -> Iterator[tuple[str, Path, Loaded]]:
    """The containerd that was asked for, the archive and the image."""
    words = [PODRESIZE, "artifacts", "get", "node-image", "--base", base.name]
    done = engine.run(*words, f"--containerd={request.param}", seconds=_SECONDS)
    assert done.returncode == 0, done.stdout
    *_, archive, name = done.stdout.split()
    with loaded(engine, archive, name) as there:
        yield request.param, Path(archive), there


def test_only_the_runtimes_files_are_changed(
    base: Loaded, layered: tuple[str, Path, Loaded]
) -> None:
    _, _, image = layered
    before, after = base.files(), image.files()

    changed = {name for name in before | after if before.get(name) != after.get(name)}

    # runc is the artifact that the base holds as well.
    assert changed == RUNTIME
    assert image.layers[:-1] == base.layers


def test_it_says_what_it_is_made_of(base: Loaded, layered: tuple[str, Path, Loaded]) -> None:
    containerd, _, image = layered
    before, after = base.labels, image.labels

    assert after.pop("podresize.base").startswith(f"{base.name} sha256:")
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {"podresize.containerd", "podresize.inputs"}
    assert f" v{containerd} " in image.run("containerd --version")


def test_kind_starts_it_and_the_node_is_what_was_asked_for(
    engine: RealEngine, layered: tuple[str, Path, Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    containerd, archive, image = layered
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    made = Parts(
        image=NodeImage(name=image.name, archive=archive, labels=image.labels),
        kind=get(Component.KIND).files["kind"],
        kubectl=get(Component.KUBECTL, "1.27.4").files["kubectl"],
    )
    monkeypatch.setattr(provider, "gather", lambda *_, **__: made)
    name = own_name("layered")

    handle = provider.up(
        Target(provider="kind", containerd=containerd), name=name, owner=os.getpid()
    )
    try:
        found = handle.fingerprint
    finally:
        provider.down(name)

    assert (found.kubernetes, found.runtime_version) == ("1.27.4", containerd)


def test_a_base_that_is_no_node_is_refused(engine: RealEngine) -> None:
    image = "podresize.local/empty:2"
    made = engine.run("sh", "-c", f"tar -cf - -T /dev/null | docker import - {image}", seconds=60)
    assert made.returncode == 0, made.stdout
    try:
        done = engine.run(PODRESIZE, "artifacts", "get", "node-image", "--base", image, seconds=60)
    finally:
        engine.docker("rmi", image)

    assert done.returncode == 2
    assert "error: The base is no kind node image." in done.stdout
    assert "it has no /kind/version" in done.stdout


def test_a_base_that_cannot_be_had_is_told(engine: RealEngine) -> None:
    # No registry has that address (RFC 5737), so it is the same with a network and without.
    image = "192.0.2.1:1/kindest/node:v1.27.3"

    done = engine.run(PODRESIZE, "artifacts", "get", "node-image", "--base", image, seconds=120)

    assert done.returncode == 2
    assert "is not in the container engine, and it cannot be pulled" in done.stdout
    assert f"value:   {image} (from --base)" in done.stdout
