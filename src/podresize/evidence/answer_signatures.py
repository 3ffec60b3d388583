"""How a known departure looks in the answer of the apiserver."""

from __future__ import annotations

from podresize.evidence.case import Case


def no_answer_to_an_added_container(case: Case) -> str | None:
    """PD-30: more containers are asked for, nobody answers, and the pod stays as it was."""
    if case.answer.get("code") != 0:
        return "there was an answer"
    before = case.pods[0][1]["spec"]
    if any(pod["spec"] != before for _, pod in case.pods):
        return "the pod did not stay as it was"
    count = len(before["containers"])
    body = case.request.get("body")
    if isinstance(body, list):
        added = [item["path"] for item in body if item.get("op") in ("add", "copy")]
        adds = any(path in (f"/spec/containers/{count}", "/spec/containers/-") for path in added)
    else:
        adds = len((body or {}).get("spec", {}).get("containers") or ()) > count
    return None if adds else "no container was added"
