"""A real cluster as a stranger has it: the manifest's rights, restricted pods, no node access."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.auditing import audited, rights_used
from tests.end_to_end.real_clusters import own_name, run_pod, workload
from tests.end_to_end.strangers import NAMESPACE, USER, apply, token_kubeconfig

from podresize.cluster.api import Api, ApiError
from podresize.cluster.delete import delete_pod
from podresize.cluster.exec import run
from podresize.cluster.get import get, list_objects
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.patch import PatchType, patch
from podresize.providers.kubeconfig.rights import (
    IN_A_NAMESPACE,
    OF_THE_CLUSTER,
    TO_MAKE_A_NAMESPACE,
)
from podresize.providers.local import provider
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

PODRESIZE = str(Path(sys.executable).parent / "podresize")
_ROLE = "rbac.authorization.k8s.io/v1/roles"
_RUN_SECONDS = 300.0
_ASKED_BESIDE = "create pods/exec"


class Stranger:
    """One cluster: the administrator's connection, and the kubeconfig of somebody else.

    ``log`` is what the apiserver says of the requests of that one, ``image`` one that the node has.
    """

    def __init__(self, admin: Api, kubeconfig: Path, log: Path, image: str) -> None:
        self.admin = admin
        self.image = image
        self.kubeconfig = kubeconfig
        self.log = log

    def run(self, *words: str, out: Path) -> subprocess.CompletedProcess[str]:
        command = [PODRESIZE, "run", *words, "--provider=kubeconfig", f"--out={out}"]
        return subprocess.run(
            [*command, f"--kubeconfig={self.kubeconfig}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules of the Role of the manifest."""
        role = get(self.admin, kind=_ROLE, namespace=NAMESPACE, name="podresize")
        rules: list[dict[str, Any]] = role["rules"]
        return rules

    def set_rules(self, rules: list[dict[str, Any]]) -> None:
        """Write other rules into the Role of the manifest."""
        patch(
            self.admin,
            kind=_ROLE,
            namespace=NAMESPACE,
            name="podresize",
            body={"rules": rules},
            patch_type=PatchType.MERGE,
        ).accepted()

    @property
    def things(self) -> set[str]:
        """The pods of the namespace, and every namespace that is not on its way out."""
        pods = list_objects(self.admin, kind="pods", namespace=NAMESPACE)
        spaces = list_objects(self.admin, kind="namespaces")
        return {
            f"{each.get('kind', '')}{each['metadata']['name']}"
            for each in [*pods, *spaces]
            if "deletionTimestamp" not in each["metadata"]
        }


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    name = own_name("stranger")
    directory = tmp_path_factory.mktemp("stranger")
    with pytest.MonkeyPatch.context() as monkeypatch:
        log = audited(monkeypatch, directory, user=USER)
        handle = provider.up(Target(kubernetes="1.37.2", containerd="2.1.4"), name=name)
    try:
        with Api(read_kubeconfig(handle.kubeconfig)) as admin:
            apply(admin)
            file = token_kubeconfig(handle.kubeconfig, admin, directory / "kubeconfig")
            yield Stranger(admin, file, log, handle.workload_image)
    finally:
        provider.down(name)


def restricted(name: str, image: str) -> dict[str, Any]:
    """Return a pod that the namespace's Pod Security takes."""
    user = {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}}
    body = workload(name, image=image, securityContext=user)
    confined = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    body["spec"]["containers"][0]["securityContext"] = confined
    return body


def records(out: Path, kind: str) -> list[dict[str, Any]]:
    lines = (out / "records.jsonl").read_text().splitlines()
    return [each for each in map(json.loads, lines) if each["type"] == kind]


def test_a_run_in_a_given_namespace(stranger: Stranger, tmp_path: Path) -> None:
    before = stranger.things

    done = stranger.run("--profile=headline", f"--namespace={NAMESPACE}", out=tmp_path)

    print(done.stdout[-6000:])
    assert done.returncode == 0
    verdicts = {each["verdict"] for each in records(tmp_path, "verdict")}
    assert "passed" in verdicts
    assert not verdicts & {"failed", "error", "deviation"}
    passed = {e["requirement"] for e in records(tmp_path, "verdict") if e["verdict"] == "passed"}
    assert {"ST-21", "KL-30", "KL-34"} <= passed
    unsupported = [each for each in records(tmp_path, "verdict") if each["requirement"] == "KL-32"]
    assert unsupported
    assert all("no node access" in each["reading"] for each in unsupported)
    (target,) = records(tmp_path, "target")
    assert target["fingerprint"]["view"] == "container"
    assert "read from inside the container" in target["target"]
    assert stranger.things == before


def test_what_was_seen_from_inside_is_on_record(stranger: Stranger, tmp_path: Path) -> None:
    done = stranger.run("KL-30", "--profile=headline", f"--namespace={NAMESPACE}", out=tmp_path)

    assert done.returncode == 0, done.stdout[-3000:]
    seen = {
        (item["witness"], item["subject"])
        for timeline in records(tmp_path, "timeline")
        for item in timeline["observations"]
    }
    assert {("kernel", "container/c1"), ("process", "container/c1")} <= seen
    assert not {witness for witness, _ in seen} & {"cri"}
    assert ("kernel", "pod") not in seen


def test_rights_that_are_missing_are_named_before_anything_is_made(
    stranger: Stranger, tmp_path: Path
) -> None:
    """Two of the Role's rules taken away, and no namespace given."""
    rules = stranger.rules
    kept = [each for each in rules if not {"pods/exec", "events"} & set(each["resources"])]
    before = stranger.things
    stranger.set_rules(kept)
    try:
        given = stranger.run("--profile=headline", f"--namespace={NAMESPACE}", out=tmp_path)
        made = stranger.run("--profile=headline", out=tmp_path)
    finally:
        stranger.set_rules(rules)

    for right in ("get pods/exec", "create pods/exec", "list events", "watch events"):
        assert f"{right} in namespace {NAMESPACE}" in given.stdout
    assert "create pods in" not in given.stdout
    assert "create namespaces" in made.stdout
    assert (given.returncode, made.returncode) == (2, 2)
    assert stranger.things == before


def test_a_runtime_class_that_is_not_there_is_one_message(
    stranger: Stranger, tmp_path: Path
) -> None:
    before = stranger.things

    done = stranger.run("KL-30", f"--namespace={NAMESPACE}", "--runtime-class=none", out=tmp_path)

    assert done.returncode == 2, done.stdout
    assert "the cluster has no such RuntimeClass" in done.stdout
    assert "none (from --runtime-class)" in done.stdout
    assert "Traceback" not in done.stdout
    assert stranger.things == before


def test_an_exec_takes_the_right_that_no_request_shows(stranger: Stranger) -> None:
    """From 1.35 on the apiserver asks for "create" beside the "get" of a websocket's request."""
    rules = stranger.rules
    kept = [
        each | {"verbs": ["get"]} if each["resources"] == ["pods/exec"] else each for each in rules
    ]
    stranger.set_rules(kept)
    pod = run_pod(stranger.admin, namespace=NAMESPACE, body=restricted("entered", stranger.image))
    where = {"namespace": NAMESPACE, "pod": "entered", "container": "main"}
    try:
        with Api(read_kubeconfig(stranger.kubeconfig)) as api, pytest.raises(ApiError) as refused:
            run(api, **where, command=["/probe", "--help"], deadline=9)
    finally:
        stranger.set_rules(rules)
        delete_pod(stranger.admin, namespace=NAMESPACE, name=pod["metadata"]["name"])

    assert refused.value.code == 403
    assert 'pods "entered" is forbidden' in refused.value.message


def test_every_right_of_the_manifests_is_used(stranger: Stranger, tmp_path: Path) -> None:
    """The core profile in a given namespace, then a little in one that the run makes itself.

    The last test: what it grants holds in every namespace.
    """
    apply(stranger.admin, "namespaces.yaml")
    given = stranger.run("--profile=core", f"--namespace={NAMESPACE}", out=tmp_path / "given")
    made = stranger.run("KL-30", "--profile=headline", out=tmp_path / "made")

    assert (given.returncode, made.returncode) == (0, 0), (given.stdout + made.stdout)[-5000:]
    granted = {str(each) for each in IN_A_NAMESPACE + OF_THE_CLUSTER + TO_MAKE_A_NAMESPACE}
    unused = granted - rights_used(stranger.log)
    print("unused:", unused)
    # An account that is there at the first look is not waited for.
    assert unused - {"watch serviceaccounts"} == {_ASKED_BESIDE}
