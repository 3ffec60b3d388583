"""The sampler records changes, and only changes, of the files of each subject."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from podresize.errors import HarnessError
from podresize.evidence.cgroup_sampler import CgroupSampler
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness

if TYPE_CHECKING:
    from pathlib import Path

    from podresize.evidence.timeline import Observation


def kernel(recorder: Recorder, subject: str) -> list[dict[str, str | None]]:
    return [
        o.data
        for o in recorder.observations()
        if o.witness is Witness.KERNEL and o.subject == subject
    ]


def seen(recorder: Recorder, count: int) -> None:
    def decide(observations: tuple[Observation, ...]) -> bool:
        return len(observations) >= count

    assert recorder.wait_until(decide, deadline=10)


def test_the_first_look_is_recorded_then_changes_only(tmp_path: Path) -> None:
    quota, weight = tmp_path / "quota", tmp_path / "weight"
    quota.write_text("10000\n")
    weight.write_text("5\n")
    recorder = Recorder()
    files = {"container/a": {"quota": quota, "weight": weight}, "pod": {"weight": weight}}
    with CgroupSampler(files, recorder=recorder) as sampler:
        quota.write_text("20000\n")
        seen(recorder, 3)
    assert kernel(recorder, "container/a") == [
        {"quota": "10000", "weight": "5"},
        {"quota": "20000", "weight": "5"},
    ]
    assert kernel(recorder, "pod") == [{"weight": "5"}]
    assert sampler.samples >= 2
    assert 0 < sampler.largest_fast_gap_seconds <= sampler.largest_gap_seconds


def test_what_is_read_has_the_time_at_which_it_was_known(tmp_path: Path) -> None:
    """Else a value could be seen before its cause, where the reading takes long."""

    class Slow(CgroupSampler):
        def _read(self, path: Path) -> bytes | None:
            time.sleep(0.03)
            return super()._read(path)

    file = tmp_path / "limit"
    file.write_text("1")
    recorder = Recorder()
    with Slow({"pod": {"limit": file}}, recorder=recorder):
        (first,) = recorder.observations()

    # Times count from the recorder's own making.
    assert first.t >= 0.03


def test_a_missing_file_is_seen_as_gone_and_as_back(tmp_path: Path) -> None:
    path = tmp_path / "cgroup" / "limit"
    recorder = Recorder()
    with CgroupSampler({"pod": {"limit": path}}, recorder=recorder):
        path.parent.mkdir()
        path.write_text("1")
        seen(recorder, 2)
    assert kernel(recorder, "pod") in (
        [{"limit": None}, {"limit": "1"}],
        [
            {"limit": None},
            {"limit": ""},
            {"limit": "1"},
        ],
    )  # the file may be seen before its content is written


def test_a_change_until_the_stop_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "limit"
    path.write_text("1")
    recorder = Recorder()
    sampler = CgroupSampler({"pod": {"limit": path}}, recorder=recorder, rate=0.5)
    with sampler:
        path.write_text("2")
    assert kernel(recorder, "pod") == [{"limit": "1"}, {"limit": "2"}]
    assert sampler.samples == 2


def test_a_file_that_cannot_be_read_is_no_missing_file(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="IsADirectoryError"):
        CgroupSampler({"pod": {"limit": tmp_path}}, recorder=Recorder()).start()


def test_it_is_fast_around_the_patch_and_slow_otherwise(tmp_path: Path) -> None:
    recorder = Recorder()
    sampler = CgroupSampler({"pod": {"limit": tmp_path / "limit"}}, recorder=recorder)
    assert sampler._is_fast(recorder.origin + 60)  # the patch is still to come
    recorder.mark_patch(at=1000.0)
    assert sampler._is_fast(1004.9)
    assert not sampler._is_fast(1005.1)
    sampler._fast_until = 1100.0
    assert sampler._is_fast(1099.0)
