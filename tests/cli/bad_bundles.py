"""Bundles that nobody should trust, by kind: each function makes one below a directory.

``good`` is a bundle of a run, as an archive, to be spoilt.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Made = Callable[[Path, Path], Path]
ZEROS = 1 << 30
_BLOCK = bytes(1 << 20)


def _files(good: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(good) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _listed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files with a manifest that fits them."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
        if name != "manifest.json"
    }
    return files | {"manifest.json": json.dumps(manifest).encode()}


def archive(place: Path, members: Iterable[tuple[str, bytes]], *, mode: int = 0) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore")  # of names that are there already
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            made.writestr(info, content)
    return place


def directory(place: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def with_records(change: Callable[[list[dict[str, Any]]], list[Any]]) -> Made:
    """Return what makes a bundle whose records are changed and whose manifest fits them."""

    def make(place: Path, good: Path) -> Path:
        files = _files(good)
        seen = [json.loads(line) for line in files["records.jsonl"].splitlines()]
        lines = (json.dumps(each).encode() + b"\n" for each in change(seen))
        return archive(place / "b.zip", _listed(files | {"records.jsonl": b"".join(lines)}).items())

    return make


def with_lines(change: Callable[[bytes], bytes]) -> Made:
    """Return the same for the records as bytes."""

    def make(place: Path, good: Path) -> Path:
        files = _files(good)
        records = change(files["records.jsonl"])
        return archive(place / "b.zip", _listed(files | {"records.jsonl": records}).items())

    return make


def with_manifest(**fields: Any) -> Made:
    def make(place: Path, good: Path) -> Path:
        files = _files(good)
        manifest = json.loads(files["manifest.json"]) | fields
        return archive(
            place / "b.zip", (files | {"manifest.json": json.dumps(manifest).encode()}).items()
        )

    return make


def with_member(name: str, content: bytes = b"x", *, mode: int = 0) -> Made:
    def make(place: Path, good: Path) -> Path:
        return archive(place / "b.zip", [*_files(good).items(), (name, content)], mode=mode)

    return make


def changed(seen: list[dict[str, Any]], kind: str, **fields: Any) -> list[dict[str, Any]]:
    return [each | fields if each["type"] == kind else each for each in seen]


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def cut(place: Path, good: Path) -> Path:
    (place / "b.zip").write_bytes(good.read_bytes()[:-120])
    return place / "b.zip"


def torn(place: Path, good: Path) -> Path:
    """An archive whose end is there, and whose records are not what they were."""
    raw = bytearray(good.read_bytes())
    with zipfile.ZipFile(good) as archive:
        begin = archive.getinfo("records.jsonl").header_offset + 200
    raw[begin : begin + 60] = bytes(60)
    (place / "b.zip").write_bytes(raw)
    return place / "b.zip"


def foreign_archive(place: Path, good: Path) -> Path:  # noqa: ARG001  # all are called alike
    return archive(place / "b.zip", [("plugins/e2e/results.json", b"{}"), ("meta/run.log", b"")])


def foreign_records(place: Path, good: Path) -> Path:
    """A bundle whose records are those of pytest-reportlog."""
    lines = b'{"pytest_version": "9.0", "$report_type": "SessionStart"}\n' * 3
    return with_lines(lambda _: lines)(place, good)


def bomb(place: Path, good: Path) -> Path:
    """The records are a gigabyte of zeros, packed into one megabyte."""
    files = _files(good)
    with zipfile.ZipFile(place / "b.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        made.writestr("manifest.json", files["manifest.json"])
        with made.open("records.jsonl", "w") as member:
            for _ in range(ZEROS // len(_BLOCK)):
                member.write(_BLOCK)
    return place / "b.zip"


def bomb_beside(place: Path, good: Path) -> Path:
    """Six files of 200 MiB each, as none of them alone would be refused."""
    files = _files(good)
    with zipfile.ZipFile(place / "b.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name, content in files.items():
            made.writestr(name, content)
        for number in range(6):
            with made.open(f"logs/{number}", "w") as member:
                for _ in range(200):
                    member.write(_BLOCK)
    return place / "b.zip"


def objects(place: Path, good: Path) -> Path:
    """Records of 60 MB, which are 2 GB of objects once they are parsed."""
    timeline = b'{"type":"timeline","id":"%d","pod":"a/b","started":"","ended":1,"observations":[]'
    line = timeline + b',"expectation":[' + b",".join([b"[]"] * 1_000_000) + b"]}\n"
    many = b"".join(line % number for number in range(20))
    return with_lines(lambda records: records + many)(place, good)


def list_of_members(place: Path, good: Path) -> Path:  # noqa: ARG001  # all are called alike
    """An archive that says to have a directory of a gigabyte; the file has holes."""
    file = place / "b.zip"
    size = 1 << 30
    with file.open("wb") as made:
        made.truncate(size)
        made.seek(size)
        made.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, size, 0, 0))
    return file


def bzip2(place: Path, good: Path) -> Path:
    with zipfile.ZipFile(place / "b.zip", "w", zipfile.ZIP_BZIP2) as made:
        for name, content in _files(good).items():
            made.writestr(name, content)
    return place / "b.zip"


def link_in_directory(place: Path, good: Path) -> Path:
    directory(place / "b", _files(good))
    (place / "b" / "records.jsonl").unlink()
    (place / "b" / "records.jsonl").symlink_to("/dev/zero")
    return place / "b"


def pipe_in_directory(place: Path, good: Path) -> Path:
    directory(place / "b", _files(good))
    (place / "b" / "records.jsonl").unlink()
    os.mkfifo(place / "b" / "records.jsonl")
    return place / "b"


def pipe(place: Path, good: Path) -> Path:  # noqa: ARG001  # all are called alike
    os.mkfifo(place / "b.zip")
    return place / "b.zip"


def device(place: Path, good: Path) -> Path:  # noqa: ARG001  # all are called alike
    return Path("/dev/zero")


def dangling(place: Path, good: Path) -> Path:  # noqa: ARG001  # all are called alike
    (place / "b.zip").symlink_to("nowhere")
    return place / "b.zip"


def loop(place: Path, good: Path) -> Path:  # noqa: ARG001  # all are called alike
    (place / "b.zip").symlink_to("b.zip")
    return place / "b.zip"


def empty(place: Path, good: Path) -> Path:  # noqa: ARG001  # all are called alike
    (place / "b.zip").touch()
    return place / "b.zip"


def empty_directory(place: Path, good: Path) -> Path:  # noqa: ARG001  # all are called alike
    (place / "b").mkdir()
    return place / "b"


def deep_directory(place: Path, good: Path) -> Path:
    directory(place / "b", _files(good))
    deep = place / "b" / "/".join("d" * 900)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    return place / "b"


def strange_name(place: Path, good: Path) -> Path:
    """A file whose name is no text."""
    directory(place / "b", _files(good))
    Path(os.fsdecode(bytes(place / "b") + b"/\xff\x1b[31m")).touch()
    return place / "b"


def many(place: Path, good: Path) -> Path:
    return archive(
        place / "b.zip", [*_files(good).items(), *((f"l/{n}", b"") for n in range(5000))]
    )


def huge_number(seen: list[dict[str, Any]]) -> list[Any]:
    """Whole numbers that are longer than Python reads, or than a float can be."""
    return changed(seen, "verdict", seconds=10**400)


SCRIPT = "<script>alert(1)</script>\x1b[31m\u202e"

BAD: dict[str, Made] = {
    "truncated": cut,
    "torn": torn,
    "empty": empty,
    "empty-directory": empty_directory,
    "foreign-archive": foreign_archive,
    "foreign-records": foreign_records,
    "forged-verdict": with_records(lambda seen: changed(seen, "verdict", verdict="failed")),
    "newer-bundle": with_manifest(schema=2),
    "newer-records": with_records(lambda seen: changed(seen, "run", schema=2)),
    "traversal": with_member("../../escaped"),
    "absolute": with_member("/tmp/escaped"),
    "backslash": with_member("..\\escaped"),
    "link": with_member("link", b"/etc/passwd", mode=0o120777),
    "twice": with_member("records.jsonl"),
    "many-members": many,
    "list-of-members": list_of_members,
    "bzip2": bzip2,
    "zeros": bomb,
    "zeros-beside": bomb_beside,
    "zeros-line": with_lines(lambda records: records + bytes(100 << 20)),
    "objects": objects,
    "huge-number": with_records(huge_number),
    "digits": with_lines(lambda lines: lines + b'{"type":"end","exit":%s}\n' % (b"9" * 10_000)),
    "infinite": with_records(lambda seen: changed(seen, "end", exit=1e999, counts={"x": 1e999})),
    "deep": with_lines(lambda lines: lines + f'{{"x":{nested(100_000)}}}\n'.encode()),
    "deep-manifest": with_manifest(files=json.loads(nested(900))),
    "rather-deep": with_records(
        lambda seen: changed(seen, "timeline", expectation=json.loads(nested(900)))
    ),
    "nul": with_lines(lambda lines: lines.replace(b'"type"', b'"\0type"')),
    "utf-16": with_lines(lambda lines: lines.decode().encode("utf-16")),
    "latin-1": with_lines(lambda lines: lines.replace(b"suites/x.py", b"suites/\xff.py")),
    "surrogate": with_records(
        lambda seen: changed(seen, "verdict", reading="\ud800", check="\udfff")
    ),
    "lists-for-texts": with_records(lambda seen: changed(seen, "run", options={"profiles": [[]]})),
    "list-in-fingerprint": with_records(
        lambda seen: changed(seen, "target", fingerprint={"kubernetes": [1], "runtime": {}})
    ),
    "evidence-of-another-kind": with_records(
        lambda seen: changed(seen, "timeline", expectation={"pod": []})
    ),
    "script": with_records(lambda seen: changed(seen, "verdict", reading=SCRIPT, text=SCRIPT)),
    "script-in-a-target": with_records(lambda seen: changed(seen, "target", target=SCRIPT)),
    "script-in-a-run": with_records(lambda seen: changed(seen, "run", run=SCRIPT)),
    "link-in-directory": link_in_directory,
    "pipe-in-directory": pipe_in_directory,
    "pipe": pipe,
    "device": device,
    "dangling": dangling,
    "loop": loop,
    "deep-directory": deep_directory,
    "strange-name": strange_name,
}
