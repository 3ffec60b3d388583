"""What a failure says, in this order: requirement, fault, witnesses, reading, what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from podresize.requirements.model import PutTo, Requirement
from podresize.requirements.versions import describe_range

_WIDTH = 100
_LABELS = {"api": "API", "cri": "CRI", "spec": "OCI spec", "oci": "OCI runtime", "kernel": "cgroup"}


def failure_text(
    requirement: Requirement,
    *,
    faults: Sequence[str],
    witnesses: dict[str, str],
    reading: str,
    again: str,
    evidence: str,
) -> str:
    """Return the five-part text of one failed judgement, several lines without a final break.

    ``faults`` has one line per fault (what is, what was expected); ``again`` is a command that can
    be pasted; ``evidence`` names where the timeline is.
    """
    title = f"{requirement.id} ({requirement.level}) {requirement.title}"
    source = requirement.clause
    if requirement.put_to is PutTo.CLUSTER:
        source += f"; Kubernetes {describe_range(requirement.versions)}"
    gap = " " * max(3, _WIDTH - len(title) - len(source))
    said = "   ".join(
        f"{_LABELS.get(name, name)} {phrase}" for name, phrase in witnesses.items() if phrase
    )
    lines = [f"{title}{gap}{source}"]
    lines += [f"  {fault}" for fault in faults]
    lines.append(f"  witnesses: {said or 'none was heard'}")
    lines.append(f"  reading: {reading}")
    lines.append(f"  again: {again}   evidence: {evidence}")
    return "\n".join(lines)
