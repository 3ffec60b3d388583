"""An Indexed Job that checks the cluster it runs in, by an image that was pulled from nowhere."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.end_to_end.real_clusters import own_name
from tests.end_to_end.strangers import NAMESPACE, apply

from podresize.artifacts.self_image import self_image
from podresize.cluster.api import Api
from podresize.cluster.create import create
from podresize.cluster.get import list_objects
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.logs import log_text
from podresize.cluster.wait import wait_for
from podresize.cri.client import RuntimeClient
from podresize.providers.interface import ClusterHandle
from podresize.providers.local import provider
from podresize.providers.local.loading import load_image
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
SHARDS = 2
_JOB_SECONDS = 600.0
_KINDS = {
    "PersistentVolume": "persistentvolumes",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ConfigMap": "configmaps",
    "Job": "batch/v1/jobs",
}
MATRIX = """
[[cell]]
name = "headline"
command = ["run", "--provider=kubeconfig", "--profile=headline", "--workers=2"]
"""


def podresize(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PODRESIZE, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ClusterHandle, str]]:
    """A cluster with the rights of the manifest and podresize's image, and the image's name."""
    image = self_image(tmp_path_factory.mktemp("image") / "podresize.tar")
    name = own_name("job")
    handle = provider.up(Target(kubernetes="1.37.2", containerd="2.1.4"), name=name)
    try:
        with RuntimeClient(handle.nodes[0].runtime_endpoint) as cri:
            load_image(handle, cri, name=image.name, archive=image.archive)
        with Api(read_kubeconfig(handle.kubeconfig)) as admin:
            apply(admin)
        yield handle, image.name
    finally:
        provider.down(name)


@pytest.fixture(scope="module")
def bundles(
    cluster: tuple[ClusterHandle, str], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """What the pods of the Job wrote."""
    handle, image = cluster
    directory = tmp_path_factory.mktemp("bundles")
    directory.chmod(0o777)  # the pods are user 65535
    matrix = directory / "matrix.toml"
    matrix.write_text(MATRIX)
    told = podresize(
        *("job", "manifest", f"--matrix={matrix}", f"--image={image}", f"--shards={SHARDS}"),
        *(f"--server={read_kubeconfig(handle.kubeconfig).server}", "--name=night"),
        f"--node-directory={directory}",
    )
    assert told.returncode == 0, told.stdout
    with Api(read_kubeconfig(handle.kubeconfig)) as admin:
        for body in yaml.safe_load_all(told.stdout):
            where = body["metadata"].get("namespace")
            create(admin, kind=_KINDS[body["kind"]], namespace=where, body=body)
        job = wait_for(
            admin,
            kind=_KINDS["Job"],
            namespace=NAMESPACE,
            name="night",
            predicate=_has_ended,
            deadline=_JOB_SECONDS,
            what="Complete or Failed",
        )
        said = _logs(admin)
    print(said)
    ends = [each["type"] for each in job["status"]["conditions"] if each["status"] == "True"]
    assert "Complete" in ends, (job["status"], said[-6000:])
    return sorted((directory / "night").glob("*.zip"))


def _has_ended(job: dict[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions") or ()
    return any(
        each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions
    )


def _logs(admin: Api) -> str:
    pods = list_objects(admin, kind="pods", namespace=NAMESPACE)
    names = [
        pod["metadata"]["name"]
        for pod in pods
        if pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == "podresize"
    ]
    return "\n".join(
        f"{name}:\n{log_text(admin, namespace=NAMESPACE, pod=name, container='podresize')}"
        for name in names
    )


def checks(bundle: Path) -> set[str]:
    with zipfile.ZipFile(bundle) as files:
        lines = files.read("records.jsonl").splitlines()
    return {each["check"] for each in map(json.loads, lines) if each["type"] == "verdict"}


def test_each_pod_leaves_the_bundle_of_its_shard(bundles: list[Path]) -> None:
    names = [f"headline-{number}-of-{SHARDS}.zip" for number in range(1, SHARDS + 1)]

    assert [each.name for each in bundles] == names
    assert not set.intersection(*map(checks, bundles))
    for each in bundles:
        verified = podresize("verify", each)
        assert verified.returncode == 0, verified.stdout


def test_the_shards_are_merged_and_taken_into_a_history(
    bundles: list[Path], tmp_path: Path
) -> None:
    out, whole, history = tmp_path / "whole", tmp_path / "whole.zip", tmp_path / "history"

    for words in (
        ("merge", *bundles, "--out", out),
        ("bundle", out, whole),
        ("history", "add", whole, "--history", history),
        ("history", "report", "--history", history),
    ):
        done = podresize(*words)
        assert done.returncode == 0, (words, done.stdout)

    assert "the first run here" in done.stdout
    assert checks(whole) == set.union(*map(checks, bundles))
    with zipfile.ZipFile(whole) as files:
        records = [json.loads(line) for line in files.read("records.jsonl").splitlines()]
    verdicts = {each["verdict"] for each in records if each["type"] == "verdict"}
    assert "passed" in verdicts
    assert not verdicts & {"failed", "error"}
