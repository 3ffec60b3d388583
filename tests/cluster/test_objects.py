"""Objects of files: where they go, and what is no such file."""

from __future__ import annotations

from pathlib import Path

import pytest

from podresize.cluster.objects import collection_path, read_objects
from podresize.errors import UsageError


@pytest.mark.parametrize(
    ("version", "kind", "path"),
    [
        ("v1", "Namespace", "/api/v1/namespaces"),
        (
            "admissionregistration.k8s.io/v1",
            "MutatingAdmissionPolicy",
            "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
        ),
        ("node.k8s.io/v1", "RuntimeClass", "/apis/node.k8s.io/v1/runtimeclasses"),
    ],
)
def test_a_kind_is_found_by_its_plural(version: str, kind: str, path: str) -> None:
    assert collection_path({"apiVersion": version, "kind": kind}) == path


def test_a_file_holds_several(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    one = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"
    file.write_text(f"---\n{one}---\n{one}---\n")

    assert [each["kind"] for each in read_objects(file)] == ["Namespace", "Namespace"]


@pytest.mark.parametrize("text", [None, "", "just: words", "- a list", "{", "kind: [Namespace"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "none.yaml"
    if text is not None:
        file.write_text(text)

    with pytest.raises(UsageError, match="manifest cannot be read") as error:
        read_objects(file)

    assert str(file) in str(error.value)
