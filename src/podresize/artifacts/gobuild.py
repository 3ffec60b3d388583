"""One `go build` with its progress shown, its log kept and its children not outliving us."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import re
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path
from typing import IO

from podresize.artifacts.cache import Cache
from podresize.artifacts.layout import host_error
from podresize.artifacts.progress import Progress
from podresize.artifacts.running import ends_with_us
from podresize.artifacts.source import SourcePassedOverError

LOG_LINES = 15  # shown when a build fails
_TICK = 1.0  # seconds between two looks at the clock while the compiler is silent
# One linked program weighs about as much as this many compiled packages (measured: Kubernetes
# 1.27.4 compiles 2,400 packages in 340 s and links four programs in 15 s on 2 processors).
_LINK_WEIGHT = 25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GoBuild:
    """What to build: in ``directory``, a module; packages become programs in ``out``."""

    label: str  # "kubernetes 1.27.4 (amd64)", for people
    log_name: str  # "kubernetes-1.27.4-amd64", for the file system
    go: Path
    directory: Path
    packages: tuple[str, ...]
    out: Path
    arch: str
    cgo: bool = False
    headers: Path | None = None  # a root with C headers and libraries that this host has not
    tags: tuple[str, ...] = ()
    stamps: dict[str, str] = dataclasses.field(default_factory=dict)
    tests: str | None = None  # the name of the program that the one package's tests become

    @property
    def temporary(self) -> Path:
        """Where the compiler may litter."""
        return self.out.with_name("gotmp")

    def environment(self) -> dict[str, str]:
        """Return the environment of every go command: the user's proxy settings, our flags."""
        own = {
            "GOOS": "linux",
            "GOARCH": self.arch,
            "CGO_ENABLED": "1" if self.cgo else "0",
            # Replaces flags and a workspace of the user, which would change what is built.
            "GOFLAGS": "-mod=mod -buildvcs=false",
            "GOWORK": "off",
            # Beside the result: what a killed build leaves goes with its work directory.
            "GOTMPDIR": str(self.temporary),
        }
        if self.headers is not None:
            (libraries,) = (self.headers / "usr/lib").iterdir()
            own |= {
                "CGO_CFLAGS": f"-O2 -I{self.headers / 'usr/include'}",
                "CGO_LDFLAGS": f"-L{libraries}",
                "PKG_CONFIG_PATH": str(libraries / "pkgconfig"),
            }
        dropped = ("GOEXPERIMENT", "GODEBUG", "GOAMD64", "GOARM64")
        return {k: v for k, v in os.environ.items() if k not in dropped} | own

    def flags(self) -> list[str]:
        """Return what `go build` and `go list` share."""
        flags = ["-trimpath"]
        if self.tags:
            flags += ["-tags", ",".join(self.tags)]
        return flags


def build(job: GoBuild, *, cache: Cache, progress: Progress) -> None:
    """Build all packages in one call; tests after the packages that they import.

    Raises ``SourcePassedOverError`` with the log's last lines where the build fails and
    ``HostError`` where the disk is full.
    """
    for directory in (job.out, job.temporary):
        directory.mkdir(parents=True, exist_ok=True)
    log = cache.layout.logs / f"{job.log_name}-module.log"
    stale = ["list", *job.flags(), "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"]
    linking = ["-s -w", *(f"-X {name}={value}" for name, value in job.stamps.items())]
    if job.cgo:
        linking.append("-extldflags -static")  # as upstream's own: it runs on any host
    ldflags = " ".join(linking)
    flags = [*job.flags(), "-ldflags", ldflags]
    # What a package that is no program compiles to is only of use in the compiler's cache.
    into = [] if job.tests else ["-o", f"{job.out}/"]
    command = ["build", "-v", *flags, *into]
    with log.open("w", encoding="utf-8", buffering=1) as file:
        # Asking for the packages also fetches the modules: minutes from an empty module cache.
        packages = 0
        with progress.work(f"{job.label}: fetching modules", unit="modules") as advance:
            fetched = 0
            with contextlib.closing(_run(job, [*stale, *job.packages], log, file)) as lines:
                for stream, line in lines:
                    if stream == "stdout":
                        packages += bool(line)
                    elif line.startswith("go: downloading"):
                        fetched += 1
                    advance(fetched, None)
        compiled = 0
        total = packages + _LINK_WEIGHT * len(job.packages)
        with (
            progress.work(f"{job.label}: building", unit="steps") as advance,
            contextlib.closing(_run(job, [*command, *job.packages], log, file)) as lines,
        ):
            for stream, line in lines:
                compiled += stream == "stderr" and bool(line) and " " not in line
                advance(min(compiled, packages), total)
        if job.tests:
            link = ["test", "-c", *flags, "-o", str(job.out / job.tests)]
            with (
                progress.work(f"{job.label}: compiling the tests", unit="steps") as advance,
                contextlib.closing(_run(job, [*link, *job.packages], log, file)) as lines,
            ):
                for _ in lines:
                    advance(0, None)


def _run(
    job: GoBuild, arguments: list[str], log: Path, file: IO[str]
) -> Generator[tuple[str, str], None, None]:
    """Run one go command; yield ("stdout" or "stderr", line), and ("tick", "") while it is silent.

    Standard error goes to the log as well.
    """
    file.write(f"$ go {' '.join(arguments)}\n")
    lines: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
    command = [*ends_with_us(), str(job.go), *arguments]
    with subprocess.Popen(
        command,
        cwd=job.directory,
        env=job.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        pipes = {"stdout": process.stdout, "stderr": process.stderr}
        readers = [
            threading.Thread(target=_read, args=(name, pipe, lines), daemon=True)
            for name, pipe in pipes.items()
        ]
        for reader in readers:
            reader.start()
        open_pipes = len(readers)
        try:
            while open_pipes:
                try:
                    item = lines.get(timeout=_TICK)
                except queue.Empty:
                    yield ("tick", "")
                    continue
                if item is None:
                    open_pipes -= 1
                    continue
                if item[0] == "stderr":
                    file.write(f"{item[1]}\n")
                yield item
        except BaseException:
            process.kill()
            raise
        status = process.wait()
    if status != 0:
        raise _failure(log)


def _read(name: str, pipe: IO[str], lines: queue.SimpleQueue[tuple[str, str] | None]) -> None:
    for line in pipe:
        lines.put((name, line.rstrip("\n")))
    lines.put(None)


def _failure(log: Path) -> Exception:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    telling = [line for line in lines if not line.startswith("go: downloading")]
    tail = telling[-LOG_LINES:]
    if any("no space left on device" in line for line in tail):
        return host_error(OSError(28, "No space left on device"), log.parent)
    return SourcePassedOverError(
        why("\n".join(tail)) or "the Go build failed", log=log, log_tail="\n".join(tail)
    )


_UNREACHABLE = (
    *("dial tcp", "no such host", "connection refused", "i/o timeout"),
    *("module lookup disabled", "TLS handshake timeout"),
)
_ABSENT = re.compile(
    r"(\S+)@v(\S+?): (?:reading \S+: (?:403|404|410) |invalid version|unknown revision)"
)


def why(said: str) -> str | None:
    """Return in one line why the go command failed; ``None`` where it is not about the network."""
    if absent := _ABSENT.search(said):
        return f"the Go module proxy has no {absent.group(1)} {absent.group(2)}"
    if any(sign in said for sign in _UNREACHABLE):
        return "the Go module proxy cannot be reached"
    return None
