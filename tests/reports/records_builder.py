"""Synthetic records: what a run on two containerds would write, small enough to reason about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.evidence.timeline import Observation, Timeline, Witness

OLD = "kubernetes 1.27.4, containerd 1.6.8, runc 1.1.5, cgroup v1 cgroupfs, gate on"
NEW = "kubernetes 1.27.4, containerd 1.6.36, runc 1.1.5, cgroup v1 cgroupfs, gate on"
CHECK = "suites/status_fields/test_status.py::test_status_follows_the_resize[Guaranteed-cpu+200m]"


def run_record(**changes: Any) -> dict[str, Any]:
    return {
        "type": "run",
        "schema": 1,
        "run": "7f3a",
        "started": "2026-03-01T06:00:00+00:00",
        "version": "0.1.0",
        "argv": ["podresize", "run", "--kubernetes", "1.27.4"],
        "options": {"workers": 4},
    } | changes


def target_record(label: str = OLD, **changes: Any) -> dict[str, Any]:
    words = label.split(", ")
    return {
        "type": "target",
        "target": label,
        "fingerprint": {
            "provider": "local",
            "kubernetes": words[0].partition(" ")[2],
            "runtime": "containerd",
            "runtime_version": words[1].partition(" ")[2] if len(words) > 1 else "",
            "cgroup_version": 1,
            "gate": True,
            "host_limits": ["no CAP_SYS_RESOURCE"],
        },
        "notes": ["no CAP_SYS_RESOURCE: oom_score_adj is not lowered"],
    } | changes


def end_record(**changes: Any) -> dict[str, Any]:
    ended = "2026-03-01T06:03:20+00:00"
    return {"type": "end", "ended": ended, "exit": 0, "counts": {}} | changes


def verdict(
    requirement: str = "ST-21", kind: VerdictKind = VerdictKind.PASSED, **changes: Any
) -> dict[str, Any]:
    record = VerdictRecord(
        requirement=requirement,
        level="MUST",
        title="status.resources follows the resize",
        clause='KEP-1287 "Container status"; 1.27 and later',
        check=CHECK,
        verdict=kind,
        reading="all three witnesses have the new value",
        target=OLD,
        seconds=1.5,
    )
    return record.to_json() | changes


def timeline(
    identity: str = "t1", *, reported: bool = True, resized: bool = True, started: str = ""
) -> dict[str, Any]:
    """One cpu resize 400m -> 600m; the runtime tells of it or not, as before containerd 1.6.9."""
    ended = 2.4 if reported else 90.2
    stream = [
        _see(-0.31, Witness.API, "pod", _pod("400m", "400m" if reported else None, "")),
        _see(-0.30, Witness.CRI, "container/c1", _cri(400, reported=reported)),
        _see(-0.29, Witness.KERNEL, "container/c1", _files(400)),
        _see(-0.29, Witness.KERNEL, "pod", _files(400)),
        _see(-0.28, Witness.PROCESS, "container/c1", {"pid": 4711, "start_ticks": 99120}),
        _see(0.0, Witness.CLIENT, "pod", {"request": _request()}),
        _see(0.009, Witness.CLIENT, "pod", {"request": _request(), "answer": {"code": 200}}),
    ]
    if resized:
        status = "400m" if reported else None
        stream += [
            _see(0.012, Witness.API, "pod", _pod("600m", status, "Proposed")),
            _see(0.11, Witness.KERNEL, "pod", _files(600)),
            _see(0.12, Witness.API, "pod", _pod("600m", status, "InProgress")),
            _see(0.14, Witness.KERNEL, "container/c1", _files(600)),
        ]
    if resized and reported:
        stream += [
            _see(0.16, Witness.CRI, "container/c1", _cri(600, reported=True)),
            _see(1.81, Witness.API, "pod", _pod("600m", "600m", "")),
        ]
    beats = {"first_seq": 3, "last_seq": 60, "beats": 58, "max_gap_seconds": 1.02, "instance": "a"}
    stream.append(_see(ended, Witness.WORKLOAD, "container/c1", beats | {"instance": "a1"}))
    record = Timeline(
        id=identity,
        pod="pr-7f3a-2/resize",
        started=started or "2026-03-01T06:00:12.402Z",
        ended=ended,
        observations=tuple(stream),
    ).to_json()
    return record | {"check": CHECK, "target": NEW if reported else OLD, "expectation": {}}


def claims(*made: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": "claims", "check": CHECK, "target": OLD, "claims": list(made)} | changes


def claim(**changes: Any) -> dict[str, Any]:
    return {
        "requirement": "ST-21",
        "what": "the answer's code",
        "got": 403,
        "want": 403,
        "relation": "==",
    } | changes


def two_targets() -> list[dict[str, Any]]:
    """A whole run: containerd 1.6.8 shows C-01, 1.6.36 does as it should."""
    text = (
        'ST-21 (MUST) status.resources follows the resize            KEP-1287 "Container status"\n'
        "  container c1 of pr-7f3a-2/resize: limits.cpu is 400m, expected 600m\n"
        "  witnesses: API 400m (+0.0 s .. +90.0 s)   CRI no resources reported   "
        "cgroup cpu.cfs_quota_us 60000 (+0.14 s)\n"
        "  reading: the kernel has the new value; the runtime does not report it. "
        "Deviation C-01 (containerd < 1.6.9)\n"
        "  again: scripts/podresize run ST-21 --containerd 1.6.8     evidence: records.jsonl"
    )
    said = {
        "api": "400m until the end, +90.0 s",
        "cri": "no resources reported",
        "kernel": "cpu.cfs_quota_us 60000 from +0.14 s",
    }
    early = {"proposed": 0.012, "in_progress": 0.12, "kernel": 0.14}
    records = [run_record(), target_record(OLD), target_record(NEW)]
    for position, change in enumerate(["cpu+200m", "memory-32Mi", "cpu+200m,memory-32Mi"]):
        check = f"suites/status_fields/test_status.py::test_status_follows[Guaranteed-{change}]"
        for label, old in ((OLD, True), (NEW, False)):
            name = f"{'old' if old else 'new'}-{position}"
            shared: dict[str, Any] = {
                "target": label,
                "check": check,
                "timeline": name,
                "seconds": 90.6 + position if old else 2.7 + position / 10,
                "facts": early if old else early | {"cri": 0.16, "status": 1.81, "done": 1.81},
            }
            records += [
                verdict("CG-03", title="cpu and memory reach the container's cgroup", **shared),
                verdict("RS-01", title="a resize restarts nothing", **shared),
            ]
            if old:
                reading = "the kernel has the new value; the runtime does not report it"
                departure: dict[str, Any] = {"deviation": "C-01", "reading": reading, "text": text}
                departure |= {"witnesses": said}
                kind = VerdictKind.DEVIATION
                records += [verdict("ST-21", kind, **(shared | departure))]
            else:
                records += [verdict("ST-21", **shared)]
            records += [timeline(name, reported=not old)]
    return [*records, end_record()]


def write(path: Path, records: list[dict[str, Any]], *, torn: str = "") -> Path:
    lines = "".join(json.dumps(record, ensure_ascii=True) + "\n" for record in records)
    path.write_text(lines + torn, encoding="utf-8")
    return path


def _see(t: float, witness: Witness, subject: str, data: dict[str, Any]) -> Observation:
    return Observation(t=t, witness=witness, subject=subject, data=data)


def _request() -> dict[str, Any]:
    return {"method": "PATCH", "path": "/api/v1/namespaces/pr-7f3a-2/pods/resize", "body": {}}


def _pod(spec: str, status: str | None, resize: str) -> dict[str, Any]:
    def resources(cpu: str) -> dict[str, Any]:
        amounts = {"cpu": cpu, "memory": "64Mi"}
        return {"requests": amounts, "limits": amounts}

    container: dict[str, Any] = {"name": "c1", "restartCount": 0}
    if status:
        container["resources"] = resources(status)
    state: dict[str, Any] = {"phase": "Running", "containerStatuses": [container]}
    if resize:
        state["resize"] = resize
    return {
        "spec": {"containers": [{"name": "c1", "resources": resources(spec)}]},
        "status": state,
    }


def _cri(millicores: int, *, reported: bool) -> dict[str, Any]:
    linux = {
        "cpu_period": 100000,
        "cpu_quota": millicores * 100,
        "cpu_shares": millicores * 1024 // 1000,
        "memory_limit_in_bytes": 64 * 2**20,
    }
    return {
        "id": "3f2a",
        "state": "CONTAINER_RUNNING",
        "started_at": 1,
        "resources": linux if reported else None,
    }


def _files(millicores: int) -> dict[str, Any]:
    return {
        "cpu.cfs_quota_us": f"{millicores * 100}\n",
        "cpu.shares": f"{millicores * 1024 // 1000}\n",
        "memory.limit_in_bytes": f"{64 * 2**20}\n",
    }
