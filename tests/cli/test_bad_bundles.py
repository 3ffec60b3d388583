"""A bundle that nobody vouches for: refused or shown safely, in bounded memory, nothing written."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.bad_bundles import BAD, directory
from tests.cli.conftest import OFFLINE
from tests.cli.forking import Forker, forker
from tests.reports import whole_run

from podresize_reports import contents, verifying
from podresize_reports.bundle import write_bundle
from podresize_reports.scrubbing import Scrubber

# Of address space: Python with podresize has 0.3 GiB of it. The bombs are far more than the rest.
MEMORY = 1280 << 20
# {bad} is a bad bundle, {good} a good one, {out} a directory where nothing is.
COMMANDS = {
    "verify": ("verify", "{bad}"),
    "rejudge": ("rejudge", "{bad}", "--out", "{out}/new"),
    "merge": ("merge", "{bad}", "{good}", "--out", "{out}/new"),
    "certificate": ("certificate", "{bad}", "--out", "{out}/new"),
    "certificate-check": ("certificate", "--check", "{bad}"),
    "history-add": ("history", "add", "{bad}", "--history", "{out}/history"),
    "history-report": ("history", "report", "--history", "{bad}"),
    "compare": ("compare", "{bad}", "{good}"),
    "bundle": ("bundle", "{bad}", "{out}/new.zip"),
}
# Whose records are those of a run, whatever else is wrong with them: these are judged again.
JUDGED = {
    *("forged-verdict", "newer-bundle", "newer-records", "huge-number", "digits", "infinite"),
    *(
        "deep",
        "deep-manifest",
        "latin-1",
        "surrogate",
        "strange-name",
        "lists-for-texts",
        "list-in-fingerprint",
    ),
    *("script", "script-in-a-target", "script-in-a-run", "zeros-beside", "deep-directory"),
}
FINE = {
    # SQLite: a history that nothing was written to yet.
    ("history-report", "empty"),
    # To what makes a bundle it is the directory of a run, with files that it does not take.
    *(("bundle", "deep-directory"), ("bundle", "strange-name")),
}
REPORTS = {"records.jsonl", "junit.xml", "index.html"}


@pytest.fixture(scope="module")
def call() -> Iterator[Forker]:
    with forker({**os.environ, **OFFLINE}) as running:
        yield running


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("good")
    out = whole_run.write(place / "out", whole_run.records())
    return write_bundle(out, place / "good.zip", Scrubber({})).path


@pytest.mark.parametrize("kind", BAD)
def test_no_command_takes_a_bad_bundle_for_a_good_one(
    call: Forker, tmp_path: Path, good: Path, kind: str
) -> None:
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    bad = BAD[kind](place, good)
    before = set(tmp_path.rglob("*"))

    for command, words in COMMANDS.items():
        if (command, kind) in FINE:
            continue
        out = tmp_path / f"out-{command}"
        out.mkdir()
        filled = [word.format(bad=bad, good=good, out=out) for word in words]

        code, text = call(*filled, memory=MEMORY)

        told = f"{command}: {code}\n{text}"
        is_judged = command == "rejudge" and kind in JUDGED
        assert code in ((0, 1) if is_judged else (1, 2)), told
        assert "Traceback" not in text, told
        assert text.count("\n") <= 60, told
        assert text.replace("\n", "").isprintable(), told
        if code == 2:
            assert len(re.findall(r"^[Ee]rror: ", text, re.MULTILINE)) == 1, told
        left = {each.relative_to(out).as_posix() for each in out.rglob("*")}
        allowed = {"new", *(f"new/{name}" for name in REPORTS)} if is_judged else set()
        # A history without a run is one.
        assert left == allowed or (command == "history-add" and left == {"history"}), told
    new = set(tmp_path.rglob("*")) - before
    assert all(each.relative_to(tmp_path).parts[0].startswith("out-") for each in new)
    assert not Path("/tmp/escaped").exists()


def test_a_good_bundle_passes_the_same_commands(call: Forker, tmp_path: Path, good: Path) -> None:
    out = tmp_path / "out"
    for command in ("verify", "rejudge", "history-add"):
        filled = [word.format(bad=good, out=out) for word in COMMANDS[command]]

        assert call(*filled, memory=MEMORY)[0] == 0


@pytest.mark.parametrize("command", ["verify", "rejudge", "merge", "history-add"])
def test_what_may_not_be_read_is_said_and_not_passed_over(
    call: Forker, tmp_path: Path, good: Path, command: str
) -> None:
    with zipfile.ZipFile(good) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    bad = directory(tmp_path / "b", files)
    (bad / "logs" / "one").chmod(0)
    above = Path(tempfile.gettempdir())
    for each in (*tmp_path.parents, tmp_path):
        if each != above and each.is_relative_to(above):
            each.chmod(each.stat().st_mode | 0o755)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)
    filled = [w.format(bad=bad, good=good, out=tmp_path / "out") for w in COMMANDS[command]]

    code, text = call(*filled, memory=MEMORY, nobody=True)

    assert code in (1, 2), text
    if command != "rejudge":
        assert "the directory logs/one: Permission denied" in text


def test_what_is_judged_is_what_was_hashed(
    tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records are replaced as soon as they have been read once."""
    with zipfile.ZipFile(good) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    bad = directory(tmp_path / "b", files)
    read: list[str] = []

    def open_once(path: Path, *, follow: bool = True) -> object:
        read.append(path.name)
        file = plain(path, follow=follow)
        if path.name == "records.jsonl":
            path.unlink()
            path.write_bytes(b"{}\n")
        return file

    plain = contents.open_plain
    monkeypatch.setattr(contents, "open_plain", open_once)

    found = verifying.verify_bundle(bad)

    assert not found.complaints
    assert b"".join(found.lines) == files["records.jsonl"]
    assert sorted(read) == sorted(Path(name).name for name in files)
