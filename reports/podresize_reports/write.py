"""From a records file to the reports beside it.

Each report is written under another name and then renamed: who opens ``index.html`` while a run
ends sees the old page or the new one, and a full disk leaves no half of either.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from podresize_reports.html import html_page
from podresize_reports.junit import junit_xml
from podresize_reports.loading import Run, load_run

REPORTS: dict[str, Callable[[Run], bytes]] = {"junit.xml": junit_xml, "index.html": html_page}


@functools.cache
def drawn_by() -> str:
    """Return what tells this podresize's reports from those of any other: a hash of its sources.

    The same release before and after a change of a template draws another page.
    """
    digest = hashlib.sha256()
    for package in ("podresize", "podresize_reports"):
        root = Path(str(resources.files(package)))
        for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
            if path.is_file() and path.suffix != ".pyc":
                content = path.read_bytes()
                name = path.relative_to(root).as_posix()
                digest.update(f"{package}/{name}\0{len(content)}\0".encode() + content)
    return f"sha256:{digest.hexdigest()}"


def write_reports(records: Path, out: Path) -> list[Path]:
    """Write every report of a records file into ``out`` and return their paths.

    Raises ``OSError`` when the records cannot be read or a report cannot be written.
    """
    run = load_run(records)
    out.mkdir(parents=True, exist_ok=True)
    return [write_atomically(out / name, report(run)) for name, report in REPORTS.items()]


def write_run(records: bytes, run: Run, out: Path) -> list[Path]:
    """Write a run's records and every report of them into ``out``; return the reports' paths.

    All are drawn before the first is written. Raises ``OSError`` when one cannot be written.
    """
    drawn = {name: report(run) for name, report in REPORTS.items()}
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "records.jsonl", records)
    return [write_atomically(out / name, content) for name, content in drawn.items()]


def write_atomically(path: Path, content: bytes) -> Path:
    """Write a whole file or leave what was there; return the path."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)  # mkstemp's 0600 would hide a report from its readers
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path
