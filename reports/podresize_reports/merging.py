"""The shards of one run, put together: what one run of all its checks would have written."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from podresize.errors import UsageError
from podresize.requirements.shard import Shard
from podresize_reports.command_line import without_options
from podresize_reports.loading import Run, read_run
from podresize_reports.required import stack_of

# Which code says how bad a run was: an error of the harness is worse than a failure.
_WORST = (0, 1, 2, 3, 130)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One shard: what it is called to the user, and its records as they are in the file."""

    name: str
    lines: list[bytes]

    @property
    def run(self) -> Run:
        """The run that it tells of."""
        return read_run(self.lines)


def merged(parts: Sequence[Part]) -> bytes:
    """Return the records of all parts as one run's.

    Raises ``UsageError`` for parts that are not the shards of one run: of other targets, options or
    releases, one of them twice, missing, or died half way.
    """
    runs = [(part, part.run) for part in parts]
    shards = [_shard(part, run) for part, run in runs]
    first = runs[0][1]
    for part, run in runs:
        for name, one, other in _differences(first, run):
            raise _refused(part, f"its {name} is {other}, that of {parts[0].name} {one}")
        if not run.complete:
            raise _refused(part, "it died half way")
    numbers = sorted(shard.number for shard in shards)
    if numbers != list(range(1, shards[0].of + 1)):
        had = ", ".join(map(str, numbers))
        raise _refused(parts[0], f"of {shards[0].of} shards these are given: {had}")
    order = sorted(range(len(parts)), key=lambda at: shards[at].number)
    return _together([runs[at][0] for at in order], [runs[at][1] for at in order])


def _shard(part: Part, run: Run) -> Shard:
    text = run.options.get("shard")
    if not isinstance(text, str):
        raise _refused(part, "it is a whole run, and no shard")
    return Shard.parse(text)


def _differences(first: Run, run: Run) -> list[tuple[str, str, str]]:
    found = []
    for name in ("version", "profiles", "requirements", "number of shards", "targets"):
        one, other = _trait(first, name), _trait(run, name)
        if one != other:
            found.append((name, str(one), str(other)))
    return found


def _trait(run: Run, name: str) -> Any:
    if name == "version":
        return run.version
    if name == "number of shards":
        return Shard.parse(run.options["shard"]).of
    if name == "targets":
        # Of each stack the first: a check's own cluster is in the shard that has the check.
        firsts: dict[tuple[object, ...], Any] = {}
        for target in run.targets:
            firsts.setdefault(stack_of(target), target.fingerprint)
        return [json.dumps(each, sort_keys=True) for each in firsts.values()]
    return run.options.get(name)


def _together(parts: Sequence[Part], runs: Sequence[Run]) -> bytes:
    head: dict[str, Any] = {}
    written: list[bytes] = []
    targets: set[str] = set()
    for part in parts:
        for line in part.lines:
            record = json.loads(line.decode(errors="replace"))
            match record.get("type"):
                case "run":
                    head = head or record
                case "target" if record["target"] in targets:
                    pass
                case "end":
                    pass
                case kind:
                    if kind == "target":
                        targets.add(record["target"])
                    written.append(line)
    options = {name: value for name, value in head["options"].items() if name != "shard"}
    argv = without_options(head.get("argv", ()), "shard")
    head |= {"started": min(run.started for run in runs), "argv": argv, "options": options}
    counts = Counter(str(verdict.verdict) for run in runs for verdict in run.verdicts)
    end = {
        "type": "end",
        "ended": max(str(run.ended) for run in runs),
        "exit": max((run.exit or 0 for run in runs), key=_badness),
        "counts": dict(counts),
    }
    return b"".join([_line(head), *written, _line(end)])


def _badness(code: int) -> int:
    return _WORST.index(code) if code in _WORST else len(_WORST)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _refused(part: Part, why: str) -> UsageError:
    return UsageError(
        "these are not the shards of one run",
        value=f"{part.name}: {why}",
        origin="the command line",
        causes=("a run of another night, target or release",),
        next_command="podresize run --shard 1/2 --bundle 1.zip, and the same with 2/2",
    )
