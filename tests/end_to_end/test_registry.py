"""A registry for real: a node of kind pulls a locally built image, a pod of it runs."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.cri_pods import pull_image
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.leading import leading_to
from tests.end_to_end.real_clusters import api_of, namespace, own_name, run_pod, until, workload
from tests.end_to_end.strangers import NAMESPACE, apply, token_kubeconfig

from podresize.artifacts.artifact import Component
from podresize.artifacts.host import host_arch
from podresize.artifacts.images import write_image
from podresize.artifacts.store import get as get_artifact
from podresize.cluster.api import Api
from podresize.cluster.events import events_of
from podresize.cri.client import RuntimeClient
from podresize.providers.containers.containerd import Containerd
from podresize.providers.containers.registry import Registry
from podresize.providers.interface import ClusterHandle
from podresize.providers.kind import provider
from podresize.providers.kind.engine import find_engine
from podresize.providers.kind.layout import Layout
from podresize.providers.kind.node import Node
from podresize.requirements.target import Target

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

HOST = "registry.podresize.local:5000"
REPOSITORY = "tests/probe"
IMAGE = f"{HOST}/{REPOSITORY}:pulled"
PODRESIZE = str(Path(sys.executable).parent / "podresize")
_EVENT_SECONDS = 20.0
_RUN_SECONDS = 300.0


@pytest.fixture(scope="module", params=["1.6.8", "1.6.36"])
def cluster(engine: RealEngine, request: pytest.FixtureRequest) -> Iterator[ClusterHandle]:
    """A kind cluster on the engine, to which this process's environment leads meanwhile."""
    with leading_to(engine):
        before = engine.things["networks"]
        target = Target(provider="kind", kubernetes="1.27.4", containerd=request.param)
        handle = provider.up(target, name=own_name("pulls"), owner=os.getpid())
        yield handle
        # A registry that is still in the cluster's network does not keep it from going.
        with Registry() as forgotten:
            network = Layout(name=handle.name).network
            engine.docker("network", "connect", network, forgotten.get_container_id())
            provider.down(handle.name)
            assert engine.things["networks"] == before


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """An image built here just now: the probe, and a file that no image before it had.

    With the content of an image that the node has, containerd would ask for the tag and no more.
    """
    program, file = tmp_path / "probe", tmp_path / "built"
    with tarfile.open(get_artifact(Component.IMAGES).files["workload.tar"]) as archive:
        listed = archive.extractfile("manifest.json")
        assert listed is not None
        layer = archive.extractfile(json.load(listed)[0]["Layers"][0])
        assert layer is not None
        with tarfile.open(fileobj=layer) as content:
            found = content.extractfile("probe")
            assert found is not None
            program.write_bytes(found.read())
    file.write_text(secrets.token_hex())
    target = tmp_path / "built.tar"
    config = {"Entrypoint": ["/probe"], "Cmd": ["serve"]}
    programs = {"probe": program, "built": file}
    write_image(target, name=IMAGE, arch=host_arch(), programs=programs, config=config)
    return target


def test_a_node_of_kind_pulls_what_was_pushed(
    engine: RealEngine, cluster: ClusterHandle, built: Path
) -> None:
    network = Layout(name=cluster.name).network
    node = Node(find_engine(), cluster.nodes[0].name)
    with (
        Registry() as registry,
        registry.serving([node], network, HOST),
        api_of(cluster) as api,
        RuntimeClient(str(cluster.nodes[0].cri_endpoint)) as cri,
        namespace(api, "pulls") as space,
    ):
        assert registry.repositories() == []
        digest = registry.push(built, REPOSITORY, "pulled")
        assert registry.repositories() == [REPOSITORY]
        assert not cri.has_image(IMAGE)

        body = workload("pulled", image=IMAGE, automountServiceAccountToken=False)
        body["spec"]["containers"][0]["imagePullPolicy"] = "Always"
        pod = run_pod(api, namespace=space, body=body)

        status = pod["status"]["containerStatuses"][0]
        assert status["imageID"] == f"{HOST}/{REPOSITORY}@{digest}"
        assert cri.has_image(IMAGE)

        def pulled() -> list[str]:
            return messages(api, space, "pulled", "Pulled")

        assert until(pulled, deadline=_EVENT_SECONDS)
        assert any(f'Successfully pulled image "{IMAGE}"' in each for each in pulled())
        asked = registry.requests(REPOSITORY)
        print(pulled(), *asked, sep="\n")
        by_containerd = [
            line for line in asked if f"containerd/v{cluster.fingerprint.runtime_version}" in line
        ]
        assert any(f"/manifests/{digest}" in line for line in by_containerd)
        assert any("/blobs/sha256:" in line for line in by_containerd)
    # What the node was told of the registry is gone, and so is the registry.
    assert not node.inside(registry.directory_of(HOST)).exists()
    assert engine.docker("ps", "--all", "--quiet", f"--filter=ancestor={registry.image}") == []


@pytest.mark.parametrize("cluster", ["1.6.36"], indirect=True)
def test_a_strangers_pods_run_an_image_that_the_node_has_to_pull(
    engine: RealEngine, cluster: ClusterHandle, built: Path, tmp_path: Path
) -> None:
    node = Node(find_engine(), cluster.nodes[0].name)
    image = f"{HOST}/tests/workload:1"
    with (
        Registry() as registry,
        registry.serving([node], Layout(name=cluster.name).network, HOST),
        api_of(cluster) as admin,
    ):
        registry.push(built, "tests/workload", "1")
        apply(admin)
        kubeconfig = token_kubeconfig(cluster.kubeconfig, admin, tmp_path / "kubeconfig")
        words = ["KL-30", "--profile=headline", "--provider=kubeconfig", f"--namespace={NAMESPACE}"]
        words += [f"--kubeconfig={kubeconfig}", f"--image={image}", f"--out={tmp_path / 'out'}"]

        done = engine.run(PODRESIZE, "run", *words, seconds=_RUN_SECONDS)

        print(done.stdout[-3000:])
        assert done.returncode == 0
        records = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
        verdicts = [r["verdict"] for r in map(json.loads, records) if r["type"] == "verdict"]
        assert "passed" in verdicts
        agent = f"containerd/v{cluster.fingerprint.runtime_version}"
        asked = registry.requests("tests/workload")
        assert any("/blobs/sha256:" in line and agent in line for line in asked)


@pytest.mark.parametrize("containerd", ["1.6.8", "2.1.4"])
def test_a_runtime_alone_pulls_what_was_pushed(
    engine: RealEngine, built: Path, containerd: str
) -> None:
    with (
        leading_to(engine),
        Registry() as registry,
        Containerd(containerd) as runtime,
        registry.serving([runtime.node], "bridge", HOST),
        RuntimeClient(runtime.endpoint) as cri,
    ):
        registry.push(built, REPOSITORY, "pulled")
        assert not cri.has_image(IMAGE)

        pull_image(runtime.endpoint, IMAGE)

        assert cri.has_image(IMAGE)
        asked = registry.requests(REPOSITORY)
        print(*asked, sep="\n")
        agent = f"containerd/v{containerd}"
        assert any("/blobs/sha256:" in line and agent in line for line in asked)


def messages(api: Api, space: str, pod: str, reason: str) -> list[str]:
    found = events_of(api, namespace=space, name=pod)
    return [each["message"] for each in found if each["reason"] == reason]
