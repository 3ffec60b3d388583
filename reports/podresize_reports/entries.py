"""Published certificates: one directory for each product, below the version of podresize.

    certification/<version>/<product>/   bundle.zip and what is drawn from it
    certification/README.md              all of them in one table

Everything but the bundles is drawn: an entry is checked by drawing it again. One of another
version of podresize is checked for being whole; its verdicts are for that version to derive.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import podresize
from podresize.errors import UsageError
from podresize_reports.certificate import KIND, SCHEMA, Certificate, certificates, to_yaml
from podresize_reports.certificate_page import badge, page
from podresize_reports.command_line import without_options
from podresize_reports.contents import LARGEST_FILE, open_plain
from podresize_reports.loading import Run
from podresize_reports.markdown import text
from podresize_reports.text import natural
from podresize_reports.verifying import Complaint, verify_bundle
from podresize_reports.write import write_atomically

BUNDLE = "bundle.zip"
CERTIFICATE = "certificate.yaml"
INDEX = "README.md"
_LARGEST_CERTIFICATE = 1 << 20
_NOT_IN_A_NAME = re.compile(r"[^\w.+-]+")
_HEAD = """\
# Certificates

Each is of one stack, with its evidence, its page and the command that reproduces it; what the
results mean: [docs/certification.md](../docs/certification.md). `podresize certificate --check
certification` checks all of them.

| stack | results | deviations | podresize | day |
|---|---|---|---|---|
"""


class ComplaintsError(Exception):
    """A bundle with complaints, which certifies nothing."""

    def __init__(self, complaints: tuple[Complaint, ...]) -> None:
        super().__init__("; ".join(map(str, complaints)))
        self.complaints = complaints


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One published certificate: its directory, and what its certificate.yaml says."""

    directory: Path
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """Version and product, as the directories are named."""
        return f"{self.directory.parent.name}/{self.directory.name}"

    @property
    def results(self) -> dict[str, str]:
        """What each profile comes to."""
        return {name: str(each["result"]) for name, each in self.document["profiles"].items()}

    @property
    def deviations(self) -> list[str]:
        """The ids of the deviations that made some profile depart."""
        found = {id_ for each in self.document["profiles"].values() for id_ in each["deviations"]}
        return sorted(found, key=natural)


@contextlib.contextmanager
def copied(bundle: Path) -> Iterator[Path]:
    """Yield a copy of an archive that nobody else can change; a directory is yielded as it is.

    So is what cannot be copied: who reads it says why. Raises ``UsageError`` for what is larger
    than any bundle.
    """
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / BUNDLE
        yield bundle if bundle.is_dir() or not _copy(bundle, place) else place


def _copy(bundle: Path, place: Path) -> bool:
    size = 0
    try:
        with open_plain(bundle) as source, place.open("wb") as copy:
            while block := source.read(1 << 20):
                size += copy.write(block)
                if size > LARGEST_FILE:
                    break
    except OSError:
        return False
    if size > LARGEST_FILE:
        raise UsageError(
            "this is larger than any bundle",
            value=f"{bundle}: more than {LARGEST_FILE >> 20} MiB",
            origin="the command line",
            causes=("it is another file",),
            next_command=f"podresize verify {bundle}",
        )
    return True


def certified(bundle: Path, *, named: Path | None = None) -> tuple[Certificate, str]:
    """Return the certificate of a bundle's one stack, and the bundle's digest.

    Raises ``ComplaintsError`` for one that does not verify, and ``UsageError`` where it is of no
    stack or of several, or of no profile; that names the bundle as it is ``named`` to its user.
    """
    verification = verify_bundle(bundle)
    if verification.complaints:
        raise ComplaintsError(verification.complaints)
    assert verification.run is not None
    found = certificates(verification.run)
    if len(found) != 1 or not found[0].profiles:
        stacks = "; ".join(each.target.label for each in found)
        raise UsageError(
            "a certificate is of one stack and at least one profile",
            value=f"{named or bundle}: {stacks or 'a run of single requirements'}",
            origin="the command line",
            causes=(
                "the run had several targets: each needs a run of its own",
                "the run named requirements, or no profile but headline",
            ),
            next_command="podresize run --profile core --containerd 2.1.4 --kubernetes 1.37.2 "
            "--no-gate-off --bundle core.zip",
        )
    return found[0], verification.digest


def drawn(found: Certificate, digest: str) -> dict[str, bytes]:
    """Return the files of a certificate by name, drawn from the run of a bundle."""
    files = {
        CERTIFICATE: to_yaml(found, bundle=digest),
        "certificate.md": page(found, bundle=digest, reproduce=_reproduce(found.run)),
    }
    return files | {f"{each.profile}.svg": badge(each) for each in found.profiles}


def _reproduce(run: Run) -> str:
    # Where a run was written says nothing of it.
    return shlex.join(["podresize", *without_options(run.argv, "out", "bundle")])


def not_drawn(directory: Path, files: dict[str, bytes]) -> Iterator[Complaint]:
    """Yield each file of a directory that is not one that its bundle gives, or is not there."""
    for name, content in files.items():
        place = directory / name
        if not is_file_with(place, content):
            found = "another file" if place.exists() else "nothing"
            yield Complaint(field=str(place), found=found, wanted=f"the one that {BUNDLE} gives")
    for path in sorted(directory.iterdir()):
        if path.name not in {BUNDLE, *files}:
            wanted = f"none: {BUNDLE} gives no such file"
            yield Complaint(field=str(path), found="another file", wanted=wanted)


def is_file_with(path: Path, content: bytes) -> bool:
    """Return whether there is a plain file with exactly that content."""
    try:
        with open_plain(path) as file:
            return bool(file.read(len(content) + 1) == content)
    except OSError:
        return False


def product_of(found: Certificate) -> str:
    """Return the name of the directory of a stack: its parts and their versions."""
    said = found.target.fingerprint
    pairs = [("kubernetes", said.get("kubernetes"))]
    for key in ("runtime", "oci_runtime"):
        pairs.append((str(said.get(key)), said.get(f"{key}_version")))
    parts = [f"{name}-{version}" for name, version in pairs if version]
    if said.get("gate") is False:
        parts.append("gate-off")
    parts.append(f"cgroup-v{said.get('cgroup_version')}")
    # Of two stacks that differ in nothing else, one would take the other's place.
    if said.get("cgroup_driver") == "systemd":
        parts.append("systemd")
    return _NOT_IN_A_NAME.sub("-", "-".join(dict.fromkeys(parts)))


def entries(root: Path) -> list[Entry]:
    """Return the published certificates below a directory, by version and product.

    Raises ``ComplaintsError`` where a directory holds none that can be read.
    """
    places = (
        place for version in root.iterdir() if version.is_dir() for place in version.iterdir()
    )
    found = [Entry(directory=place, document=_document(place)) for place in places]
    return sorted(found, key=lambda each: natural(each.name))


def _document(place: Path) -> dict[str, Any]:
    file = place / CERTIFICATE
    wanted = f"a certificate of schema {SCHEMA}"
    try:
        if file.stat().st_size > _LARGEST_CERTIFICATE:
            raise ValueError("it is larger than any")
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        if (document["kind"], document["schema"]) != (KIND, SCHEMA):
            raise ValueError(f"kind {document['kind']!r}, schema {document['schema']!r}")
        keys = ("podresize", "bundle"), ("run", "stack", "profiles")
        if not all(isinstance(document[key], str) for key in keys[0]):
            raise ValueError(f"one of {', '.join(keys[0])} is no text")
        if not all(isinstance(document[key], dict) for key in keys[1]):
            raise ValueError(f"one of {', '.join(keys[1])} is no mapping")
        for profile in document["profiles"].values():
            profile.setdefault("deviations", {})
            str(profile["result"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as error:
        found = f"none that can be read ({type(error).__name__}: {error})"
        raise ComplaintsError((Complaint(field=str(file), found=found, wanted=wanted),)) from None
    return dict(document)


def check(entry: Entry) -> tuple[Complaint, ...]:
    """Return what is wrong with an entry, nothing where all of it follows from its bundle."""
    return tuple(_checked(entry))


def _checked(entry: Entry) -> Iterator[Complaint]:
    directory, stated = entry.directory, entry.document
    version, bundle = directory.parent.name, directory / BUNDLE
    if version != stated["podresize"]:
        wanted = f"its directory's, {version}"
        yield Complaint(field=f"{entry.name} podresize", found=stated["podresize"], wanted=wanted)
        return
    if version != podresize.__version__:
        whole = verify_bundle(bundle, digest=stated["bundle"], judges=False)
        yield from whole.complaints
        return
    try:
        found, digest = certified(bundle)
    except ComplaintsError as error:
        yield from error.complaints
        return
    except UsageError as error:
        yield Complaint(field=str(bundle), found=str(error.value), wanted="one stack, a profile")
        return
    yield from not_drawn(directory, drawn(found, digest))
    if (product := product_of(found)) != directory.name:
        yield Complaint(field=f"{entry.name}, its directory", found=directory.name, wanted=product)


def index(found: list[Entry]) -> bytes:
    """Return the table of all entries, newest version first."""
    rows = [_row(entry) for entry in found]
    return (_HEAD + "".join(rows)).encode()


def _row(entry: Entry) -> str:
    document = entry.document
    results = "; ".join(f"{profile}: {result}" for profile, result in entry.results.items())
    cells = (
        f"[{text(str(document['stack'].get('label', '')))}]({entry.name}/certificate.md)",
        text(results),
        text(", ".join(entry.deviations)),
        text(document["podresize"]),
        text(str(document["run"].get("started", ""))[:10]),
    )
    return f"| {' | '.join(cells)} |\n"


def write_entry(place: Path, bundle: Path, files: dict[str, bytes]) -> None:
    """Write a certificate's files, and the archive that they are drawn from, into a directory."""
    place.mkdir(parents=True, exist_ok=True)
    write_atomically(place / BUNDLE, bundle.read_bytes())
    for name, content in files.items():
        write_atomically(place / name, content)


def publish(bundle: Path, root: Path, found: Certificate, files: dict[str, bytes]) -> Entry:
    """File what is drawn from a bundle below ``root`` as the entry of its stack; draw the table.

    An entry of that stack that is there is replaced.
    """
    place = root / found.run.version / product_of(found)
    write_entry(place, bundle, files)
    all_of_them = entries(root)
    write_atomically(root / INDEX, index(all_of_them))
    return next(each for each in all_of_them if each.directory == place)
