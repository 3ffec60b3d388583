"""A deviation explains claims only where each of them is one that it shows."""

from __future__ import annotations

import dataclasses

import pytest
from tests.oracle.test_container_update import V1

from podresize.errors import UsageError
from podresize.evidence.claim_signatures import explanation
from podresize.evidence.claims import Claim
from podresize.requirements.loader import Catalogue, parse_catalogue

REQUIREMENT = """
- id: RT-11
  put_to: runtime
  level: MUST
  title: reports
  text: reports
  clause: CRI
  source: CRI
  profiles: [runtime]
"""
DEVIATION = """
- id: C-90
  title: reports nothing
  explains: [RT-11]
  affects:
    - runtime: containerd
      runtime_versions: "<1.6.9"
    - oci_runtime: crun
      cgroup_version: 1
  shows:
    - what: ".* in the runtime's ContainerStatus"
      got: "null"
  source: here
  reading: it reports nothing
  no_check: a test
"""
SILENT = Claim(
    requirement="RT-11", what="cpu_shares in the runtime's ContainerStatus", got=None, want=5
)


def catalogue(deviation: str = DEVIATION) -> Catalogue:
    return parse_catalogue({"a.yaml": REQUIREMENT}, deviation)


def explained(claim: Claim, **changes: object) -> str | None:
    found = explanation(
        "RT-11",
        [claim],
        dataclasses.replace(V1, **{"runtime_version": "1.6.8", **changes}),  # type: ignore[arg-type]
        catalogue=catalogue(),
    )
    return None if found is None else found.id


def test_what_it_shows_is_explained() -> None:
    assert explained(SILENT) == "C-90"


def test_one_that_it_does_not_show_is_a_failure_of_all() -> None:
    other = dataclasses.replace(SILENT, got=4)

    assert explained(other) is None
    old = dataclasses.replace(V1, runtime_version="1.6.8")
    assert explanation("RT-11", [SILENT, other], old, catalogue=catalogue()) is None
    assert explanation("RT-11", [], old, catalogue=catalogue()) is None


@pytest.mark.parametrize(
    ("changes", "id_"),
    [
        ({"runtime_version": "1.6.9"}, None),
        ({"runtime_version": "1.6.9", "oci_runtime": "crun"}, "C-90"),
        ({"runtime_version": "1.6.9", "oci_runtime": "crun", "cgroup_version": 2}, None),
        ({"runtime": "cri-o"}, None),
        ({"runtime_version": "unknown"}, None),
    ],
)
def test_only_on_its_stacks(changes: dict[str, object], id_: str | None) -> None:
    assert explained(SILENT, **changes) == id_


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('what: ".* in', 'what: "(.* in'),
        ("    - what:", "    - wath:"),
        ('      got: "null"', '      got: "null"\n      follows: true'),
        ('      got: "null"', '      got: "null"\n      fewer: perhaps'),
        ('      got: "null"', '      got: "null"\n      fewer: []'),
        ('      got: "null"', '      got: "null"\n      fewer: [1]'),
        ("cgroup_version: 1", "cgroup_version: 3"),
        ("    - oci_runtime: crun\n      cgroup_version: 1\n", "    - cgroup_version: 1\n"),
    ],
)
def test_a_mistake_in_it_is_told(old: str, new: str) -> None:
    assert old in DEVIATION

    with pytest.raises(UsageError):
        catalogue(DEVIATION.replace(old, new))
