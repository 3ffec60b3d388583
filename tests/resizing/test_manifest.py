"""A pod of the user's own: what cannot be resized is refused before it is made."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests import targets

from podresize.errors import UsageError
from podresize.resizing.manifest import read_manifest

TARGET = dataclasses.replace(
    targets.TARGET, kubernetes="1.33.4", kubelet="1.33.4", runtime_version="2.1.4"
)
GOOD = """
apiVersion: v1
kind: Pod
metadata: {name: mine}
spec:
  containers: [{name: c, image: i, resources: {requests: {cpu: 100m}}}]
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not YAML"),
        ("", "0 objects"),
        (GOOD + "---" + GOOD, "2 objects"),
        ("[1]", "1 objects"),
        (GOOD.replace("kind: Pod", "kind: Deployment"), "a Deployment, not a Pod"),
        (GOOD.replace("kind: Pod", ""), "without a kind"),
        ("kind: Pod", "no containers"),
        (GOOD.replace("{requests: {cpu: 100m}}", "{}"), "BestEffort"),
        (GOOD + "  os: {name: windows}", "windows"),
        (GOOD + "  resources: {requests: {cpu: 1}}", "pod-level"),
        (
            GOOD.replace(
                "{name: mine}", '{name: m, annotations: {"kubernetes.io/config.mirror": x}}'
            ),
            "static",
        ),
    ],
)
def test_what_cannot_be_resized_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(text)

    with pytest.raises(UsageError) as caught:
        read_manifest(path, TARGET)

    assert any(reason in cause for cause in caught.value.causes)
    assert caught.value.value == str(path)
    assert caught.value.next_command


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no pod that could be resized"):
        read_manifest(tmp_path / "absent.yaml", TARGET)


def test_a_good_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(GOOD)

    assert read_manifest(path, TARGET)["metadata"]["name"] == "mine"


def test_pod_level_resources_are_fine_where_the_version_resizes_them(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(GOOD + "  resources: {requests: {cpu: 1}}")

    assert read_manifest(path, dataclasses.replace(TARGET, kubernetes="1.37.2"))
