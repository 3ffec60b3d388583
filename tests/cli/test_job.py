"""``podresize job``: which part is a pod's, what it calls, and the objects of the Job."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from podresize.cli.matrix_file import Cell
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.errors import UsageError
from podresize.manifests import manifests
from podresize.requirements.shard import Shard

# The package has a command of this name in the place of its module.
module = importlib.import_module("podresize.cli.job")
MATRIX = """
[[cell]]
name = "core"
command = ["run", "--provider=kubeconfig", "--profile=core"]
[[cell]]
name = "gvisor"
command = ["run", "--provider=kubeconfig", "--runtime-class=gvisor", "--namespace=other"]
"""


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    place = tmp_path / "matrix.toml"
    place.write_text(MATRIX)
    return place


def invoke(*words: object) -> Result:
    return CliRunner().invoke(module.job, [str(word) for word in words], catch_exceptions=False)


def objects(matrix: Path, *words: str) -> dict[str, Any]:
    told = invoke("manifest", f"--matrix={matrix}", "--image=registry/podresize:1", *words)
    assert told.exit_code == 0
    return {each["kind"]: each for each in yaml.safe_load_all(told.output)}


def test_every_part_of_every_cell_is_one_index(matrix: Path) -> None:
    cells = module.read_cells(matrix)
    parts = [module.part_of(number, cells, 3) for number in range(6)]

    assert [(cell.name, str(shard)) for cell, shard in parts] == [
        *(("core", "1/3"), ("core", "2/3"), ("core", "3/3")),
        *(("gvisor", "1/3"), ("gvisor", "2/3"), ("gvisor", "3/3")),
    ]
    with pytest.raises(UsageError, match="no part of that index"):
        module.part_of(6, cells, 3)
    assert objects(matrix, "--shards=3")["Job"]["spec"]["completions"] == 6


@pytest.mark.parametrize("text", ["", "-1", "one", "1.0", "²"])
def test_without_an_index_of_kubernetes_nothing_is_run(text: str) -> None:
    with pytest.raises(UsageError, match="no pod of an Indexed Job"):
        module.index_of({module.INDEX: text})


def test_a_part_is_a_run_of_its_shard_with_the_rights_of_the_pod(matrix: Path) -> None:
    core, other = module.read_cells(matrix)

    words = module.command_of(core, Shard(2, 3), Path("/bundles/x.zip"))

    assert words[:3] == list(core.command)
    assert set(words[3:]) == {
        "--kubeconfig=/etc/podresize/kubeconfig",
        "--bundle=/bundles/x.zip",
        "--namespace=podresize",
        "--shard=2/3",
    }
    whole = module.command_of(other, Shard(1, 1), Path("/bundles/x.zip"))
    assert not [word for word in whole if word.startswith("--shard")]
    assert [word for word in whole if word.startswith("--namespace")] == ["--namespace=other"]


@pytest.mark.parametrize(
    ("code", "is_written", "exit_code"),
    [(0, True, 0), (1, True, 0), (3, False, 3), (2, False, 2), (130, True, 130)],
)
def test_a_pod_fails_where_there_is_no_bundle(
    matrix: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    is_written: bool,
    exit_code: int,
) -> None:
    called: list[Sequence[str]] = []

    def call(command: Sequence[str]) -> int:
        called.append(command)
        if is_written:
            (tmp_path / "core-2-of-2.zip").touch()
        return code

    monkeypatch.setattr(module, "_call", call)
    monkeypatch.setenv(module.INDEX, "1")

    done = invoke("index", f"--matrix={matrix}", "--shards=2", f"--bundles={tmp_path}")

    assert done.exit_code == exit_code
    assert "--shard=2/2" in called[0]
    assert f"--bundle={tmp_path / 'core-2-of-2.zip'}" in called[0]


def test_a_part_whose_bundle_is_there_is_not_run_again(
    matrix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_call", lambda _: pytest.fail("it was run"))
    monkeypatch.setenv(module.INDEX, "0")
    (tmp_path / "core-1-of-1.zip").touch()

    done = invoke("index", f"--matrix={matrix}", f"--bundles={tmp_path}")

    assert (done.exit_code, "is there already" in done.output) == (0, True)


def test_the_job_is_indexed_and_a_pod_knows_its_matrix(matrix: Path) -> None:
    found = objects(matrix, "--shards=2", "--name=night", "--parallelism=9")
    spec = found["Job"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]

    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
    assert container["args"] == [
        *("job", "index", "--matrix=/etc/podresize/matrix.toml"),
        *("--shards=2", "--bundles=/bundles/night"),
    ]
    assert found["ConfigMap"]["data"]["matrix.toml"] == MATRIX
    mounts = {each["name"] for each in container["volumeMounts"]}
    assert mounts == {each["name"] for each in spec["template"]["spec"]["volumes"]}


def test_the_words_of_a_pod_are_those_of_the_command(
    matrix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the manifest writes is put to the command itself, its paths moved to where they are."""
    (container,) = objects(matrix)["Job"]["spec"]["template"]["spec"]["containers"]
    called: list[Sequence[str]] = []

    def call(command: Sequence[str]) -> int:
        called.append(command)
        return 3

    monkeypatch.setattr(module, "_call", call)
    monkeypatch.setenv(module.INDEX, "1")
    moved = {"/etc/podresize": str(matrix.parent), "/bundles": str(tmp_path)}
    words = container["args"][1:]
    for place, own in moved.items():
        words = [word.replace(place, own) for word in words]

    assert invoke(*words).exit_code == 3
    assert called[0][:2] == ["run", "--provider=kubeconfig"]


def test_the_pod_meets_the_restricted_standard_with_the_account_of_the_rights(
    matrix: Path,
) -> None:
    pod = objects(matrix)["Job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    rights = yaml.safe_load_all((manifests("kubeconfig") / "rbac.yaml").read_text())
    (account,) = [each["metadata"] for each in rights if each["kind"] == "ServiceAccount"]

    assert pod["serviceAccountName"] == account["name"]
    assert objects(matrix)["Job"]["metadata"]["namespace"] == account["namespace"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    # The standard allows these kinds of volumes and no directory of the node.
    kinds = {kind for each in pod["volumes"] for kind in each if kind != "name"}
    assert kinds == {"configMap", "persistentVolumeClaim", "emptyDir"}


def test_the_kubeconfig_of_a_pod_can_be_read_and_holds_no_secret(
    matrix: Path, tmp_path: Path
) -> None:
    data = objects(matrix, "--server=http://198.18.0.2:6443")["ConfigMap"]["data"]
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert f"tokenFile: {account}/token" in data["kubeconfig"]
    (tmp_path / "token").write_text("of the account\n")
    own = tmp_path / "kubeconfig"
    own.write_text(data["kubeconfig"].replace(account, str(tmp_path)))

    found = read_kubeconfig(own)

    assert (found.server, found.namespace) == ("http://198.18.0.2:6443", "podresize")
    assert found.headers == {"Authorization": "Bearer of the account"}


def test_a_directory_of_the_node_becomes_the_claim_s_own_volume(matrix: Path) -> None:
    assert "PersistentVolumeClaim" not in objects(matrix)
    found = objects(matrix, "--node-directory=/srv/bundles", "--claim=mine")
    volume, claim = found["PersistentVolume"], found["PersistentVolumeClaim"]

    assert volume["spec"]["hostPath"]["path"] == "/srv/bundles"
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["claimRef"] == {"namespace": "podresize", "name": "mine"}
    pod = found["Job"]["spec"]["template"]["spec"]
    assert {"claimName": "mine"} in [each.get("persistentVolumeClaim") for each in pod["volumes"]]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["run", "--profile=core"], "lacks --provider=kubeconfig"),
        (["certify-runtime"], "a pod can run no cluster"),
        (["run", "--provider=kubeconfig", "--shard=1/2"], "gives x its own: --shard=1/2"),
        (["run", "--provider=kubeconfig", "--kubeconfig=f"], "gives x its own: --kubeconfig=f"),
    ],
)
def test_a_cell_that_no_pod_can_run_is_refused(
    tmp_path: Path, command: list[str], why: str
) -> None:
    place = tmp_path / "m"
    place.write_text(f'[[cell]]\nname = "x"\ncommand = {command}\n')

    with pytest.raises(UsageError) as error:
        invoke("manifest", f"--matrix={place}", "--image=x")
    assert why in str(error.value)


@pytest.mark.parametrize("name", ["Night", "a_b", "-a", "a" * 60, ""])
def test_a_name_that_kubernetes_does_not_take_is_refused(matrix: Path, name: str) -> None:
    with pytest.raises(UsageError, match="a Job's name"):
        objects(matrix, f"--name={name}")


def test_the_matrix_that_podresize_brings_can_be_a_job() -> None:
    (core,) = module.read_cells(manifests("job-matrix.toml"))

    assert isinstance(core, Cell)
    assert core.name == "core"
