"""The objects of an Indexed Job that runs podresize on its own cluster."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import yaml

from podresize.errors import UsageError

NAMESPACE = "podresize"
"""That of manifests/kubeconfig/rbac.yaml, as its account is."""
_SETTINGS = "/etc/podresize"
KUBECONFIG = f"{_SETTINGS}/kubeconfig"
_MATRIX = f"{_SETTINGS}/matrix.toml"
BUNDLES = "/bundles"
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_WORK = "/tmp"
_NOBODY = 65535
# A label of the pods' names is made of it, with the index behind it.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """What a Job is made of: ``cells`` of ``matrix``, a text, each in ``shards`` parts.

    ``node_directory`` is the directory of the claim's volume, None where the claim is there.
    """

    cells: int
    matrix: str
    shards: int
    image: str
    name: str
    server: str
    parallelism: int
    claim: str
    node_directory: str | None = None


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, as a person would."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def job_yaml(options: JobOptions) -> str:
    """Return the objects as YAML. Raises ``UsageError`` for a name that cannot be one."""
    if not _NAME.fullmatch(options.name):
        raise UsageError(
            "a Job's name is of small letters, digits and dashes, at most 52",
            value=options.name,
            origin="--name",
            causes=("a typing error",),
            next_command="podresize job manifest --name nightly --image IMAGE",
        )
    return yaml.dump_all(job_objects(options), Dumper=_Dumper, sort_keys=False)


def job_objects(options: JobOptions) -> list[dict[str, Any]]:
    """Return what is to be created, in order."""
    volume = [] if options.node_directory is None else _volume(options, options.node_directory)
    return [*volume, _settings(options), _job(options)]


def _settings(options: JobOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": options.name, "namespace": NAMESPACE},
        "data": {
            "kubeconfig": yaml.safe_dump(_kubeconfig(options.server), sort_keys=False),
            "matrix.toml": options.matrix,
        },
    }


def _kubeconfig(server: str) -> dict[str, Any]:
    """Return a kubeconfig without a secret: authority and token are the pod's own account's."""
    cluster = {"server": server, "certificate-authority": f"{_ACCOUNT}/ca.crt"}
    context = {"cluster": "own", "user": "account", "namespace": NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "own",
        "clusters": [{"name": "own", "cluster": cluster}],
        "users": [{"name": "account", "user": {"tokenFile": f"{_ACCOUNT}/token"}}],
        "contexts": [{"name": "own", "context": context}],
    }


def _job(options: JobOptions) -> dict[str, Any]:
    parts = options.cells * options.shards
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": options.name, "namespace": NAMESPACE},
        "spec": {
            "completionMode": "Indexed",
            "completions": parts,
            "parallelism": min(options.parallelism, parts),
            # Of the whole Job: a pod fails where the harness does, and may be tried once more.
            "backoffLimit": parts,
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": "podresize"}},
                "spec": _pod(options),
            },
        },
    }


def _pod(options: JobOptions) -> dict[str, Any]:
    """Return a pod that meets the restricted Pod Security Standard, as the namespace asks."""
    directory = f"{BUNDLES}/{options.name}"
    words = [f"--matrix={_MATRIX}", f"--shards={options.shards}", f"--bundles={directory}"]
    container = {
        "name": "podresize",
        "image": options.image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["job", "index", *words],
        "workingDir": _WORK,
        "env": [{"name": "HOME", "value": _WORK}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "512Mi"},
            "limits": {"memory": "2Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "settings", "mountPath": _SETTINGS, "readOnly": True},
            {"name": "bundles", "mountPath": BUNDLES},
            # reports/out of the run, and what pytest keeps.
            {"name": "work", "mountPath": _WORK},
        ],
    }
    return {
        "serviceAccountName": "podresize",
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "fsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "settings", "configMap": {"name": options.name}},
            {"name": "bundles", "persistentVolumeClaim": {"claimName": options.claim}},
            {"name": "work", "emptyDir": {}},
        ],
    }


def _volume(options: JobOptions, directory: str) -> list[dict[str, Any]]:
    name = f"{NAMESPACE}-{options.claim}"
    shared: dict[str, Any] = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                **shared,
                "capacity": {"storage": "1Gi"},
                "hostPath": {"path": directory, "type": "Directory"},
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {"namespace": NAMESPACE, "name": options.claim},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": options.claim, "namespace": NAMESPACE},
            "spec": {
                **shared,
                "volumeName": name,
                "resources": {"requests": {"storage": "1Gi"}},
            },
        },
    ]
