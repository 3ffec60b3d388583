"""One file over HTTP: quick to give up, resumed where possible, never kept unverified."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from podresize.artifacts.layout import locked, remove_if_free, sha256_of
from podresize.artifacts.progress import Advance
from podresize.artifacts.source import SourcePassedOverError

CONNECT_SECONDS = 5.0
STALL_SECONDS = 20.0  # without one byte
RESUMES = 5  # at once, after a connection that was closed early but brought something

# Hosts that could not be reached, with the reason: asked once per process, not once per file.
_unreachable: dict[str, str] = {}


def forget_unreachable() -> None:
    """Let every host be tried again."""
    _unreachable.clear()


class _ClosedEarlyError(SourcePassedOverError):
    """The connection ended before the file did."""


class Downloader:
    """Fetches texts and files. ``connect`` and ``stall`` are seconds."""

    def __init__(self, *, connect: float = CONNECT_SECONDS, stall: float = STALL_SECONDS) -> None:
        self._timeout = httpx.Timeout(stall, connect=connect)

    def text(self, url: str) -> str:
        """Return a small text (a checksum file). Raises ``SourcePassedOverError``."""
        with self._client(url) as client:
            try:
                answer = client.get(url)
            except httpx.HTTPError as error:
                raise self._refused(url, error) from error
        _check_status(answer, url)
        return answer.text

    def file(self, url: str, target: Path, *, sha256: str, partial: Path, advance: Advance) -> None:
        """Put the bytes of ``url`` at ``target``, on the file system of ``partial``.

        What has arrived is kept in the directory ``partial`` until it is whole, so that a killed
        or stalled download goes on where it stopped. A whole file with another checksum is
        removed; when it was resumed it is fetched once more from its start, since the older part
        may be to blame. Raises ``SourcePassedOverError``.
        """
        part = partial / f"{hashlib.sha256(f'{url} {sha256}'.encode()).hexdigest()}.part"
        part.touch()
        with locked(part):
            resumed = part.stat().st_size > 0
            self._complete(url, part, advance)
            if sha256_of(part) != sha256 and resumed:
                os.truncate(part, 0)
                self._complete(url, part, advance)
            found = sha256_of(part)
            if found == sha256:
                shutil.move(part, target)
                return
        remove_if_free(part)
        raise SourcePassedOverError(
            f"{_name(url)} has the wrong checksum ({found[:12]}..., published {sha256[:12]}...)"
        )

    def _complete(self, url: str, part: Path, advance: Advance) -> None:
        for left in reversed(range(RESUMES)):
            have = part.stat().st_size
            try:
                self._append(url, part, advance)
            except _ClosedEarlyError:
                if not left or part.stat().st_size <= have:
                    raise
            else:
                return

    def _append(self, url: str, part: Path, advance: Advance) -> None:
        have = part.stat().st_size
        headers = {"Range": f"bytes={have}-"} if have else {}
        # Compressed on the way, a length would not be the file's.
        headers["Accept-Encoding"] = "identity"
        with self._client(url) as client:
            try:
                with client.stream("GET", url, headers=headers) as answer:
                    if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                        return  # nothing is missing: the checksum will tell
                    _check_status(answer, url)
                    if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                        have = 0  # a server without ranges sends all of it again
                    _write(answer, part, have, advance)
            except httpx.HTTPError as error:
                raise self._refused(url, error) from error

    def _client(self, url: str) -> httpx.Client:
        host = urlsplit(url).netloc
        if host in _unreachable:
            raise SourcePassedOverError(_unreachable[host])
        return httpx.Client(timeout=self._timeout, follow_redirects=True)

    def _refused(self, url: str, error: httpx.HTTPError) -> SourcePassedOverError:
        host = urlsplit(url).netloc
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            said = " ".join(str(error).split()) or f"no answer within {self._timeout.connect:.0f} s"
            _unreachable[host] = f"{host} cannot be reached: {said}"
            return SourcePassedOverError(_unreachable[host])
        if isinstance(error, httpx.ReadTimeout):
            return SourcePassedOverError(
                f"{host} sent nothing for {self._timeout.read:.0f} s; "
                f"what arrived of {_name(url)} is kept and resumed next time"
            )
        if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
            return _ClosedEarlyError(
                f"{host} closed the connection early; "
                f"what arrived of {_name(url)} is kept and resumed next time"
            )
        return SourcePassedOverError(f"{host}: {' '.join(str(error).split())}")


def _write(answer: httpx.Response, part: Path, have: int, advance: Advance) -> None:
    length = answer.headers.get("Content-Length", "")
    total = have + int(length) if length.isdigit() else None
    with part.open("r+b") as file:
        file.truncate(have)
        file.seek(have)
        for chunk in answer.iter_raw():
            file.write(chunk)
            have += len(chunk)
            advance(have, total)


def _check_status(answer: httpx.Response, url: str) -> None:
    if answer.is_success:
        return
    host = urlsplit(url).netloc
    raise SourcePassedOverError(f"{host} answers {answer.status_code} for {urlsplit(url).path}")


def _name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]
