"""A bundle is whole, says what its evidence says, and nothing that is wrong with it goes unsaid."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.reports import whole_run

from podresize.errors import UsageError
from podresize_reports import contents
from podresize_reports.bundle import write_bundle
from podresize_reports.scrubbing import LEFT_OUT, Scrubber
from podresize_reports.verifying import verify_bundle

Records = list[dict[str, Any]]
Spoil = Callable[[Records], None]
PLAIN = Scrubber({})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return whole_run.write(tmp_path / "out", whole_run.records())


def complaints(place: Path, **options: Any) -> list[str]:
    return [str(each) for each in verify_bundle(place, **options).complaints]


def remade(place: Path, spoil: Spoil) -> None:
    """Change the records of a bundle, and the manifest so that the change is listed."""
    file = place / "records.jsonl"
    seen = [json.loads(line) for line in file.read_text().splitlines()]
    spoil(seen)
    file.write_text("".join(json.dumps(each) + "\n" for each in seen))
    for report in ("index.html", "junit.xml"):
        (place / report).unlink()
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["files"] = {
        name: {
            "bytes": (place / name).stat().st_size,
            "sha256": hashlib.sha256((place / name).read_bytes()).hexdigest(),
        }
        for name in manifest["files"]
        if (place / name).exists()
    }
    (place / "manifest.json").write_text(json.dumps(manifest))


def of(seen: Records, kind: str, **fields: Any) -> dict[str, Any]:
    return next(
        each
        for each in seen
        if each["type"] == kind and all(each[name] == value for name, value in fields.items())
    )


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
@pytest.mark.parametrize("silent", [False, True])
def test_a_bundle_of_a_run_has_nothing_wrong(tmp_path: Path, name: str, silent: bool) -> None:
    out = whole_run.write(tmp_path / "out", whole_run.records(silent=silent))

    written = write_bundle(out, tmp_path / name, PLAIN)
    found = verify_bundle(tmp_path / name, digest=written.digest)

    assert not found.complaints
    assert (found.derived, found.unproved) == (3, 1)
    assert found.digest == written.digest
    assert written.files == 5


def test_the_same_run_makes_the_same_archive(tmp_path: Path, out: Path) -> None:
    for name in ("a.zip", "b.zip"):
        write_bundle(out, tmp_path / name, PLAIN)

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda seen: of(seen, "verdict", requirement="ST-21").update(verdict="failed"),
            "found failed, wanted passed, by its evidence",
        ),
        (
            lambda seen: of(seen, "claims")["claims"][0].update(got=201),
            "API-30 of suites/x.py::test_x: found passed, wanted failed, by its evidence",
        ),
        (
            lambda seen: of(seen, "verdict", requirement="API-30").update(verdict="unsupported"),
            "API-30 of suites/x.py::test_x: found unsupported, wanted passed",
        ),
        (
            lambda seen: of(seen, "verdict", requirement="ST-40").update(verdict="passed"),
            "ST-40 of suites/x.py::test_x evidence: found none, wanted a timeline or claims",
        ),
        (
            lambda seen: seen.remove(of(seen, "verdict", requirement="KL-30")),
            "found none of KL-30, wanted one of each check",
        ),
        (
            lambda seen: of(seen, "verdict", requirement="KL-30").update(requirement="KL-99"),
            "KL-99 of suites/x.py::test_x: found a requirement that is not known",
        ),
        (
            lambda seen: of(seen, "verdict", requirement="KL-30").update(level="SHOULD"),
            "KL-30 of suites/x.py::test_x level: found SHOULD, wanted MUST",
        ),
        (
            lambda seen: of(seen, "verdict", requirement="ST-21").update(timeline="another"),
            "ST-21 of suites/x.py::test_x evidence: found none",
        ),
        (
            lambda seen: of(seen, "timeline")["expectation"].clear(),
            "wanted evidence that can be judged",
        ),
        (lambda seen: seen.pop(), "records.jsonl end: found none: the run died half way"),
        (
            lambda seen: of(seen, "end")["counts"].update(passed=9),
            "records.jsonl end counts: found {'passed': 9,",
        ),
        (lambda seen: of(seen, "run").update(run="other"), "manifest.json run: found '7f3a'"),
        (
            lambda seen: of(seen, "target")["fingerprint"].update(kubernetes="1.30.0"),
            "a target's fingerprint: found kubernetes 1.30.0",
        ),
        (
            lambda seen: of(seen, "target")["fingerprint"].update(strange=1),
            "a target's fingerprint: found none that can be read",
        ),
        (lambda seen: of(seen, "run").update(schema=2), "the records are of schema 2"),
    ],
)
def test_what_is_forged_does_not_follow(tmp_path: Path, out: Path, spoil: Spoil, said: str) -> None:
    """Also where the forger wrote the manifest anew."""
    place = write_bundle(out, tmp_path / "b", PLAIN).path
    remade(place, spoil)

    assert any(said in each for each in complaints(place)), complaints(place)


def test_an_error_may_be_less_than_its_evidence(tmp_path: Path, out: Path) -> None:
    place = write_bundle(out, tmp_path / "b", PLAIN).path

    def spoil(seen: Records) -> None:
        of(seen, "verdict", requirement="ST-21").update(verdict="error")
        of(seen, "end").update(counts={"error": 1, "passed": 2, "unsupported": 1})

    remade(place, spoil)

    assert complaints(place) == []


def test_another_digest_is_another_bundle(tmp_path: Path, out: Path) -> None:
    written = write_bundle(out, tmp_path / "b", PLAIN)

    assert complaints(written.path, digest="sha256:0") == [
        f"its digest: found {written.digest}, wanted sha256:0"
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda place: (place / "records.jsonl").write_bytes(
                (place / "records.jsonl").read_bytes()[:-30]
            ),
            "records.jsonl bytes: found",
        ),
        (lambda place: (place / "more.txt").write_text("x"), "more.txt: found a file, wanted none"),
        (lambda place: (place / "index.html").unlink(), "index.html: found nothing, wanted the"),
        (lambda place: (place / "manifest.json").unlink(), "4 files and no manifest.json"),
        (lambda place: (place / "manifest.json").write_text("{"), "manifest.json: found no JSON"),
        (lambda place: (place / "manifest.json").write_text("[]"), "kind: found 'list', wanted"),
        (lambda place: (place / "link").symlink_to("/etc/hostname"), "found link is a link"),
    ],
)
def test_what_is_not_whole_is_said(
    tmp_path: Path, out: Path, spoil: Callable[[Path], Any], said: str
) -> None:
    place = write_bundle(out, tmp_path / "b", PLAIN).path
    spoil(place)

    assert any(said in each for each in complaints(place)), complaints(place)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"schema": 2}, "manifest.json schema: found 2, wanted 1; another release"),
        ({"kind": "other"}, "manifest.json kind: found 'other', wanted 'podresize-bundle'"),
        ({"files": []}, "manifest.json files: found list, wanted dict"),
        ({"files": {"../x": {}}}, "manifest.json files: found '../x': it leads out of the bundle"),
    ],
)
def test_a_manifest_of_another_kind_is_said(
    tmp_path: Path, out: Path, fields: dict[str, Any], said: str
) -> None:
    place = write_bundle(out, tmp_path / "b", PLAIN).path
    manifest = json.loads((place / "manifest.json").read_text()) | fields
    (place / "manifest.json").write_text(json.dumps(manifest))

    assert any(said in each for each in complaints(place)), complaints(place)


def test_a_report_that_the_records_do_not_give_is_said(tmp_path: Path, out: Path) -> None:
    place = write_bundle(out, tmp_path / "b", PLAIN).path
    page = place / "index.html"
    page.write_text(page.read_text().replace("passed", "PASSED"))
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["files"]["index.html"] = {
        "bytes": page.stat().st_size,
        "sha256": hashlib.sha256(page.read_bytes()).hexdigest(),
    }
    (place / "manifest.json").write_text(json.dumps(manifest))

    assert complaints(place) == [
        "index.html: found another report, wanted the one that records.jsonl gives"
    ]


def archive(path: Path, *members: tuple[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            made.writestr(info, content)
    return path


@pytest.mark.parametrize(
    ("members", "mode", "said"),
    [
        ((("../../etc/passwd", b"x"),), 0, "the name '../../etc/passwd': it leads out"),
        ((("/etc/passwd", b"x"),), 0, "the name '/etc/passwd': it leads out"),
        ((("a//b", b"x"),), 0, "the name 'a//b': it is not a plain path"),
        ((("link", b"/etc/passwd"),), 0o120777, "'link' is no plain file"),
        ((("x", b"a"),), 0, "1 files and no manifest.json"),
        ((), 0, "an empty directory"),
    ],
)
def test_a_hostile_archive_is_refused(
    tmp_path: Path, members: tuple[tuple[str, bytes], ...], mode: int, said: str
) -> None:
    place = archive(tmp_path / "b.zip", *members, mode=mode)

    assert any(said in each for each in complaints(place)), complaints(place)


def test_zeros_without_end_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "LARGEST_FILE", 3 << 20)
    place = archive(tmp_path / "b.zip", ("manifest.json", bytes(5 << 20)))
    assert place.stat().st_size < 10_000

    assert complaints(place) == [
        "the bundle: found manifest.json is larger than 3 MiB, wanted a bundle of podresize"
    ]


@pytest.mark.parametrize("cut", [10, 300])
def test_an_archive_that_was_cut_short_is_refused(tmp_path: Path, out: Path, cut: int) -> None:
    place = write_bundle(out, tmp_path / "b.zip", PLAIN).path
    place.write_bytes(place.read_bytes()[:-cut])

    (said,) = complaints(place)
    assert "neither a directory nor a whole archive" in said


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("no archive")

    assert "neither a directory nor a whole archive" in complaints(tmp_path / "b.zip")[0]
    assert "there is no such file" in complaints(tmp_path / "none")[0]


def test_a_bundle_overwrites_nothing(tmp_path: Path, out: Path) -> None:
    (tmp_path / "b").mkdir()
    write_bundle(out, tmp_path / "b", PLAIN)  # an empty directory is one to fill

    for place in (tmp_path / "b", out / "records.jsonl"):
        with pytest.raises(UsageError, match="there is something where the bundle is to go"):
            write_bundle(out, place, PLAIN)


def test_a_directory_without_a_run_makes_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the records cannot be read"):
        write_bundle(tmp_path, tmp_path / "b", PLAIN)

    assert not list(tmp_path.iterdir())


def test_a_run_that_died_makes_one_that_says_so(tmp_path: Path, out: Path) -> None:
    file = out / "records.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]) + b'{"type":"verd')

    place = write_bundle(out, tmp_path / "b.zip", PLAIN).path

    assert complaints(place) == ["records.jsonl end: found none: the run died half way, wanted one"]


def test_paths_and_secrets_are_left_out(tmp_path: Path) -> None:
    seen = whole_run.records()
    token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"
    of(seen, "run")["argv"] = ["run", "--kubeconfig=/home/someone/.kube/config"]
    of(seen, "verdict", requirement="ST-40")["reading"] = f"said /home/someone/x and {token}"
    out = whole_run.write(tmp_path / "out", seen)
    (out / "logs/one/kubelet.log").write_text(
        "Authorization: Bearer abcdefghijk\n-----BEGIN RSA PRIVATE KEY-----\nMII\nxyz\n"
        "-----END RSA PRIVATE KEY-----\nat /home/someone and /home/someoneelse\n"
    )

    place = write_bundle(out, tmp_path / "b", Scrubber({"/home/someone": "~"})).path

    records = (place / "records.jsonl").read_text()
    assert "--kubeconfig=~/.kube/config" in records
    assert f"said ~/x and {LEFT_OUT}" in records
    assert (place / "logs/one/kubelet.log").read_text() == (
        f"Authorization: Bearer {LEFT_OUT}\n{LEFT_OUT}\nat ~ and /home/someoneelse\n"
    )
    assert complaints(place) == []


def test_what_a_pod_printed_is_data(tmp_path: Path) -> None:
    seen = whole_run.records()
    hostile = "<script>alert(1)</script>\x1b[31m"
    of(seen, "verdict", requirement="ST-40")["reading"] = hostile
    out = whole_run.write(tmp_path / "out", seen)

    place = write_bundle(out, tmp_path / "b", PLAIN).path

    assert complaints(place) == []
    assert b"<script>alert" not in (place / "index.html").read_bytes()
    assert b"\x1b" not in b"".join(each.read_bytes() for each in place.glob("*.*"))
