"""The content-addressed cache: verified files in, the same files out, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.artifacts.entry import Entry, Stored, entry_order, entry_text, read_entry
from podresize.artifacts.layout import (
    Layout,
    host_error,
    remove_tree,
    sha256_of,
    sync,
    write_atomically,
)
from podresize.errors import HarnessError

_DATA = (".tar", ".squashfs", ".qcow2", ".cpio")  # what nobody executes


class Cache:
    """Entries on disk. Every method may run in any number of processes at a time."""

    def __init__(self, root: Path | None = None) -> None:
        self.layout = Layout(root)

    def find(
        self, component: Component, version: str, *, arch: str, source: Source
    ) -> Artifact | None:
        """Return an entry's files, ``None`` where it is absent or not as it was stored.

        The check is the cheap one: size and modification time of each file. An entry that fails
        it is dropped, so that it is fetched again.
        """
        entry = read_entry(self._index(component, version, arch, source))
        if entry is None:
            return None
        if not self._looks_intact(entry):
            self.drop(entry)
            return None
        # Prune goes by the last use; a cache that may only be read is good enough to read.
        with contextlib.suppress(OSError):
            os.utime(self._index(component, version, arch, source))
        return self._artifact(entry, cached=True)

    def entries(self) -> list[Entry]:
        """Return all entries, sorted by component, version and architecture.

        None of a cache that this user may not look into.
        """
        try:
            paths = list(self.layout.index.glob("*.json"))
        except PermissionError:
            paths = []
        found = [entry for path in paths if (entry := read_entry(path)) is not None]
        return sorted(found, key=entry_order)

    def store(
        self,
        component: Component,
        version: str,
        *,
        arch: str,
        source: Source,
        files: dict[str, Path],
    ) -> Artifact:
        """Take files out of a work directory of this cache and return them as they now lie.

        Objects come first, the named links second, the index last: whatever is killed in between
        leaves no index entry, so nothing half-written is ever found. Raises ``HostError`` where
        the disk is full.
        """
        self.layout.make()
        try:
            with self._writing():
                return self._store(component, version, arch, source, files)
        except OSError as error:
            with contextlib.suppress(OSError):
                self.drop_orphans()  # the objects that still found room
            raise host_error(error, self.layout.root) from error

    def _store(
        self, component: Component, version: str, arch: str, source: Source, files: dict[str, Path]
    ) -> Artifact:
        stored = {name: self._adopt(path) for name, path in files.items()}
        self._link(self._directory(component, version, arch, source), stored)
        entry = Entry(
            component=component,
            version=version,
            arch=arch,
            source=source,
            stored_at=time.time(),
            files=self._measured(component, version, arch, source, stored),
        )
        write_atomically(self._index(component, version, arch, source), entry_text(entry))
        return self._artifact(entry, cached=False)

    def digests(self, artifact: Artifact) -> dict[str, str]:
        """Return the SHA-256 that each of an artifact's files had when it was stored.

        Raises ``HarnessError`` for what has been removed since.
        """
        entry = self._entry_of(artifact)
        if entry is None:
            raise HarnessError(
                "an artifact was removed from the cache while it was in use",
                value=f"{artifact.component} {artifact.version}",
                next_command=f"podresize artifacts get {artifact.component}",
            )
        return {name: file.sha256 for name, file in entry.files.items()}

    def directory(self, entry: Entry) -> Path:
        """Return the directory that holds an entry's files under their names."""
        return self._directory(entry.component, entry.version, entry.arch, entry.source)

    def damaged(self, entry: Entry) -> list[str]:
        """Return the names of the files whose bytes are not what was stored; reads all of them."""
        directory = self.directory(entry)
        bad = []
        for name, file in entry.files.items():
            try:
                intact = sha256_of(directory / name) == file.sha256
            except OSError:
                intact = False
            if not intact:
                bad.append(name)
        return bad

    def forget(self, artifact: Artifact) -> None:
        """Remove the entry that an artifact is of, if it is still there. See ``drop``."""
        if (entry := self._entry_of(artifact)) is not None:
            self.drop(entry)

    def drop(self, entry: Entry) -> None:
        """Remove an entry and its objects that no other entry uses. Index first: see ``store``."""
        with self._writing():
            self._drop(entry)

    def _drop(self, entry: Entry) -> None:
        directory = self.directory(entry)
        index = self._index(entry.component, entry.version, entry.arch, entry.source)
        index.unlink(missing_ok=True)
        # A running cluster may have these files open or mapped: unlinking does not disturb it.
        remove_tree(directory)
        for parent in list(directory.parents)[:3]:
            with contextlib.suppress(OSError):
                parent.rmdir()
        used = {file.sha256 for other in self.entries() for file in other.files.values()}
        for file in entry.files.values():
            if file.sha256 not in used:
                self._object(file.sha256).unlink(missing_ok=True)

    def drop_orphans(self) -> list[Path]:
        """Remove what a kill between the steps of ``store`` leaves, and return it.

        These are objects and named links that no index entry speaks of.
        """
        self.layout.make()
        with self._writing():
            entries = self.entries()
            used = {file.sha256 for entry in entries for file in entry.files.values()}
            named = {self.directory(e) for e in entries}
            orphans = [p for p in self.layout.objects.glob("*/*") if p.name not in used]
            orphans += [p for p in self.layout.entries.glob("*/*/*/*") if p not in named]
            for path in orphans:
                remove_tree(path)
        return sorted(orphans)

    @contextlib.contextmanager
    def lock(self, name: str, *, on_wait: Callable[[], None]) -> Iterator[None]:
        """Let one process at a time do what ``name`` says; call ``on_wait`` before waiting."""
        self.layout.make()
        lock = filelock.FileLock(self.layout.locks / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            on_wait()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        # Objects, links and index change together; whoever removes must not see them in between.
        return self.lock("store", on_wait=lambda: None)

    def _entry_of(self, artifact: Artifact) -> Entry | None:
        return read_entry(
            self._index(artifact.component, artifact.version, artifact.arch, artifact.source)
        )

    def _index(self, component: Component, version: str, arch: str, source: Source) -> Path:
        return self.layout.index / f"{component}-{version}-{arch}-{source}.json"

    def _directory(self, component: Component, version: str, arch: str, source: Source) -> Path:
        return self.layout.entries / component / version / arch / source

    def _object(self, digest: str) -> Path:
        return self.layout.objects / digest[:2] / digest

    def _looks_intact(self, entry: Entry) -> bool:
        directory = self.directory(entry)
        try:
            found = {name: (directory / name).stat() for name in entry.files}
        except OSError:
            return False
        return all(
            (found[name].st_size, found[name].st_mtime_ns) == (file.size, file.mtime_ns)
            for name, file in entry.files.items()
        )

    def _adopt(self, path: Path) -> str:
        digest = sha256_of(path)
        target = self._object(digest)
        if target.is_file() and sha256_of(target) == digest:
            path.unlink()
            return digest
        executable = path.suffix not in _DATA
        path.chmod(0o555 if executable else 0o444)
        sync(path)
        target.parent.mkdir(exist_ok=True)
        path.replace(target)
        sync(target.parent)
        return digest

    def _link(self, directory: Path, stored: dict[str, str]) -> None:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with self.layout.work("link") as temporary:
            for name, digest in stored.items():
                try:
                    os.link(self._object(digest), temporary / name)
                except PermissionError:
                    # Some file systems know no hard links; the name matters more than the space.
                    shutil.copy2(self._object(digest), temporary / name)
            temporary.chmod(0o755)
            remove_tree(directory)
            temporary.replace(directory)
        sync(directory.parent)

    def _measured(
        self,
        component: Component,
        version: str,
        arch: str,
        source: Source,
        stored: dict[str, str],
    ) -> dict[str, Stored]:
        directory = self._directory(component, version, arch, source)
        files = {}
        for name, digest in stored.items():
            found = (directory / name).stat()
            files[name] = Stored(sha256=digest, size=found.st_size, mtime_ns=found.st_mtime_ns)
        return files

    def _artifact(self, entry: Entry, *, cached: bool) -> Artifact:
        directory = self.directory(entry)
        return Artifact(
            component=entry.component,
            version=entry.version,
            arch=entry.arch,
            source=entry.source,
            cached=cached,
            files={name: directory / name for name in entry.files},
        )
