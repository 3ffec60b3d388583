"""Shards make the run that they are the parts of, and others are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.reports import whole_run

from podresize.errors import UsageError
from podresize.requirements.shard import Shard
from podresize_reports.bundle import write_bundle
from podresize_reports.certificate import certificates
from podresize_reports.loading import read_run
from podresize_reports.merging import Part, merged
from podresize_reports.scrubbing import Scrubber
from podresize_reports.verifying import verify_bundle

Records = list[dict[str, Any]]


def part(number: int, of: int = 2, spoil: Callable[[Records], Any] = lambda _: None) -> Part:
    """A shard: the first has what a timeline decides, the others the rest."""
    seen = whole_run.records()
    seen[0]["options"] |= {"shard": f"{number}/{of}"}
    seen[0]["argv"] = ["run", "--shard", f"{number}/{of}", "--profile=core"]
    seen[0]["run"] = f"part-{number}"
    has = ("ST-21", "KL-30") if number == 1 else ("API-30", "ST-40")
    evidence = "timeline" if number == 1 else "claims"
    kept = [
        each
        for each in seen
        if each["type"] not in ("verdict", "claims", "timeline")
        or each.get("requirement") in has
        or each["type"] == evidence
    ]
    kinds = [each["verdict"] for each in kept if each["type"] == "verdict"]
    kept[-1]["counts"] = {kind: kinds.count(kind) for kind in kinds}
    spoil(kept)
    lines = [json.dumps(each).encode() + b"\n" for each in kept]
    return Part(name=f"{number}.zip", lines=lines)


def test_the_parts_make_the_whole(tmp_path: Path) -> None:
    records = merged([part(2), part(1)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out/records.jsonl").write_bytes(records)
    place = write_bundle(tmp_path / "out", tmp_path / "b", Scrubber({})).path

    found = verify_bundle(place)
    whole = read_run(records.splitlines(keepends=True))

    assert not found.complaints
    assert len(whole.targets) == 1
    said = sorted(each.requirement for each in whole.verdicts)
    assert said == ["API-30", "KL-30", "ST-21", "ST-40"]
    assert whole.counts == {"passed": 3, "unsupported": 1}
    assert "shard" not in whole.options
    assert whole.argv == ("run", "--profile=core")


def test_a_shard_alone_is_whole_and_certifies_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/records.jsonl").write_bytes(b"".join(part(1).lines))
    place = write_bundle(tmp_path / "out", tmp_path / "b", Scrubber({})).path

    assert not verify_bundle(place).complaints
    assert certificates(part(1).run) == ()


def test_the_worst_exit_code_is_the_wholes() -> None:
    bad = part(2, spoil=lambda seen: seen[-1].update(exit=3))

    assert read_run(merged([part(1), bad]).splitlines(keepends=True)).exit == 3


def head(**fields: Any) -> Callable[[Records], None]:
    return lambda seen: seen[0].update(fields)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (lambda: [part(1)], "1.zip: of 2 shards these are given: 1"),
        (lambda: [part(1), part(1)], "of 2 shards these are given: 1, 1"),
        (lambda: [part(1), part(2, of=3)], "2.zip: its number of shards is 3"),
        (lambda: [part(1), part(2, spoil=list.pop)], "2.zip: it died half way"),
        (
            lambda: [part(1), part(2, spoil=head(options={}))],
            "2.zip: it is a whole run, and no shard",
        ),
        (lambda: [part(1), part(2, spoil=head(version="9"))], "2.zip: its version is 9"),
        (
            lambda: [part(1), part(2, spoil=head(options={"shard": "2/2", "profiles": ["core"]}))],
            "2.zip: its profiles is ['core']",
        ),
        (
            lambda: [
                part(1),
                part(2, spoil=lambda seen: seen[1]["fingerprint"].update(kernel="2.6")),
            ],
            "2.zip: its targets is",
        ),
    ],
)
def test_what_is_no_set_of_shards_is_refused(parts: Callable[[], list[Part]], why: str) -> None:
    with pytest.raises(UsageError, match="these are not the shards of one run") as error:
        merged(parts())
    assert why in str(error.value)


def test_every_check_is_in_one_shard() -> None:
    checks = [f"suites/x.py::test_{number}" for number in range(300)]
    shards = [Shard.parse(f"{number}/3") for number in (1, 2, 3)]

    for check in checks:
        assert sum(shard.has(check) for shard in shards) == 1
    assert all(60 < sum(map(shard.has, checks)) < 140 for shard in shards)
