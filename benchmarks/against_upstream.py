"""Upstream's own e2e program and our checks of the same cases, on the same cluster.

    python benchmarks/against_upstream.py --kubernetes 1.37.2 --containerd 2.1.4
    python benchmarks/against_upstream.py --kubernetes 1.27.4 --containerd 1.6.36 --cases 4

Prints the wall time of each side and its cases per minute, every verdict on which they differ, and
each case that was not compared with the reason. Without ``--all`` or ``--match`` it takes a fixed
sample that upstream takes eight to ten minutes for. Exit code 1 when they differ.

Upstream's program runs its cases one after the other, as upstream's jobs for this feature do, and
mostly waits: it polls, and some of its steps are sleeps. Ours run beside each other and use what
processors there are (``-n 1`` takes that away). So other load on the host, which is printed with
each side, costs ours more: a ratio is a lower bound of what a quiet host gives.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
from pathlib import Path

from comparison import ours
from comparison.names import known_reasons, sample, stem, why_left_out
from comparison.upstream import Side, Upstream
from podresize.errors import PodresizeError, UsageError
from podresize.providers.interface import ClusterHandle
from podresize.providers.local import provider, state
from podresize.requirements.target import Fingerprint, Target

_WITHOUT = "this benchmark has no check of the same case"
_NOT_ASKED = "not asked for this time (--all has them)"


def main() -> int:
    options = parse()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    handle, is_ours = cluster(options)
    try:
        return compare(options, handle, out)
    finally:
        if is_ours:
            provider.down(handle.name)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kubernetes", default="1.37.2")
    parser.add_argument("--containerd", default="2.1.4")
    parser.add_argument("--cluster", help="a local cluster that runs already")
    parser.add_argument("--all", action="store_true", help="every case that can be compared")
    parser.add_argument("--match", help="the cases whose name this regular expression finds")
    parser.add_argument("--cases", type=int, help="no more than this many, spread evenly")
    parser.add_argument("--runs", type=int, default=1, help="runs of each side, in turns")
    parser.add_argument("-n", "--workers", type=int, default=16, help="of our side")
    parser.add_argument("--out", type=Path, default=Path("reports/out/against-upstream"))
    return parser.parse_args()


def cluster(options: argparse.Namespace) -> tuple[ClusterHandle, bool]:
    """Return a running cluster and whether it is this benchmark's to end."""
    if options.cluster is None:
        target = Target(kubernetes=options.kubernetes, containerd=options.containerd)
        return provider.up(target, owner=os.getpid()), True
    found = state.find(options.cluster)
    if found is None or found.handle is None:
        raise UsageError("no ready cluster of that name", value=options.cluster, origin="--cluster")
    return ClusterHandle.from_json(found.handle), False


def compare(options: argparse.Namespace, handle: ClusterHandle, out: Path) -> int:
    upstream = Upstream(handle.fingerprint.kubernetes, out)
    names = upstream.names()
    chosen, left_out = choose(names, handle.fingerprint, options)
    print(f"{handle.fingerprint}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"{len(names)} cases upstream, {len(chosen)} compared", flush=True)
    upstream.load_images(handle)
    stems = [stem(name) for name in chosen]
    theirs, mine = [], []
    for number in range(1, options.runs + 1):
        theirs.append(upstream.run(chosen, handle, label=str(number)))
        tell(f"upstream {number}", theirs[-1])
        mine.append(ours.run(stems, handle, out=out / f"ours-{number}", workers=options.workers))
        tell(f"ours {number}", mine[-1])
    rates = [statistics.median(side.per_minute for side in sides) for sides in (theirs, mine)]
    print(
        f"\ncases per minute: upstream {rates[0]:.1f}, ours {rates[1]:.1f}, "
        f"ratio {rates[1] / rates[0]:.1f}"
    )
    differences = [text for pair in zip(theirs, mine, strict=True) for text in differing(*pair)]
    print(f"\nverdicts that differ: {len(differences)}")
    for text in differences:
        print(text)
    for reason in sorted(set(left_out.values())):
        those = [stem(name) for name, why in left_out.items() if why == reason]
        print(f"\nnot compared, {len(those)}: {reason}")
        for each in those if reason != _NOT_ASKED else ():
            print(f"  {each}")
    return 1 if differences else 0


def choose(
    names: list[str], fingerprint: Fingerprint, options: argparse.Namespace
) -> tuple[list[str], dict[str, str]]:
    """Return the full names to compare, and of each other one why not."""
    known = ours.checks()
    fixed = sample(fingerprint)

    def is_wanted(name: str) -> bool:
        return name in fixed if options.match is None else bool(re.search(options.match, name))

    chosen, left_out = [], {}
    for name in names:
        reason = why_left_out(name, fingerprint)
        if reason is None and stem(name) not in known:
            reason = _WITHOUT
        if reason is not None:
            left_out[name] = reason
        elif not (options.all or is_wanted(stem(name))):
            left_out[name] = _NOT_ASKED
        else:
            chosen.append(name)
    if options.cases is not None and options.cases < len(chosen):
        step = len(chosen) / options.cases
        few = [chosen[int(number * step)] for number in range(options.cases)]
        left_out |= {name: _NOT_ASKED for name in chosen if name not in few}
        chosen = few
    if not chosen:
        raise UsageError("no case is left to compare", origin="the command line")
    return chosen, left_out


def tell(label: str, side: Side) -> None:
    counts: dict[str, int] = {}
    for said in side.cases.values():
        counts[said.verdict] = counts.get(said.verdict, 0) + 1
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))
    each = statistics.median(said.seconds for said in side.cases.values())
    print(
        f"{label:<12}{side.seconds:8.1f} s   {len(side.cases)} cases: {verdicts}; "
        f"a case takes {each:.1f} s (median); load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def differing(theirs: Side, mine: Side) -> list[str]:
    """Return a text for each case on which the two do not say the same."""
    texts = []
    for name, said in theirs.cases.items():
        own = mine.cases[name]
        if said.verdict != own.verdict:
            lines = [f"  {name}", f"    upstream {said.verdict}, ours {own.verdict}"]
            lines += [f"    {side.reason}" for side in (said, own) if side.reason]
            lines += [f"    known: {reason}" for reason in known_reasons(said.reason, own.reason)]
            texts.append("\n".join(lines))
    return texts


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PodresizeError as error:
        sys.exit(f"error: {error}")
