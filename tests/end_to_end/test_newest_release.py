"""``podresize run`` on the newest release of Kubernetes: what is only there shows there."""

from __future__ import annotations

import pytest
from tests.end_to_end.finished_run import Finished, newest_run

from podresize.requirements.loader import load_catalogue

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

# The subresource, the conditions, the generation, the Events; and what every release has.
SHOWN = {"API-02", "ST-05", "ST-11", "ST-15", "ST-21", "ST-26", "ST-30"} | {
    *("CRI-03", "KL-30", "KL-32", "KL-34", "PR-01", "PR-10"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return newest_run(tmp_path_factory.getbasetemp())


def test_nothing_is_unexpected(run: Finished) -> None:
    assert run.code == 0, run.unexpected


def test_what_this_release_has_is_put_to_it_and_met(run: Finished) -> None:
    found: dict[str, set[str]] = {}
    for each in run.of("verdict"):
        found.setdefault(each["requirement"], set()).add(each["verdict"])

    assert {id_ for id_, verdicts in found.items() if "passed" in verdicts} >= SHOWN
    # The fields and endpoints of the first releases are gone.
    assert found["API-01"] == found["ST-01"] == {"unsupported"}


def test_what_departs_is_catalogued(run: Finished) -> None:
    known = load_catalogue().deviations

    for each in run.of("verdict"):
        assert (each["verdict"] == "deviation") == (each["deviation"] in known), each


def test_a_resize_is_done_within_seconds(run: Finished) -> None:
    done = [each["facts"]["done"] for each in run.of("verdict") if "done" in each["facts"]]

    assert done
    assert max(done) < 30
