"""A runtime in memory, right but for what a test makes of it, and how suites/cri is put to it."""

from __future__ import annotations

import dataclasses
import itertools
import runpy
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from tests.oracle.test_container_update import V1

from podresize.cli.driving import suites_directory
from podresize.cri.service import Sandbox
from podresize.evidence.updates.update import OK, Answer, Snapshot
from podresize.oracle import container_update as oracle
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize_fixtures import check, verdicts
from podresize_fixtures.runtimes.containers import Containers

# What a container of cgroup v1 has of which nothing was asked for, on a host with two processors.
NONE_ASKED = {
    "cpu.shares": "1024",
    "cpu.cfs_quota_us": "-1",
    "cpu.cfs_period_us": "100000",
    "cpuset.cpus": "0-1",
    "cpuset.mems": "0",
    "memory.limit_in_bytes": "9223372036854771712",
    "memory.memsw.limit_in_bytes": "9223372036854771712",
    "hugetlb.2MB.limit_in_bytes": "9223372036854771712",
}
Doing = Callable[["Runtime", str, Mapping[str, Any]], Answer]


def do(runtime: Runtime, container: str, fields: Mapping[str, Any]) -> Answer:
    """Do what is asked for, but for a processor that no host has."""
    if fields.get("cpuset_cpus") == "4096":
        return refuse(runtime, container, fields)
    runtime.write(container, fields)
    runtime.report(container, fields)
    return Answer(code=OK)


def refuse(_runtime: Runtime, _container: str, _fields: Mapping[str, Any]) -> Answer:
    """Do nothing, and say so."""
    return Answer(code="UNKNOWN", message="not today")


class Runtime:
    """Service, witness and camera in one. ``doing`` is what it makes of an update, ``creating``
    what of a container's resources it brings about. ``entries`` are the lengths of its lists,
    ``nothing`` is what a container has of which nothing is asked."""

    def __init__(
        self,
        doing: Doing = do,
        *,
        creating: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        fingerprint: RuntimeFingerprint = V1,
        entries: Mapping[str, int] | None = None,
        nothing: Mapping[str, str] = NONE_ASKED,
    ) -> None:
        self.doing = doing
        self.creating = creating
        self.fingerprint = fingerprint
        self.entries = dict(entries or {})
        self.nothing = dict(nothing)
        self.answers = 0
        self._lock = threading.Lock()
        self.kernel: dict[str, dict[str, str]] = {}
        self.status: dict[str, dict[str, Any]] = {}

    def write(self, container: str, fields: Mapping[str, Any]) -> None:
        """Bring fields about in the kernel, as the oracle has it."""
        kernel = self.kernel[container]
        for files in oracle.files_after(fields, kernel, self.fingerprint).values():
            kernel |= {file: allowed[0].value for file, allowed in files.items()}

    def report(self, container: str, fields: Mapping[str, Any]) -> None:
        """Report fields from now on."""
        self.status[container] = oracle.fields_after(fields, self.status[container])

    def run_sandbox(self, *, name: str, cgroup_parent: str, **_: Any) -> Sandbox:
        """Return one."""
        return Sandbox(id=name, cgroup_parent=cgroup_parent)

    def remove_sandbox(self, sandbox: str) -> None:
        """Do nothing."""

    def create(self, _sandbox: Sandbox, *, name: str, resources: dict[str, Any], **_: Any) -> str:
        """Return the container's name as its id."""
        self.kernel[name], self.status[name] = dict(self.nothing), {}
        self.write(name, self.creating(resources))
        self.report(name, resources)
        return name

    def start(self, container: str) -> None:
        """Do nothing."""

    def update(self, container: str, fields: Mapping[str, Any], **_: Any) -> Answer:
        """Do what this runtime does, one after the other. ``answers`` were there before."""
        with self._lock:
            answer = self.doing(self, container, fields)
            self.answers += 1
            return answer

    def hugepage_entries(self, _container: str) -> dict[str, int]:
        """Return what was given."""
        return self.entries

    def take(self, container: str, *, parent: str) -> Snapshot:
        """Return what there is now."""
        del parent
        told = dict(self.status[container])
        return Snapshot(
            state="CONTAINER_RUNNING",
            status=told,
            spec=told,
            kernel=dict(self.kernel[container]),
            around={"the pod's cgroup": dict(self.nothing)},
            process={"pid": 7, "start_ticks": 70},
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Put:
    """What a check said: its verdicts by requirement, the claims that do not hold, and reasons."""

    verdicts: dict[str, str]
    broken: list[tuple[str, str, Any]]
    unsupported: dict[str, str]


def put(
    monkeypatch: pytest.MonkeyPatch, file: str, name: str, runtime: Runtime, **arguments: Any
) -> Put:
    """Put a check of suites/cri to a runtime. ``arguments`` are its parameters.

    Its requirements are those of its own markers, and of a parameter that ``fields`` names.
    """
    module = runpy.run_path(str(suites_directory() / "cri" / file))
    function = module[name]
    marks = list(function.pytestmark)
    for mark in function.pytestmark:
        if mark.name == "parametrize":
            marks += [
                more
                for each in mark.args[1]
                if getattr(each, "values", None) == tuple(arguments.values())
                for more in each.marks
            ]
    ids = dict.fromkeys(id_ for mark in marks if mark.name == "requirement" for id_ in mark.args)
    current = check.Check(
        id=f"suites/cri/{file}::{name}",
        requirements=tuple(ids),
        target="x",
        fingerprint=runtime.fingerprint,
    )
    monkeypatch.setattr(check, "current", current)
    reach: Any = SimpleNamespace(
        handle=SimpleNamespace(
            fingerprint=runtime.fingerprint, image="probe", cgroup_parent="podresize-x"
        ),
        run="run",
        numbers=itertools.count(1),
        service=runtime,
        witness=runtime,
        camera=runtime,
    )
    with Containers(reach) as containers:
        function(containers, **arguments)
    broken = [(each.requirement, each.what, each.got) for each in current.claims if not each.holds]
    verdicts.settle()
    return Put(
        {id_: str(kind) for id_, kind in current.verdicts}, broken, dict(current.unsupported)
    )
