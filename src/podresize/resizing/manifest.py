"""A pod of the user's own, from a manifest: read, and refused early when it cannot be resized.

What the apiserver would refuse anyway is told before a pod is made for it, with the reason that the
version gives (KEP-1287; the rules are the oracle's).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from podresize.errors import UsageError
from podresize.oracle.admission import V1_32, V1_35, qos_class
from podresize.oracle.resources import normalised
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

_NEXT = "kubectl create --dry-run=server -f {path}"


def read_manifest(path: Path, fingerprint: Fingerprint) -> dict[str, Any]:
    """Return the pod of a YAML or JSON file.

    Raises ``UsageError`` when the file cannot be read, holds something else than one Pod, or holds
    a pod that this target cannot resize.
    """
    try:
        documents = [each for each in yaml.safe_load_all(path.read_text("utf-8")) if each]
    except OSError as error:
        raise _refusal(path, f"it cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _refusal(path, f"it is not YAML: {' '.join(str(error).split())}") from error
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise _refusal(path, f"it holds {len(documents)} objects, expected one Pod")
    pod: dict[str, Any] = documents[0]
    if pod.get("kind") != "Pod":
        raise _refusal(path, f"it holds a {pod.get('kind') or 'object without a kind'}, not a Pod")
    reason = why_not_resizable(pod, fingerprint)
    if reason is not None:
        raise _refusal(path, reason)
    return pod


def why_not_resizable(pod: dict[str, Any], fingerprint: Fingerprint) -> str | None:
    """Return why no change of resources of this pod can be accepted on the target, or None."""
    spec = pod.get("spec")
    version = parse_release(fingerprint.kubernetes)
    if not isinstance(spec, dict) or not spec.get("containers"):
        return "it has no containers"
    if (spec.get("os") or {}).get("name") == "windows":
        return "windows pods cannot be resized (API-27)"
    if "kubernetes.io/config.mirror" in (pod.get("metadata") or {}).get("annotations", {}):
        return "static pods cannot be resized (API-26)"
    if spec.get("resources") and V1_32 <= version < V1_35:
        return f"Kubernetes {fingerprint.kubernetes} resizes no pod with pod-level resources"
    everyone = [*spec["containers"], *(spec.get("initContainers") or ())]
    if not spec.get("resources") and qos_class(
        [normalised(item.get("resources")) for item in everyone]
    ) == ("BestEffort"):
        return (
            "it is BestEffort: any request or limit of cpu or memory would change its QoS class, "
            "which a resize may not (API-20)"
        )
    return None


def _refusal(path: Path, reason: str) -> UsageError:
    return UsageError(
        "this manifest holds no pod that could be resized",
        value=str(path),
        origin="the manifest",
        causes=(reason,),
        next_command=_NEXT.format(path=path),
    )
