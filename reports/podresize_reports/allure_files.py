"""What an Allure report has of a run as a whole: environment, categories, and that it died.

The results of checks come from the processes that run them. These files come from the records, so
that the process that owns the run writes them, whoever has died meanwhile. Formats: Allure Report,
"How it works" (environment file, categories file, test result file).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from podresize.evidence.records import VerdictKind
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Party
from podresize_reports.loading import Run, load_run
from podresize_reports.summary import complaint, sentence
from podresize_reports.text import clean, natural, one_line
from podresize_reports.write import write_atomically

ENVIRONMENT, CATEGORIES = "environment.properties", "categories.json"
_SPACE = uuid.UUID("5d2c1a4e-6a0b-4d7e-9d55-2f1f0a8f3b11")
# Of a target what its label does not say.
_FACTS = ("provider", "kernel", "os_image", "arch", "host_limits")


def write_allure_files(records: Path, directory: Path, *, is_over: bool) -> list[Path]:
    """Write the files of a run into the directory of its Allure results; return their paths.

    Where the run ``is_over`` and died half way, or showed nothing, a result of its own says so.
    Raises ``OSError`` where the records cannot be read or a file cannot be written.
    """
    run = load_run(records)
    directory.mkdir(parents=True, exist_ok=True)
    files = {ENVIRONMENT: environment(run), CATEGORIES: categories(run)}
    if is_over and (wrong := complaint(run)):
        result = whole_run(run, wrong)
        files[f"{result['uuid']}-result.json"] = _json(result)
    return [write_atomically(directory / name, content) for name, content in files.items()]


def environment(run: Run) -> bytes:
    """Return the environment of a report: the run and each of its targets, as Java properties."""
    ending = f"ended with exit code {run.exit}"
    pairs = {
        "podresize": run.version,
        "run": run.id,
        "started": run.started,
        "state": ending if run.complete else "not ended: it goes on, or it died half way",
    }
    for number, target in enumerate(run.targets, 1):
        pairs[f"target.{number}"] = target.label
        facts = ((name, target.fingerprint.get(name)) for name in _FACTS)
        pairs |= {f"target.{number}.{name}": _value(value) for name, value in facts if value}
        if target.notes:
            pairs[f"target.{number}.notes"] = "; ".join(target.notes)
    return "".join(f"{key}={_escaped(value)}\n" for key, value in pairs.items()).encode()


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _escaped(value: str) -> str:
    """Return a value as java.util.Properties reads it, whatever it takes the encoding for."""
    text = one_line(value).replace("\\", "\\\\")
    utf16 = text.encode("utf-16-be")
    units = (int.from_bytes(utf16[at : at + 2]) for at in range(0, len(utf16), 2))
    return "".join(chr(unit) if 0x20 <= unit < 0x7F else f"\\u{unit:04x}" for unit in units)


def categories(run: Run) -> bytes:
    """Return what results are sorted into: who is at fault, what is known, what was not judged.

    A result goes by the first line of its message, which is ``first_line``.
    """
    return _json(list(_categories(run)))


def _categories(run: Run) -> Iterator[dict[str, Any]]:
    for party in Party:
        line = first_line(VerdictKind.FAILED, guilty=party)
        yield _category(f"Failed: the {party} is at fault", "failed", line)
    line = first_line(VerdictKind.FAILED)
    yield _category("Failed: no witness tells who is at fault", "failed", line)
    yield _category("Did not hold every time", "failed", first_line(VerdictKind.FLAKY))
    yield {"name": "The harness could not judge", "matchedStatuses": ["broken"]}
    known = load_catalogue().deviations
    for kind, status, name in (
        (VerdictKind.DEVIATION, "skipped", "Known deviation"),
        (VerdictKind.PASSED, "passed", "Met but for a known race"),
    ):
        seen = {v.deviation for v in run.verdicts if v.verdict is kind and v.deviation}
        for id_ in sorted(seen & known.keys(), key=natural):
            title = f"{name} {id_}: {known[id_].title}"
            yield _category(title, status, first_line(kind, deviations=(id_,)))
    for kind, name in (
        (VerdictKind.UNSUPPORTED, "The target cannot show it"),
        (VerdictKind.SKIPPED, "Skipped"),
    ):
        yield _category(name, "skipped", first_line(kind))


def first_line(
    kind: VerdictKind, *, guilty: str | None = None, deviations: tuple[str, ...] = ()
) -> str:
    """Return the first line of a result's message: ``failed, at fault: kubelet``."""
    ids = f" {', '.join(deviations)}" if deviations else ""
    return f"{kind}{ids}, at fault: {guilty}" if guilty else f"{kind}{ids}"


def _category(name: str, status: str, line: str) -> dict[str, Any]:
    # Nothing in a line of ours means anything to a regular expression.
    word, *ids = line.split(" ", 1)
    if word in (VerdictKind.DEVIATION, VerdictKind.PASSED):
        line = rf"{word} [^\n]*\b{ids[0]}\b[^\n]*"  # the first line may name several
    # The Java and the JavaScript of Allure both match the whole of a message.
    return {
        "name": name,
        "matchedStatuses": [status],
        "messageRegex": rf"{line}(\n[\s\S]*)?",
    }


def whole_run(run: Run, wrong: str) -> dict[str, Any]:
    """Return a result that is broken because the run as a whole is: ``wrong`` says how."""
    name = "podresize: the run is whole"
    at = _milliseconds(run.started)
    return {
        "uuid": str(uuid.uuid5(_SPACE, f"{name} {run.id}")),
        "historyId": uuid.uuid5(_SPACE, name).hex,
        "testCaseId": uuid.uuid5(_SPACE, name).hex,
        "fullName": name,
        "name": "the run is whole",
        "status": "broken",
        "stage": "finished",
        "start": at,
        "stop": at,
        "statusDetails": {
            "message": f"{VerdictKind.ERROR}\n{wrong}",
            "trace": clean("\n".join([sentence(run), *run.problems])),
        },
        "labels": [
            {"name": "epic", "value": "podresize"},
            {"name": "parentSuite", "value": "podresize"},
            {"name": "severity", "value": "blocker"},
        ],
    }


def _milliseconds(started: str) -> int:
    try:
        return int(datetime.fromisoformat(started).timestamp() * 1000)
    except ValueError:
        return 0


def _json(value: list[Any] | Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
