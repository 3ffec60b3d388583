"""Sending one request for a change, in any form, and recording question and answer."""

from __future__ import annotations

import dataclasses
from typing import Any

from podresize.cluster.api import Answer, Api, ApiUnreachableError
from podresize.cluster.patch import PatchType, patch
from podresize.cluster.replace import replace
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change
from podresize.oracle.edit import Edit, Form, body
from podresize.oracle.model import POD

_PATCH_TYPES = {
    Form.STRATEGIC: PatchType.STRATEGIC,
    Form.MERGE: PatchType.MERGE,
    Form.JSON: PatchType.JSON,
    Form.APPLY: PatchType.APPLY,
}
FIELD_MANAGER = "podresize"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a change is asked for.

    ``endpoint`` is ``pods`` or ``pods/resize``, None for the one where this version takes a resize.
    ``resource_version`` is put into the body, as a guard against other writers; ``user`` is
    impersonated.
    """

    form: Form = Form.STRATEGIC
    endpoint: str | None = None
    dry_run: bool = False
    resource_version: str | None = None
    user: str | None = None


def ask(
    api: Api,
    pod: dict[str, Any],
    change: Change | Edit,
    how: How,
    *,
    endpoint: str,
    recorder: Recorder,
) -> Answer:
    """Send the request once, and record it and its answer. ``endpoint`` is that of the version.

    When the connection ended without an answer, the one returned has the code 0.
    """
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    subresource = (how.endpoint or endpoint).partition("/")[2] or None
    wanted = body(pod, change, how.form)
    if isinstance(wanted, dict):
        if how.resource_version is not None:
            wanted["metadata"] = wanted.get("metadata", {}) | {
                "resourceVersion": how.resource_version
            }
        elif how.form is Form.PUT:
            # The kubelet writes the status at any moment: without a version the last writer wins.
            wanted["metadata"].pop("resourceVersion", None)
    elif how.resource_version is not None:
        path = "/metadata/resourceVersion"
        wanted = [{"op": "replace", "path": path, "value": how.resource_version}, *wanted]
    request = {
        "method": "PUT" if how.form is Form.PUT else "PATCH",
        "path": f"/api/v1/namespaces/{namespace}/pods/{name}"
        + (f"/{subresource}" if subresource else ""),
        "form": str(how.form),
        "dry_run": how.dry_run,
        "user": how.user,
        "body": wanted,
    }
    recorder.observe(Witness.CLIENT, POD, {"request": request})
    try:
        if how.form is Form.PUT:
            assert isinstance(wanted, dict)
            answer = replace(
                api,
                kind="pods",
                namespace=namespace,
                name=name,
                body=wanted,
                subresource=subresource,
                dry_run=how.dry_run,
                user=how.user,
            )
        else:
            answer = patch(
                api,
                kind="pods",
                namespace=namespace,
                name=name,
                body=wanted,
                subresource=subresource,
                patch_type=_PATCH_TYPES[how.form],
                field_manager=FIELD_MANAGER if how.form is Form.APPLY else None,
                # The fields belong to whoever created the pod.
                force=how.form is Form.APPLY,
                dry_run=how.dry_run,
                user=how.user,
            )
    except ApiUnreachableError as error:
        # An apiserver that breaks while it handles the request hangs up and lives on: that is an
        # answer of a kind. One that is gone is told by the next request.
        answer = Answer(
            code=0, body={}, text=f"no answer: {error.value}", request=str(request["path"])
        )
    recorder.observe(Witness.CLIENT, POD, {"request": request, "answer": answer_data(answer)})
    return answer


def answer_data(answer: Answer) -> dict[str, Any]:
    """Return an answer as a timeline has it; ``spec`` is what it says the pod will be."""
    data: dict[str, Any] = {
        "code": answer.code,
        "message": answer.message,
        "reason": answer.reason,
        "causes": answer.details.get("causes") or [],
    }
    if answer.ok and "spec" in answer.body:
        data["spec"] = answer.body["spec"]
    return data
