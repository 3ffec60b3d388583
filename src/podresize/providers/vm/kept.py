"""Getting the guest that a cluster goes on with: the kept one, or one that is booted now."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from podresize.artifacts.cache import Cache
from podresize.artifacts.progress import Progress
from podresize.errors import HarnessError
from podresize.providers.host import Host
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import kvm, parts, resuming, snapshot
from podresize.providers.vm.booting import boot, says
from podresize.providers.vm.machine import Machine
from podresize.providers.vm.silence import SILENT, GuestGoneError
from podresize.requirements.target import Target

# QEMU's words where it does not take a memory, from 6.2 to 10 (migration/migration.c). Nothing else
# says that the memory is at fault: a late apiserver or a killed QEMU ends a start as well.
_REFUSED = "load of migration failed"


class FoundOtherwiseError(Exception):
    """The machine is to be another one by what others found while this process waited for them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeptGuest:
    """A kept guest, and the machine and the parts with which it goes on."""

    machine: Machine
    parts: parts.Parts
    kept: snapshot.Kept

    def to_json(self) -> dict[str, Any]:
        """Return what the making of whoever goes on with it is given, as ``guest``."""
        return {
            "parts": parts.to_json(self.parts),
            "machine": dataclasses.asdict(self.machine),
            "kept": self.kept.to_json(),
        }


def guest_for(
    target: Target,
    of: parts.Parts,
    order: dict[str, Any],
    host: Host,
    *,
    progress: Progress,
    tell: Callable[[str], None],
) -> KeptGuest:
    """Return the guest of a target, booting it where none is kept; say what runs it.

    Raises ``HostError`` where KVM was asked for and does not work, and as ``keep_guest``.
    """

    def choose() -> Machine:
        machine, found = guest_host.machine_for(target, of, host)
        if found is not None and not found.works:
            progress.note(f"the node is emulated: {found.why}")
        tell(f"accelerator chosen: {machine.accelerator}")
        return machine

    def is_as_it_was() -> bool:
        # Who wants KVM alone does not believe a failure.
        if machine.is_emulated or target.accelerator == machine.accelerator:
            return True
        return guest_host.machine_for(target, of, host)[0] == machine

    def keep() -> snapshot.Kept:
        return keep_guest(
            *(machine, of, order),
            progress=progress,
            tell=lambda step: tell(f"guest: {step}"),
            is_as_it_was=is_as_it_was,
        )

    machine = choose()
    try:
        kept = keep()
    except FoundOtherwiseError:
        machine = choose()
        kept = keep()
    tell("guest ready to go on")
    return KeptGuest(machine=machine, parts=of, kept=kept)


def keep_guest(
    machine: Machine,
    of: parts.Parts,
    order: dict[str, Any],
    *,
    progress: Progress,
    tell: Callable[[str], None],
    cache: Cache | None = None,
    anew: bool = False,
    is_as_it_was: Callable[[], bool] = lambda: True,
) -> snapshot.Kept:
    """Return the kept guest of these parts; where there is none it is booted, which takes minutes.

    ``order`` are the artifacts as the supervisor is given them. ``anew`` boots one even so. One
    process makes it while others wait for that. Raises ``HarnessError`` with the guest's last words
    when it does not come up; then nothing is left of it. Raises ``FoundOtherwiseError`` where
    ``is_as_it_was``, which is asked right before a boot, says that it is another machine by now.
    """
    cache = cache or Cache()
    key = snapshot.key_of(machine, of, digests_of(cache))
    if not anew and (there := snapshot.find(key, cache.layout)) is not None:
        return there

    def waiting() -> None:
        progress.note("another process boots a guest: one at a time")

    # One at a time, whatever they are: two that boot side by side are each measured as slower.
    with cache.lock("guest-boot", on_wait=waiting):
        if not anew and (there := snapshot.find(key, cache.layout)) is not None:
            return there
        if not is_as_it_was():
            raise FoundOtherwiseError
        # Who was killed while it put a guest into the cache left half a gigabyte there.
        cache.layout.sweep()
        how = "emulated, in some minutes" if machine.is_emulated else "with KVM"
        progress.note(f"a guest is booted, {how}: later clusters go on from there")
        return boot(machine, of, order, key=key, progress=progress, tell=tell, cache=cache)


def digests_of(cache: Cache) -> dict[Path, str]:
    """Return the SHA-256 of each file of the cache, as its index has it: no file is read."""
    return {
        cache.directory(entry) / name: stored.sha256
        for entry in cache.entries()
        for name, stored in entry.files.items()
    }


@contextlib.contextmanager
def going_on(guest: KeptGuest) -> Iterator[None]:
    """Keep a guest while a machine begins with it; one that QEMU refuses is not found again.

    After one that KVM ran and that did not answer, the next one is emulated: see ``kvm``.
    """
    # Whoever puts another in its place waits until it is let go of: it is forgotten before that.
    with snapshot.in_use(guest.kept):
        try:
            yield
        except HarnessError as error:
            if says(error, _REFUSED):
                snapshot.forget(guest.kept)
                cause = "the guest that was kept is damaged: the next start boots it"
                next_command = error.next_command
            elif (hangs := _hangs(error)) or says(error, resuming.UNANSWERED):
                cause = "the host is overloaded; or the guest that was kept is damaged"
                next_command = f"rm -r {shlex.quote(str(guest.kept.directory))}"
                if hangs and not guest.machine.is_emulated:
                    why = "it hangs: a guest that went on with it answered no more"
                    kvm.remember(guest_host.record(), guest.parts, kvm.Found(why=why))
                    cause = f"KVM hangs, as nested it may: the next guest is emulated; {cause}"
            else:
                raise
            raise HarnessError(
                error.what,
                value=error.value,
                origin=error.origin,
                causes=(*error.causes, cause),
                next_command=next_command,
            ) from error


def _hangs(error: HarnessError) -> bool:
    """Whether the guest does: as who let it go on found, or who waited for its node."""
    if isinstance(error, GuestGoneError):
        return False
    return error.what == SILENT or says(error, SILENT)
