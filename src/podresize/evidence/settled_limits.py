"""What the limits of a pod's cgroups are at several moments, and claims about the last of these.

A claim holds the whole course of every file that moved, so that whoever judges it again sees not
only that a limit changed but to what: to what it was before the resize, for example (K-20).
Pure functions.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from podresize.evidence.cgroup_paths import RESOURCE_FILES
from podresize.evidence.claims import Claim
from podresize.evidence.timeline import QOS
from podresize.oracle import systemd_units
from podresize.oracle.model import POD
from podresize.requirements.model import Party

LIMITS = frozenset(name for names in RESOURCE_FILES.values() for name in names)
"""The files that hold a limit, a share or a reservation of cpu or memory, of either version."""
SWAP = frozenset({"memory.swap.max"})
"""That of swap, which a runtime sets and nobody asks for: who forgets it, does so in all pods."""
GROUP = frozenset({"memory.oom.group"})
"""That the kernel ends a container as a whole, which the kubelet asks for since 1.28."""
_OTHERS = "other settings that moved"

Settings = Mapping[str, Mapping[str, str]]
"""Everything that can be set, by cgroup (``pod``, ``container/c1``, ``qos``) and file."""
_May = Callable[[str, str, str], bool]
"""Whether a file may hold what it holds where it held something else: file, before, now."""


def same_limits(one: Settings, other: Settings) -> bool:
    """Return whether two looks saw the same limits; what else can be set may have moved."""
    return _limits(one) == _limits(other)


def after_a_reload(
    id_: str, when: str, states: Sequence[Settings], *, shared: Mapping[str, str]
) -> Iterator[Claim]:
    """Claim of each cgroup that a daemon-reload has changed no limit (PR-61).

    ``states`` are looks in the order of time, the last of them after the reload; ``when`` names it.
    ``shared`` are the contents that files of the QoS level have by what runs there now: the kubelet
    computes these anew by itself (KL-38). A quota may come back rounded up by systemd, which is
    PR-62's matter.
    """

    def is_rounded(file: str, held: str, holds: str) -> bool:
        return systemd_units.rounded(file, held) == holds

    def is_shared(file: str, held: str, holds: str) -> bool:
        return shared.get(file) == holds or is_rounded(file, held, holds)

    for cgroup in states[-1]:
        claim = _claim(
            id_,
            f"what a daemon-reload {when} made of the limits of {named(cgroup)}",
            [state.get(cgroup, {}) for state in states],
            is_shared if cgroup == QOS else is_rounded,
            files=LIMITS - SWAP,
        )
        others = _moved(states[-2].get(cgroup, {}), states[-1][cgroup])
        yield dataclasses.replace(
            _blamed(claim, cgroup), witnesses={_OTHERS: others} if others else {}
        )


def swap_after_a_reload(id_: str, when: str, states: Sequence[Settings]) -> Iterator[Claim]:
    """Claim of each container that a daemon-reload has not changed how much it may swap (PR-64).

    ``states`` and ``when`` are as in ``after_a_reload``.
    """
    return _same_in_containers(id_, when, states, "the limit of swap", SWAP)


def group_after_a_reload(id_: str, when: str, states: Sequence[Settings]) -> Iterator[Claim]:
    """Claim of each container that it ends as a whole after a daemon-reload as before it (PR-65).

    ``states`` and ``when`` are as in ``after_a_reload``.
    """
    return _same_in_containers(id_, when, states, "the end as a whole", GROUP)


def containers_hold(look: Settings, files: frozenset[str], *, free: str) -> bool:
    """Return whether any container had something to lose: a file that says other than ``free``."""
    return any(
        held.get(file) not in (None, "", free)
        for cgroup, held in look.items()
        for file in files
        if cgroup not in (POD, QOS)
    )


def _same_in_containers(
    id_: str, when: str, states: Sequence[Settings], what: str, files: frozenset[str]
) -> Iterator[Claim]:
    for cgroup in states[-1]:
        if cgroup not in (POD, QOS):
            claim = _claim(
                id_,
                f"what a daemon-reload {when} made of {what} of {named(cgroup)}",
                [state.get(cgroup, {}) for state in states],
                _is_same,
                files=files,
            )
            yield _blamed(claim, cgroup)


def of_the_unit(
    id_: str,
    cgroup: str,
    unit: str,
    states: Sequence[Settings],
    properties: Mapping[str, str],
    *,
    cgroup_version: int,
) -> Iterator[Claim]:
    """Claim that systemd knows a unit, and would write into its cgroup what is there (PR-63).

    ``states`` are looks at the kernel in the order of time; ``properties`` are those of
    ``systemd_units.PROPERTIES``, read after the last of them.
    """
    load = properties.get(systemd_units.LOAD_STATE)
    claim = Claim(
        requirement=id_,
        what=f"whether systemd has a unit of {named(cgroup)}",
        got=load,
        want=systemd_units.LOADED,
        witnesses={"unit": unit},
    )
    yield _blamed(claim, cgroup)
    if not claim.holds:
        return
    wanted = systemd_units.would_write(properties, cgroup_version=cgroup_version)
    looks = [state.get(cgroup, {}) for state in states]
    # A file that is there for none of them is another controller's, which nobody limits by.
    systemds = {file: text for file, text in wanted.items() if any(file in look for look in looks)}
    claim = _claim(
        id_,
        f"what systemd would write into the limits of {named(cgroup)}",
        [{file: look[file] for file in systemds if file in look} for look in looks] + [systemds],
        lambda file, held, holds: systemd_units.agrees(file, holds, held),
        files=LIMITS - SWAP,
    )
    said = {"unit": unit} | {name: text for name, text in properties.items() if text}
    yield dataclasses.replace(_blamed(claim, cgroup), witnesses=said)


def of_the_quota(
    id_: str, cgroup: str, before: Settings, after: Settings, *, exact: str, file: str
) -> Iterator[Claim]:
    """Claim that a quota is the exact or the rounded one, and stays whichever it was (PR-62).

    ``before`` and ``after`` are looks before and after an update that does not concern it.
    """
    seen = [look.get(cgroup, {}).get(file) for look in (before, after)]
    rounded = systemd_units.rounded(file, exact)
    claim = Claim(
        requirement=id_,
        what=f"{file} of {named(cgroup)}",
        got=seen[0],
        want=list(dict.fromkeys(each for each in (exact, rounded) if each is not None)),
        relation="in",
    )
    yield _blamed(claim, cgroup)
    known = {"exact": exact, "rounded": rounded}
    claim = Claim(
        requirement=id_,
        what=f"{file} of {named(cgroup)} before and after an update of memory alone",
        got=known | {"seen": seen},
        want=known | {"seen": [seen[0], seen[0]]},
    )
    yield _blamed(claim, cgroup)


def named(cgroup: str) -> str:
    """Return a cgroup in words: ``container c1``, ``the pod``, ``its QoS level``."""
    if cgroup == POD:
        return "the pod"
    return "its QoS level" if cgroup == QOS else cgroup.replace("/", " ", 1)


def _claim(
    id_: str,
    what: str,
    looks: Sequence[Mapping[str, str]],
    may: _May,
    *,
    files: frozenset[str],
) -> Claim:
    """Claim of each of ``files`` that moved that its last content is that before, or one it may be.

    One without content sets nothing, and is as one that is not there: systemd takes a controller
    that it was not told of (cpuset) away from a cgroup, and its files with it.
    """
    got: dict[str, list[str | None]] = {}
    want: dict[str, list[str | None]] = {}
    for file in sorted(files.intersection(itertools.chain(*looks))):
        course = [look.get(file) or None for look in looks]
        if len(set(course)) == 1:
            continue
        *earlier, held, holds = course
        fits = held is not None and holds is not None and may(file, held, holds)
        got[file] = course
        want[file] = [*earlier, held, holds if fits else held]
    return Claim(requirement=id_, what=what, got=got, want=want)


def _is_same(_file: str, held: str, holds: str) -> bool:
    return held == holds


def _blamed(claim: Claim, cgroup: str) -> Claim:
    """Name who answers for a cgroup: the kubelet makes those above the containers'."""
    if claim.holds:
        return claim  # nobody did wrong
    is_container = cgroup not in (POD, QOS)
    guilty = str(Party.OCI_RUNTIME if is_container else Party.KUBELET)
    return dataclasses.replace(claim, guilty=guilty, reading=f"At fault is the {guilty}")


def _limits(settings: Settings) -> dict[str, dict[str, str]]:
    return {
        cgroup: {file: text for file, text in files.items() if file in LIMITS and text}
        for cgroup, files in settings.items()
    }


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    return ", ".join(
        f"{file} {before.get(file)} -> {after.get(file)}"
        for file in sorted({*before, *after} - LIMITS - GROUP)
        if before.get(file) != after.get(file)
    )
