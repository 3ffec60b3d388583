"""Does hardware virtualisation work here? It is tried: where it is nested it may hang for ever.

What was found holds for one QEMU and one kernel until the host is booted again, and is kept in the
cache. Who asks for KVM alone does not believe a failure, and has it tried again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from podresize.providers import linux
from podresize.providers.vm.parts import Parts

DEVICE = Path("/dev/kvm")
PROBE_SECONDS = 15.0
"""A kernel that boots at all has said so by then, many times over."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# What a kernel and its initrd say first: either shows that the processor ran.
_SIGNS = (b"Linux version", b"podresize-initrd:")
_READ = 4096
_END_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Whether it works; ``why`` is what kept it from that, None where it does.

    ``lasts``: it will be no other until the host is booted again.
    """

    why: str | None
    lasts: bool = True

    @property
    def works(self) -> bool:
        """Whether a guest can have it."""
        return self.why is None


def is_there(device: Path = DEVICE) -> Found:
    """Return whether the device can be used by this process at all, without trying it."""
    if not device.exists():
        return Found(why=f"there is no {device}: the processor or the host does not offer it")
    if not os.access(device, os.R_OK | os.W_OK):
        return Found(why=f"{device} is forbidden to uid {os.geteuid()}")
    return Found(why=None)


@dataclasses.dataclass(frozen=True, slots=True)
class _Tried:
    """What came of one QEMU and one kernel, by their paths in the cache."""

    qemu: str
    kernel: str
    why: str | None


def probed(
    command: Sequence[str],
    environment: dict[str, str],
    *,
    record: Path,
    of: Parts,
    again: bool = False,
    device: Path = DEVICE,
    boot_id: Path = _BOOT_ID,
    run: Callable[[Sequence[str], dict[str, str]], Found] | None = None,
) -> Found:
    """Return whether it works, tried with ``command`` where nobody has since the host was booted.

    ``record`` is the file in which that is kept for the QEMU and the kernel ``of`` a guest;
    ``command`` boots that kernel on its standard output. ``again`` tries what has failed before.
    """
    there = is_there(device)
    if not there.works:
        return there
    qemu, kernel = _named(of)
    for each in _tried(record, _boot(boot_id)):
        if (each.qemu, each.kernel) == (qemu, kernel) and (each.why is None or not again):
            return Found(why=each.why)
    found = (run or probe)(command, environment)
    if found.lasts:
        remember(record, of, found, boot_id=boot_id)
    return found


def known(record: Path, *, device: Path = DEVICE, boot_id: Path = _BOOT_ID) -> Found | None:
    """Return what is known without trying it, None where nobody has tried.

    It works if it did with any QEMU and kernel; else the last failure is told.
    """
    there = is_there(device)
    if not there.works:
        return there
    tried = _tried(record, _boot(boot_id))
    if any(each.why is None for each in tried):
        return Found(why=None)
    return Found(why=tried[-1].why) if tried else None


def remember(record: Path, of: Parts, found: Found, *, boot_id: Path = _BOOT_ID) -> None:
    """Keep what was found with the QEMU and the kernel of a guest, in place of what was before."""
    qemu, kernel = _named(of)
    boot = _boot(boot_id)
    tried = [each for each in _tried(record, boot) if (each.qemu, each.kernel) != (qemu, kernel)]
    tried.append(_Tried(qemu, kernel, found.why))
    text = json.dumps({"boot": boot, "tried": [dataclasses.asdict(each) for each in tried]})
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        draft = record.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.rename(record)
    except OSError:
        return  # a cache that cannot be written only costs another probe


def probe(
    command: Sequence[str], environment: dict[str, str], *, seconds: float = PROBE_SECONDS
) -> Found:
    """Boot a kernel and return whether it said anything in time; the machine is ended."""
    try:
        process = subprocess.Popen(
            command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=linux.die_with_parent,
        )
    except OSError as error:
        return Found(why=f"QEMU cannot be started: {error}", lasts=False)
    assert process.stdout is not None
    with process.stdout:
        try:
            found = _listen(process.stdout.fileno(), seconds)
        finally:
            process.kill()
            ended = _has_ended(process)
    if ended:
        return found
    # A kernel that ran is of no use in a machine that takes a processor for ever.
    why = found.why or "it hangs: a kernel boots with it, and cannot be ended"
    return Found(why=f"{why}; QEMU's process {process.pid} does not end, though it was killed")


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Wait for a killed process, but not for one that the kernel does not let go of."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    return process.returncode is not None


def _listen(descriptor: int, seconds: float) -> Found:
    end, said = time.monotonic() + seconds, b""
    while (left := end - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0]:
            break
        chunk = os.read(descriptor, _READ)
        said += chunk
        if any(sign in said for sign in _SIGNS):
            return Found(why=None)
        if not chunk:
            lines = said.decode(errors="replace").strip().splitlines()
            last = lines[-1] if lines else "it said nothing"
            return Found(why=f"QEMU ended: {last}", lasts=False)
    return Found(why=f"it hangs: a kernel that boots with it said nothing for {seconds:.0f} s")


def _named(of: Parts) -> tuple[str, str]:
    return str(of.qemu.system), str(of.kernel.image)


def _boot(boot_id: Path) -> str:
    return boot_id.read_text().strip()


def _tried(record: Path, boot: str) -> list[_Tried]:
    try:
        raw = json.loads(record.read_text())
        return [_Tried(**each) for each in raw["tried"]] if raw["boot"] == boot else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
