"""The answer is what the server sent; a refusal is told apart from no answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podresize.cluster.api import Api, ApiError, ApiUnreachableError, resource_path
from podresize.cluster.create import create, create_namespace, try_create
from podresize.cluster.delete import delete, delete_namespace, delete_pod
from podresize.cluster.get import get, get_or_none, get_text, list_objects
from podresize.cluster.kubeconfig import Connection
from podresize.cluster.patch import PatchType, patch
from podresize.cluster.replace import replace
from podresize.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster.conftest import FakeApiServer, Reply

POD = "/api/v1/namespaces/ns/pods/p"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"kind": "pods", "namespace": "ns"}, "/api/v1/namespaces/ns/pods"),
        ({"kind": "nodes", "name": "n"}, "/api/v1/nodes/n"),
        (
            {"kind": "pods", "namespace": "ns", "name": "p", "subresource": "resize"},
            "/api/v1/namespaces/ns/pods/p/resize",
        ),
        (
            {"kind": "nodes", "name": "n", "subresource": "proxy/configz"},
            "/api/v1/nodes/n/proxy/configz",
        ),
        (
            {"kind": "apps/v1/deployments", "namespace": "ns", "name": "d"},
            "/apis/apps/v1/namespaces/ns/deployments/d",
        ),
        (
            {"kind": "pods", "namespace": "ns", "name": "a/b?"},
            "/api/v1/namespaces/ns/pods/a%2Fb%3F",
        ),
    ],
)
def test_paths(arguments: dict[str, str], path: str) -> None:
    assert resource_path(**arguments) == path


def test_get_returns_unknown_fields_too(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    body = {"kind": "Pod", "metadata": {"name": "p"}, "status": {"aFieldOfTheFuture": [1]}}
    server.on("GET", POD, reply(body=body))
    assert get(api, kind="pods", namespace="ns", name="p") == body


def test_a_refused_get_raises_with_the_whole_status(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    server.on("GET", POD, reply(code=403, body=refusal(403, "Forbidden", "not you", name="p")))
    with pytest.raises(ApiError, match=r"GET .*/pods/p: 403 Forbidden: not you") as caught:
        get(api, kind="pods", namespace="ns", name="p")
    error = caught.value
    assert (error.code, error.reason, error.message) == (403, "Forbidden", "not you")
    assert error.details == {"name": "p"}
    assert isinstance(error, HarnessError)


def test_only_404_is_none(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    assert get_or_none(api, kind="pods", namespace="ns", name="p") is None
    server.on("GET", POD, reply(code=500, body=refusal(500, "InternalError", "etcd")))
    with pytest.raises(ApiError, match="etcd"):
        get_or_none(api, kind="pods", namespace="ns", name="p")


def test_plain_text_refusals_are_kept(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    server.on("GET", "/metrics", reply(code=503, body=b"not ready\n"))
    with pytest.raises(ApiError, match="503 : not ready"):
        get_text(api, path="/metrics")


def test_lists_carry_kinds_and_selectors(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    items = [{"metadata": {"name": "a"}}]
    body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}
    server.on("GET", "/api/v1/pods", reply(body=body))
    found = list_objects(api, kind="pods", label_selector="a=b", field_selector="x=y")
    assert found == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}]
    assert server.requests[0].query == {"labelSelector": "a=b", "fieldSelector": "x=y"}


def test_a_refused_patch_is_an_answer(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    causes = [{"field": "spec", "message": "no"}]
    body = refusal(422, "Invalid", "Pod is invalid", causes=causes)
    server.on("PATCH", f"{POD}/resize", reply(code=422, body=body))
    change = {"spec": {"containers": [{"name": "c"}]}}
    answer = patch(api, kind="pods", namespace="ns", name="p", subresource="resize", body=change)
    assert (answer.code, answer.ok, answer.reason) == (422, False, "Invalid")
    assert answer.message == "Pod is invalid"
    assert answer.details == {"causes": causes}
    assert answer.body == body
    sent = server.requests[0]
    assert json.loads(sent.body) == change
    assert sent.headers["content-type"] == "application/strategic-merge-patch+json"


@pytest.mark.parametrize(
    ("patch_type", "body", "content_type"),
    [
        (PatchType.MERGE, {"a": 1}, "application/merge-patch+json"),
        (PatchType.JSON, [{"op": "test", "path": "/a", "value": 1}], "application/json-patch+json"),
        (PatchType.APPLY, {"a": 1}, "application/apply-patch+yaml"),
    ],
)
def test_patch_types(
    server: FakeApiServer,
    api: Api,
    reply: type[Reply],
    patch_type: PatchType,
    body: Any,
    content_type: str,
) -> None:
    server.on("PATCH", POD, reply(body={"kind": "Pod"}))
    answer = patch(
        api,
        kind="pods",
        namespace="ns",
        name="p",
        body=body,
        patch_type=patch_type,
        field_manager="me",
        force=patch_type is PatchType.APPLY,
        dry_run=True,
    )
    assert answer.accepted() == {"kind": "Pod"}
    assert (answer.reason, answer.message, answer.details) == ("", "", {})
    sent = server.requests[0]
    assert sent.headers["content-type"] == content_type
    expected = {"fieldManager": "me", "dryRun": "All"}
    assert sent.query == expected | ({"force": "true"} if patch_type is PatchType.APPLY else {})


def test_patches_that_cannot_be_are_refused_before_they_are_sent(api: Api) -> None:
    with pytest.raises(ValueError, match="JSON patch cannot be a dict"):
        patch(api, kind="pods", name="p", body={}, patch_type=PatchType.JSON)
    with pytest.raises(ValueError, match="field_manager"):
        patch(api, kind="pods", name="p", body={}, patch_type=PatchType.APPLY)


def test_create_replace_and_delete(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    server.on("POST", "/api/v1/namespaces", reply(code=201, body={"kind": "Namespace"}))
    assert create_namespace(api, name="ns", labels={"run": "1"}) == {"kind": "Namespace"}
    assert json.loads(server.requests[-1].body)["metadata"]["labels"] == {"run": "1"}
    exceeded = refusal(403, "Forbidden", "exceeded quota")
    server.on("POST", "/api/v1/namespaces/ns/pods", reply(code=403, body=exceeded))
    assert try_create(api, kind="pods", namespace="ns", body={}).message == "exceeded quota"
    with pytest.raises(ApiError, match="exceeded quota"):
        create(api, kind="pods", namespace="ns", body={})
    server.on("PUT", POD, reply(code=409, body=refusal(409, "Conflict", "changed")))
    assert replace(api, kind="pods", namespace="ns", name="p", body={}).reason == "Conflict"
    server.on("DELETE", POD, reply(body={"kind": "Pod"}))
    assert delete_pod(api, namespace="ns", name="p", grace_seconds=0) == {"kind": "Pod"}
    options = json.loads(server.requests[-1].body)
    assert (options["propagationPolicy"], options["gracePeriodSeconds"]) == ("Background", 0)
    delete(api, kind="pods", namespace="ns", name="p", uid="u1")
    assert json.loads(server.requests[-1].body)["preconditions"] == {"uid": "u1"}
    assert delete_namespace(api, name="gone") is None


def test_no_answer_is_an_error_of_its_own(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", POD, reply(parts=(server.hold,)))
    with pytest.raises(ApiUnreachableError, match="no answer") as caught:
        api.request("GET", path=POD, timeout=0.1)
    assert "ReadTimeout" in str(caught.value)
    assert len(server.requests) == 1  # nothing is sent twice


def test_connections_are_kept(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    server.on("GET", POD, reply(body={}))
    for _ in range(5):
        get(api, kind="pods", namespace="ns", name="p")
    assert server.connections == 1


def test_a_servers_base_path_and_token_go_with_every_request(
    server: FakeApiServer, reply: type[Reply]
) -> None:
    server.on("GET", f"/k8s/c1{POD}", reply(body={"ok": 1}))
    connection = Connection(server=f"{server.url}/k8s/c1", headers={"Authorization": "Bearer t"})
    with Api(connection) as api:
        assert get(api, kind="pods", namespace="ns", name="p") == {"ok": 1}
    assert server.requests[0].headers["authorization"] == "Bearer t"
