"""The manifests grant what a run asks for, no more and no less; what is missing is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from podresize.cluster.api import Answer
from podresize.cluster.rights import Right
from podresize.errors import HostError
from podresize.manifests import manifests
from podresize.providers.kubeconfig import rights

ALL = rights.IN_A_NAMESPACE + rights.OF_THE_CLUSTER


def granted(name: str, kind: str) -> list[tuple[str, str]]:
    """Return the (verb, resource) pairs of every role of that kind in a manifest."""
    documents = yaml.safe_load_all((manifests("kubeconfig") / name).read_text())
    return [
        (verb, resource)
        for each in documents
        if each["kind"] == kind
        for rule in each["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def pairs(*wanted: Right) -> set[tuple[str, str]]:
    return {(right.verb, str(right).partition(" ")[2]) for right in wanted}


class Reviewer:
    """Answers SelfSubjectAccessReviews; refuses the rights in ``lacking``; knows nothing else."""

    def __init__(self, *lacking: Right) -> None:
        self.lacking = pairs(*lacking)
        self.asked: list[str] = []

    def request(self, method: str, *, path: str, body: Any, user: str | None = None) -> Answer:
        assert user is None
        assert (method, path.rpartition("/")[2]) == ("POST", "selfsubjectaccessreviews")
        asked = body["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, [asked["resource"], asked["subresource"]]))
        allowed = (asked["verb"], resource) not in self.lacking
        self.asked.append(f"{asked['verb']} {resource}")
        return Answer(code=201, body={"status": {"allowed": allowed}}, text="", request="POST")


def check(api: Reviewer, *, makes_it: bool = False) -> None:
    rights.check_rights(
        api,  # type: ignore[arg-type]  # what is asked of an Api here, and no more
        namespace="theirs",
        makes_it=makes_it,
        kubeconfig=Path("/k"),
    )


def test_the_role_grants_the_rights_of_a_run_and_no_other() -> None:
    found = granted("rbac.yaml", "Role")

    assert set(found) == pairs(*rights.IN_A_NAMESPACE)
    assert len(found) == len(rights.IN_A_NAMESPACE)


def test_of_the_cluster_it_grants_to_read_a_node() -> None:
    assert set(granted("rbac.yaml", "ClusterRole")) == pairs(*rights.OF_THE_CLUSTER)


def test_a_namespace_of_its_own_takes_those_of_the_other_manifest() -> None:
    wanted = pairs(*rights.IN_A_NAMESPACE, *rights.TO_MAKE_A_NAMESPACE)

    assert set(granted("namespaces.yaml", "ClusterRole")) == wanted


@pytest.mark.parametrize("lacking", ALL, ids=str)
def test_each_right_that_is_taken_away_is_named(lacking: Right) -> None:
    with pytest.raises(HostError) as raised:
        check(Reviewer(lacking))

    lines = [line.strip() for line in raised.value.what.splitlines()]
    where = " in namespace theirs" if lacking.namespaced else ""
    assert lines[1:] == [f"{lacking}{where}"]


def test_all_that_are_missing_are_named_at_once() -> None:
    with pytest.raises(HostError) as raised:
        check(Reviewer(*ALL))

    assert len(raised.value.what.splitlines()) == 1 + len(ALL)


def test_with_every_right_nothing_is_said_and_each_was_asked_for() -> None:
    api = Reviewer()

    check(api)

    assert api.asked == [str(right) for right in ALL]


def test_to_make_a_namespace_takes_more() -> None:
    with pytest.raises(HostError, match="create namespaces"):
        check(Reviewer(*rights.TO_MAKE_A_NAMESPACE), makes_it=True)
