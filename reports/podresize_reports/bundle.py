"""A bundle: all that one run has to say for itself, in one directory or archive.

    records.jsonl     the run's records, without secrets and without paths of the host
    index.html, junit.xml   drawn from them
    logs/             of the components around a failure, the end of each, treated alike
    manifest.json     which run, catalogue and podresize, and of every other file its size and hash

The manifest's own hash stands for the whole. Who made a bundle can forge all of it; ``verifying``
says what then no longer fits.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podresize.errors import UsageError
from podresize.requirements.loader import catalogue_digest
from podresize_reports.contents import open_plain
from podresize_reports.lines import limited_lines
from podresize_reports.loading import load_run, read_run
from podresize_reports.scrubbing import Scrubber
from podresize_reports.write import drawn_by, write_reports

SCHEMA = 1
KIND = "podresize-bundle"
MANIFEST = "manifest.json"
RECORDS = "records.jsonl"
_BLOCK = 1 << 20
LOG_BYTES = 4 << 20
"""Of each log its end: the failure is there, and a bundle has to be sent."""
# The same files make the same archive.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A bundle that was written: where, how many files, their bytes, and the manifest's digest."""

    path: Path
    files: int
    size: int
    digest: str


def write_bundle(out: Path, place: Path, scrubber: Scrubber) -> Written:
    """Write the bundle of the run in ``out``: an archive where ``place`` ends in ``.zip``.

    It is there as a whole or not at all. Raises ``UsageError`` where something is there already or
    ``out`` holds no run, and ``OSError`` where it cannot be written.
    """
    refuse_place(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as directory:
        made = Path(directory) / "bundle"
        made.mkdir()
        digest = _fill(made, out, scrubber)
        sizes = [file.stat().st_size for file in _files(made)]
        if place.suffix == ".zip":
            archive = Path(directory) / "bundle.zip"
            _zip(made, archive)
            archive.replace(place)
        else:
            with contextlib.suppress(FileNotFoundError):
                place.rmdir()
            made.chmod(0o755)
            made.rename(place)
    return Written(path=place, files=len(sizes), size=sum(sizes), digest=digest)


def refuse_place(place: Path | None) -> None:
    """Raise ``UsageError`` where something is there already; a run asks before it begins."""
    if place is None or not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    raise UsageError(
        "there is something where the bundle is to go",
        value=str(place),
        origin="the bundle's place",
        causes=("a bundle of an earlier run, which is never overwritten",),
        next_command=f"ls {place}",
    )


def _fill(made: Path, out: Path, scrubber: Scrubber) -> str:
    source = out / RECORDS
    try:
        with open_plain(source) as file:
            lines = list(limited_lines(iter(lambda: file.read(_BLOCK), b"")))
        if read_run(lines).id == "":
            raise OSError(0, "they are no records of a run")
    except OSError as error:
        raise UsageError(
            f"the records cannot be read: {error.strerror}",
            value=str(source),
            origin="the directory of a run",
            causes=("it is another directory", "the run wrote them elsewhere (--out)"),
            next_command="ls reports/out",
        ) from None
    (made / RECORDS).write_bytes(b"".join(_scrubbed(lines, scrubber)))
    write_reports(made / RECORDS, made)
    if (out / "logs").is_dir():
        for log in sorted((out / "logs").rglob("*")):
            if log.is_file() and not log.is_symlink():
                copy = made / log.relative_to(out)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(scrubber.text(_end_of(log)), encoding="utf-8")
    manifest = json.dumps(_manifest(made), indent=1, sort_keys=True).encode() + b"\n"
    (made / MANIFEST).write_bytes(manifest)
    return digest_of(manifest)


def _scrubbed(lines: list[bytes], scrubber: Scrubber) -> Iterator[bytes]:
    """Yield the records; a torn or broken line stays away, as it does in every report."""
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            record = scrubber.value(json.loads(line))
            if line.endswith(b"\n"):
                text = json.dumps(record, separators=(",", ":"), ensure_ascii=True)
                yield text.encode() + b"\n"


def _manifest(made: Path) -> dict[str, Any]:
    run = load_run(made / RECORDS)
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "podresize": run.version,
        "run": run.id,
        "started": run.started,
        "ended": run.ended,
        "catalogue": catalogue_digest(),
        "drawn_by": drawn_by(),
        "files": {
            file.relative_to(made).as_posix(): {
                "bytes": file.stat().st_size,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            }
            for file in _files(made)
        },
    }


def digest_of(manifest: bytes) -> str:
    """Return what stands for a whole bundle."""
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def _end_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        return file.read().decode(errors="replace")


def _files(made: Path) -> list[Path]:
    return sorted(path for path in made.rglob("*") if path.is_file())


def _zip(made: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        for file in _files(made):
            info = zipfile.ZipInfo(file.relative_to(made).as_posix(), _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            with file.open("rb") as source, members.open(info, "w") as member:
                shutil.copyfileobj(source, member)
