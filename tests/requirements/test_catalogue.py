"""The catalogue that ships is sound, and a bad one is refused with the place named."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from tests.targets import TARGET

from podresize.errors import UsageError
from podresize.requirements.loader import load_catalogue, parse_catalogue
from podresize.requirements.matching import is_affected, why_unsupported
from podresize.requirements.versions import describe_range, parse_release, parse_version

BASE = dataclasses.replace(TARGET, runtime_version="1.6.8")
ENTRY = """
- id: ST-99
  level: MUST
  title: a title
  text: a text
  clause: a clause
  source: a source
  versions: ">=1.27"
  needs: [gate-on]
  outcome: granted
  profiles: [core]
"""
DEVIATION = """
- id: C-99
  title: a title
  explains: [ST-99]
  affects: [{kubernetes: ">=1.27", runtime: containerd, runtime_versions: "<2"}]
  signature: none
  source: a source
  reading: a reading
"""


def test_the_shipped_catalogue_loads_once() -> None:
    catalogue = load_catalogue()

    assert load_catalogue() is catalogue
    assert len(catalogue.requirements) >= 17
    assert {"ST-02", "ST-21", "CRI-03"} <= catalogue.deviations["C-01"].explains
    for requirement in catalogue.requirements.values():
        assert len(requirement.title) <= 80
        assert requirement.profiles


@pytest.mark.parametrize(
    ("requirements", "deviations", "message"),
    [
        (ENTRY.replace("level: MUST", "level: MAY"), "[]", "'level' has no such value"),
        (ENTRY + "  colour: red\n", "[]", "an unknown key"),
        (ENTRY + ENTRY, "[]", "an id occurs twice"),
        (ENTRY.replace(">=1.27", "about 1.27"), "[]", "not a range of versions"),
        (ENTRY.replace('">=1.27"', '","'), "[]", "range"),
        (ENTRY.replace("gate-on", "luck"), "[]", "an unknown need"),
        (ENTRY.replace("gate-on", "deviation=C-98"), DEVIATION, "unknown deviation"),
        (ENTRY.replace("gate-on", '"deviation=C-99|C-98"'), DEVIATION, "unknown deviation"),
        (ENTRY.replace("gate-on", "without=C-98"), DEVIATION, "unknown deviation"),
        (ENTRY.replace("gate-on", "without="), DEVIATION, "unknown deviation"),
        (ENTRY, DEVIATION + "  no_check: ''\n", "'no_check' must be a text"),
        (ENTRY, DEVIATION + "  race: often\n", "'race' is true or false"),
        (ENTRY.replace("ST-99", "st99"), "[]", "an id reads like"),
        (ENTRY.replace("title: a title", "title: ''"), "[]", "'title' must be a text"),
        (ENTRY.replace("[core]", "core"), "[]", "'profiles' must be a list"),
        (ENTRY + '  deadlines: {">=1.27": soon}\n', "[]", "positive number of seconds"),
        (ENTRY + '  deadlines: {">=1.27": -1}\n', "[]", "positive number of seconds"),
        (ENTRY + "  factor: 1\n", "[]", "a factor is a number above 1"),
        (ENTRY + "  factor: twice\n", "[]", "a factor is a number above 1"),
        (ENTRY + "  factor: true\n", "[]", "a factor is a number above 1"),
        (ENTRY, DEVIATION.replace("[ST-99]", "[ST-98]"), "explains an unknown requirement"),
        (ENTRY, DEVIATION.replace("runtime_versions", "versions"), "versions"),
        (ENTRY, DEVIATION.replace("runtime: containerd, ", ""), "versions of no runtime"),
        (ENTRY, DEVIATION.replace('<2"', '<2", cgroup_driver: upstart'), "no such cgroup driver"),
        (ENTRY, DEVIATION.replace('"<2"}', '"<2", cgroup_version: 3}'), "a cgroup version is"),
        (ENTRY, DEVIATION.replace("[{kube", "{kube").replace('2"}]', '2"}'), "list of stacks"),
        ("id: ST-99", "[]", "must hold a list"),
        ("[1]", "[]", "must be a mapping"),
        ("[", "[]", "not YAML"),
    ],
)
def test_a_bad_catalogue_is_refused(requirements: str, deviations: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_catalogue({"api.yaml": requirements}, deviations)
    assert caught.value.origin


def test_a_good_one_is_not() -> None:
    catalogue = parse_catalogue({"api.yaml": ENTRY}, DEVIATION)
    assert catalogue.explaining("ST-99")[0].id == "C-99"
    with pytest.raises(UsageError, match="ST-99"):
        catalogue.requirement("ST-9")
    with pytest.raises(UsageError, match="C-99"):
        catalogue.entry("C-9")
    assert catalogue.entry("C-99") is catalogue.deviations["C-99"]


@pytest.mark.parametrize(
    ("requirement", "changes", "reason"),
    [
        ("API-01", {}, None),
        ("API-02", {}, "1.32 and later; this is 1.27.4"),
        ("API-01", {"kubernetes": "1.32.0"}, "1.27 to 1.31"),
        ("API-01", {"gate": False}, "is off"),
        ("API-54", {}, "is on"),
        ("API-54", {"gate": False}, None),
        ("KL-32", {"host_limits": ("no cgroup (remote node)",)}, "remote node"),
        ("CRI-03", {"host_limits": ("cri: no socket",)}, "no socket"),
        ("CRI-03", {"host_limits": ("no CAP_SYS_RESOURCE",)}, None),
        ("CRI-09", {}, None),
        ("CRI-09", {"runtime_version": "1.6.9"}, "C-01 is catalogued for containerd <1.6.9"),
        ("CRI-09", {"kubernetes": "1.32.0"}, None),
        ("CRI-09", {"kubernetes": "1.37.2"}, None),
        ("CRI-09", {"kubernetes": "1.38.0"}, "PD-02 is catalogued for"),
        ("ST-20", {"kubernetes": "1.32.3"}, "ST-20 holds for"),
        ("PR-61", {}, "it takes the systemd cgroup driver"),
        ("PR-61", {"host_limits": ("no node-systemd (local)",)}, "no node-systemd (local)"),
        ("PR-61", {"cgroup_driver": "systemd"}, None),
        (
            "PR-62",
            {"cgroup_driver": "systemd"},
            "C-01 keeps it from being shown",
        ),
        (
            "PR-62",
            {
                "cgroup_driver": "systemd",
                "runtime_version": "1.6.36",
                "host_limits": ("no node-systemd",),
            },
            None,
        ),
    ],
)
def test_why_unsupported(requirement: str, changes: dict[str, object], reason: str | None) -> None:
    target = dataclasses.replace(BASE, **changes)  # type: ignore[arg-type]
    why = why_unsupported(load_catalogue().requirement(requirement), target)
    assert why is None if reason is None else reason in (why or "")


@pytest.mark.parametrize(
    ("runtime", "version", "kubernetes", "affected"),
    [
        ("containerd", "1.6.8", "1.27.4", True),
        ("containerd", "v1.6.8~ds1", "1.31.9", True),
        ("containerd", "1.6.8", "1.32.0", False),
        ("containerd", "1.6.9", "1.27.4", False),
        ("containerd", "1.7.0", "1.27.4", False),
        ("cri-o", "1.6.8", "1.27.4", False),
    ],
)
def test_whom_c_01_affects(runtime: str, version: str, kubernetes: str, affected: bool) -> None:
    target = dataclasses.replace(
        BASE, runtime=runtime, runtime_version=version, kubernetes=kubernetes
    )
    assert is_affected(load_catalogue().deviations["C-01"], target) is affected


@pytest.mark.parametrize(
    ("changes", "affected"),
    [
        ({}, True),
        ({"oci_runtime_version": "1.1.5+ds1"}, True),
        ({"oci_runtime_version": "1.3.2"}, False),
        ({"oci_runtime_version": ""}, False),
        ({"oci_runtime": "crun", "oci_runtime_version": "1.1.5"}, False),
        ({"cgroup_driver": "cgroupfs"}, False),
    ],
)
def test_a_cluster_may_be_affected_by_its_oci_runtime_and_its_driver(
    changes: dict[str, object], affected: bool
) -> None:
    known = load_catalogue().deviations["R-03"]
    target = dataclasses.replace(BASE, cgroup_driver="systemd")

    assert is_affected(known, dataclasses.replace(target, **changes)) is affected  # type: ignore[arg-type]
    (affects,) = known.affects
    assert str(affects) == (
        "containerd >=1.6 and runc <1.3.2 with Kubernetes >=1.27, cgroup driver systemd"
    )


def test_deadlines_by_version() -> None:
    requirement = load_catalogue().requirement("ST-21")
    found = [requirement.deadline(item) for item in ("1.27.4", "1.32.9", "1.33.0-rc.1")]
    assert found == [100, 100, 30]


def test_a_factor_is_there_where_measurements_are_compared() -> None:
    known = parse_catalogue({"a.yaml": ENTRY + "  factor: 1.5\n", "b.yaml": "[]"}, "[]")

    assert known.requirement("ST-99").factor == 1.5
    assert parse_catalogue({"a.yaml": ENTRY}, "[]").requirement("ST-99").factor is None


def test_versions_as_they_are_reported() -> None:
    assert str(parse_version("v1.6.20~ds1")) == "1.6.20"
    assert parse_version("2.0.0-rc.1") < parse_version("2.0.0")
    assert str(parse_release("1.33.0-rc.1")) == "1.33.0"
    assert str(parse_version("1.30.1-gke.1000")) == "1.30.1"
    with pytest.raises(UsageError, match="not a version"):
        parse_version("latest")


@pytest.mark.parametrize(
    ("versions", "text"),
    [
        (">=1.27,<1.32", "1.27 to 1.31"),
        (">=1.32,<1.33", "1.32"),
        (">=1.33", "1.33 and later"),
        (">=1.27,!=1.32.*", "!=1.32.*, >=1.27"),
    ],
)
def test_ranges_for_people(versions: str, text: str) -> None:
    assert describe_range(SpecifierSet(versions)) == text


@pytest.mark.parametrize(
    ("changes", "affected"),
    [
        ({}, True),
        ({"oci_runtime_version": "1.22"}, False),
        ({"oci_runtime_version": "unknown"}, False),
        ({"oci_runtime": "runc"}, False),
        ({"cgroup_version": 1}, False),
        ({"cgroup_driver": "cgroupfs"}, False),
        ({"kubernetes": "1.32.0"}, False),
    ],
)
def test_a_deviation_of_a_cluster_may_be_of_one_cgroup_version(
    changes: dict[str, object], affected: bool
) -> None:
    stack: dict[str, Any] = {
        "kubernetes": "1.33.0",
        "oci_runtime": "crun",
        "oci_runtime_version": "1.21",
        "cgroup_version": 2,
        "cgroup_driver": "systemd",
    }
    deviation = load_catalogue().deviations["R-02"]

    assert is_affected(deviation, dataclasses.replace(BASE, **(stack | changes))) is affected
    assert str(deviation.affects[0]) == (
        "containerd >=1.6 and crun <1.22 with Kubernetes >=1.33, cgroup v2, cgroup driver systemd"
    )
