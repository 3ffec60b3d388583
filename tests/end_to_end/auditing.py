"""Which rights a user really used, by the apiserver's own audit log."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

import pytest

from podresize.artifacts.artifact import Artifact, Component
from podresize.providers.local import provider

_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - level: Metadata
    users: [{user}]
    omitStages: [RequestReceived, ResponseStarted]
  - level: None
"""


def audited(monkeypatch: pytest.MonkeyPatch, directory: Path, *, user: str) -> Path:
    """Have the next local clusters of this process audit a user; return the log's path.

    The apiserver is started through a script with two flags more.
    """
    policy, log = directory / "policy.yaml", directory / "audit.log"
    policy.write_text(_POLICY.format(user=json.dumps(user)))
    gather = provider.gather

    def with_audit(*arguments: object, **options: object) -> list[Artifact]:
        found = gather(*arguments, **options)  # type: ignore[arg-type]  # passed through
        return [
            _wrapped(each, directory, policy=policy, log=log)
            if each.component is Component.KUBERNETES
            else each
            for each in found
        ]

    monkeypatch.setattr(provider, "gather", with_audit)
    return log


def _wrapped(artifact: Artifact, directory: Path, *, policy: Path, log: Path) -> Artifact:
    program = artifact.files["kube-apiserver"]
    script = directory / "kube-apiserver"
    flags = f"--audit-policy-file={policy} --audit-log-path={log}"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@" {flags}\n')
    script.chmod(0o755)
    # The last of them: what the cluster sees of the cache is found by the first.
    others = {name: path for name, path in artifact.files.items() if path != program}
    return dataclasses.replace(artifact, files=others | {"kube-apiserver": script})


def rights_used(log: Path) -> set[str]:
    """Return ``verb resource/subresource`` of each request that was allowed."""
    used = set()
    for line in log.read_text().splitlines():
        event = json.loads(line)
        what = event.get("objectRef")
        allowed = event.get("annotations", {}).get("authorization.k8s.io/decision") == "allow"
        if what is None or not allowed:
            continue
        subresource = what.get("subresource")
        used.add(f"{event['verb']} {what['resource']}" + (f"/{subresource}" if subresource else ""))
    return used
