"""What 1.27.4 and 1.37.2 really showed is known again, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.around import event_data
from tests.evidence.mutants.saying import (
    MINIMAL,
    RETRIED,
    UNLIMITED,
    V137,
    burstable,
)
from tests.evidence.mutants.spoiling import C1, status_of

from podresize.evidence.judging import verify
from podresize.evidence.status_signatures import read_back
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change
from podresize.oracle.surroundings import Surroundings

ALL_LIMITS = burstable({"cpu": "100m", "memory": "64Mi"}, {"cpu": "200m", "memory": "128Mi"})


def deviation_of(resize: Any, requirement: str) -> str | None:
    return verify(resize.timeline, resize.expectation, [requirement])[0].deviation


def kept_in_status(resize: Any, **requests: str) -> None:
    """The status keeps some requests, and the resize does not end."""

    def keep(pod: dict[str, Any]) -> None:
        pod["status"]["resize"] = "InProgress"
        status_of(pod)["resources"]["requests"].update(requests)

    resize.edit(Witness.API, keep, since=0.04)


def never_enacted(resize: Any) -> None:
    kept_in_status(resize, cpu="100m")
    resize.drop(Witness.KERNEL, C1, since=0.0)
    resize.drop(Witness.KERNEL, "pod", since=0.0)
    resize.drop(Witness.CRI, since=0.0)


def test_k_01_a_missing_limit(resized: Callable[..., Any]) -> None:
    resize = resized(**UNLIMITED)
    never_enacted(resize)

    assert deviation_of(resize, "KL-30") == "K-01"
    assert deviation_of(resize, "ST-02") == "K-01"


def test_k_01_is_not_for_pods_with_every_limit(resized: Callable[..., Any]) -> None:
    resize = resized(Change(cpu="+50m", scope="requests"), pod=ALL_LIMITS)
    never_enacted(resize)

    assert deviation_of(resize, "KL-30") is None


def test_k_01_is_seen_only_to_the_deadline(resized: Callable[..., Any]) -> None:
    resize = resized(**UNLIMITED)
    never_enacted(resize)
    resize.ended = 50.0

    assert deviation_of(resize, "KL-30") is None


def test_pd_06_a_cpu_request_alone(resized: Callable[..., Any]) -> None:
    resize = resized(Change(cpu="+50m", scope="requests"), pod=ALL_LIMITS)
    kept_in_status(resize, cpu="100m")

    assert deviation_of(resize, "ST-21") == "PD-06"


def test_pd_06_is_not_for_other_changes(resized: Callable[..., Any]) -> None:
    resize = resized(Change(cpu="+50m", memory="+32Mi", scope="requests"), pod=ALL_LIMITS)
    kept_in_status(resize, cpu="100m")

    assert deviation_of(resize, "ST-21") is None


def test_pd_07_completed_twice(resized: Callable[..., Any]) -> None:
    resize = resized(**V137)
    completed = resize.expectation.events[-1]
    old = [{"name": item.name, "resources": item.before} for item in resize.expectation.containers]
    resize.add(0.07, Witness.EVENT, "pod", event_data(completed, containers=old))

    assert deviation_of(resize, "PR-13") == "PD-07"
    assert verify(resize.timeline, resize.expectation, ["ST-30"])[0].kind == "passed"


def test_pd_07_has_the_old_resources(resized: Callable[..., Any]) -> None:
    resize = resized(**V137)
    completed = resize.expectation.events[-1]
    other = [{"name": "c1", "resources": {"requests": {"cpu": "7m"}}}]
    resize.add(0.07, Witness.EVENT, "pod", event_data(completed, containers=other))

    assert deviation_of(resize, "PR-13") is None


def unlimited_pod(pod: dict[str, Any]) -> None:
    pod["status"]["resources"]["limits"] = {"memory": "9007199254740988Ki"}


def test_pd_08_no_limit_on_cgroup_v1(resized: Callable[..., Any]) -> None:
    resize = resized(**(UNLIMITED | V137))
    resize.edit(Witness.API, unlimited_pod)

    assert deviation_of(resize, "ST-26") == "PD-08"


def turned_back(pod: dict[str, Any]) -> None:
    cpu = pod["status"]["allocatedResources"]["cpu"]
    pod["status"]["resources"]["requests"]["cpu"] = read_back(cpu)


@pytest.mark.parametrize(("name", "shown"), [("cpu", "5"), ("memory", "1Mi")])
@pytest.mark.parametrize(
    ("version", "known", "show"), [(1, "PD-08", unlimited_pod), (2, "PD-70", turned_back)]
)
def test_a_limit_that_no_container_has_is_not_among_what_is_known(
    resized: Callable[..., Any],
    version: int,
    known: str,
    show: Callable[[dict[str, Any]], None],
    name: str,
    shown: str,
) -> None:
    resize = resized(**(UNLIMITED | V137 | {"cgroup_version": version}))
    resize.edit(Witness.API, show, since=0.04)
    assert deviation_of(resize, "ST-26") == known

    def limit(pod: dict[str, Any]) -> None:
        pod["status"]["resources"].setdefault("limits", {})[name] = shown

    resize.edit(Witness.API, limit, since=0.04)

    (found,) = verify(resize.timeline, resize.expectation, ["ST-26"])
    assert (found.kind, found.deviation) == ("failed", None)


def test_pd_08_is_not_for_cgroup_v2(resized: Callable[..., Any]) -> None:
    resize = resized(**(UNLIMITED | V137 | {"cgroup_version": 2}))
    resize.edit(Witness.API, unlimited_pod)

    assert deviation_of(resize, "ST-26") is None


def test_pd_09_the_least_is_shown(resized: Callable[..., Any]) -> None:
    resize = resized(**MINIMAL)
    kept_in_status(resize, cpu="2m")

    assert deviation_of(resize, "ST-21") == "PD-09"
    assert deviation_of(resize, "ST-23") == "PD-09"


def test_pd_09_is_not_for_what_the_kernel_can_hold(resized: Callable[..., Any]) -> None:
    resize = resized(**MINIMAL)
    kept_in_status(resize, cpu="3m")

    assert deviation_of(resize, "ST-21") is None


def test_k_28_a_gap_between_the_conditions(resized: Callable[..., Any]) -> None:
    resize = resized(**(V137 | RETRIED))
    gap = resize.again(0.04, Witness.API, "pod", 0)
    gap["status"]["conditions"] = []

    assert deviation_of(resize, "PR-11") == "K-28"


def waiting(resized: Callable[..., Any], what: str = "restart the kubelet") -> Any:
    """A deferred resize that goes on waiting while something is done; it is shown three times."""
    full = Surroundings(allocatable={"cpu": "1", "memory": "1Gi"}, others={"cpu": "800m"})
    resize = resized(**(V137 | RETRIED | {"surroundings": full}))
    for seen in resize.of(Witness.CLIENT):
        seen.data["request"] = {"method": "ACTION", "path": what, "body": None}
    for t in (1.6, 7.6):
        resize.again(t, Witness.API, "pod", -1)
    return resize


def forgotten(resize: Any) -> None:
    resize.of(Witness.API, "pod")[-2].data["status"]["conditions"] = []


def test_pd_11_a_gap_after_a_restart_of_the_kubelet(resized: Callable[..., Any]) -> None:
    resize = waiting(resized)
    forgotten(resize)

    assert deviation_of(resize, "PR-11") == "PD-11"


def test_pd_11_is_not_for_a_kubelet_that_nobody_touched(resized: Callable[..., Any]) -> None:
    resize = waiting(resized, "delete pod other")
    forgotten(resize)

    assert deviation_of(resize, "PR-11") is None


def test_pd_11_is_not_for_a_resize_that_stays_forgotten(resized: Callable[..., Any]) -> None:
    resize = waiting(resized)
    forgotten(resize)
    resize.of(Witness.API, "pod")[-1].data["status"]["conditions"] = []

    assert deviation_of(resize, "PR-11") is None


def test_pd_11_is_not_for_another_condition_afterwards(resized: Callable[..., Any]) -> None:
    resize = waiting(resized)
    forgotten(resize)
    condition = resize.of(Witness.API, "pod")[-1].data["status"]["conditions"][-1]
    condition["message"] = "another"

    assert deviation_of(resize, "PR-11") is None


def test_pd_11_is_not_for_an_allocation_that_changed(resized: Callable[..., Any]) -> None:
    resize = waiting(resized)
    forgotten(resize)
    status_of(resize.of(Witness.API, "pod")[-2].data)["allocatedResources"]["cpu"] = "1m"

    assert deviation_of(resize, "PR-11") is None


def wished_again(resized: Callable[..., Any]) -> Any:
    """A resize that is deferred, where another was before it; the kubelet says nothing new."""
    full = Surroundings(allocatable={"cpu": "1", "memory": "1Gi"}, others={"cpu": "800m"})
    resize = resized(Change(cpu="+500m"), surroundings=full)
    for seen in resize.of(Witness.API, "pod"):
        seen.data["status"]["resize"] = "Deferred" if seen.t < 0 else "Proposed"
    return resize


def test_pd_12_another_wish_stays_proposed(resized: Callable[..., Any]) -> None:
    assert deviation_of(wished_again(resized), "KL-03") == "PD-12"


def test_pd_12_is_not_for_the_first_wish(resized: Callable[..., Any]) -> None:
    resize = wished_again(resized)
    for seen in resize.of(Witness.API, "pod"):
        if seen.t < 0:
            seen.data["status"].pop("resize")

    assert deviation_of(resize, "KL-03") is None


def test_pd_12_is_not_for_an_answer_of_another_kind(resized: Callable[..., Any]) -> None:
    resize = wished_again(resized)
    resize.of(Witness.API, "pod")[-1].data["status"]["resize"] = "Infeasible"

    assert deviation_of(resize, "KL-03") is None


def test_pd_12_is_not_for_an_allocation_that_changed(resized: Callable[..., Any]) -> None:
    resize = wished_again(resized)
    status_of(resize.of(Witness.API, "pod")[-1].data)["allocatedResources"]["cpu"] = "1m"

    assert deviation_of(resize, "KL-03") is None


def test_pd_10_proposed_is_cleared(resized: Callable[..., Any]) -> None:
    resize = resized()
    resize.again(0.03, Witness.API, "pod", 1)["status"].pop("resize")

    assert deviation_of(resize, "PR-10") == "PD-10"
    assert deviation_of(resize, "ST-02") == "K-22"


ADDED = Change(cpu="=40m", scope="requests")
WITHOUT_CPU = burstable({"memory": "64Mi"}, {"memory": "128Mi"})


def shown_as(resize: Any, value: str) -> None:
    """Allocated already, and not reported by the runtime yet."""
    pod = resize.again(0.72, Witness.API, "pod", -1)
    status_of(pod)["resources"]["requests"]["cpu"] = value


def test_pd_22_an_added_request_is_the_least_at_first(
    resized: Callable[..., Any],
) -> None:
    resize = resized(ADDED, pod=WITHOUT_CPU, **V137)
    shown_as(resize, "2m")

    assert deviation_of(resize, "PR-01") == "PD-22"


def test_pd_22_is_no_other_value(resized: Callable[..., Any]) -> None:
    resize = resized(ADDED, pod=WITHOUT_CPU, **V137)
    shown_as(resize, "3m")

    assert deviation_of(resize, "PR-01") is None


def test_pd_22_is_not_for_a_request_that_was_there(resized: Callable[..., Any]) -> None:
    resize = resized(**V137)
    shown_as(resize, "2m")

    assert deviation_of(resize, "PR-01") is None


def test_pd_22_does_not_hide_what_else_goes_wrong(
    resized: Callable[..., Any],
) -> None:
    resize = resized(ADDED, pod=WITHOUT_CPU, **V137)
    shown_as(resize, "2m")
    pod = resize.again(0.8, Witness.API, "pod", -1)
    status_of(pod)["resources"]["requests"]["memory"] = "1Mi"

    assert deviation_of(resize, "PR-01") is None


V2 = V137 | {"cgroup_version": 2}


def pod_request(cpu: str | None) -> Callable[[dict[str, Any]], None]:
    def show(pod: dict[str, Any]) -> None:
        requests = pod["status"]["resources"]["requests"]
        requests.pop("cpu")
        if cpu is not None:
            requests["cpu"] = cpu

    return show


def test_pd_70_the_pods_weight_is_turned_back(resized: Callable[..., Any]) -> None:
    """200m to 300m: 307 shares, weight 12, which is 290 shares, which are 284m."""
    resize = resized(**V2)
    resize.edit(Witness.API, pod_request("284m"), since=0.04)

    assert deviation_of(resize, "ST-26") == "PD-70"
    assert deviation_of(resize, "KL-39") == "PD-70"


def test_pd_70_leaves_out_the_least(resized: Callable[..., Any]) -> None:
    """20m are weight 1, which is read back as nothing."""
    few = burstable({"cpu": "10m", "memory": "64Mi"}, {"cpu": "200m", "memory": "128Mi"})
    resize = resized(Change(cpu="20m", scope="requests"), pod=few, **V2)
    resize.edit(Witness.API, pod_request(None), since=0.04)

    assert deviation_of(resize, "ST-26") == "PD-70"


@pytest.mark.parametrize("cpu", ["283m", "1", None])
def test_pd_70_is_no_other_number(resized: Callable[..., Any], cpu: str | None) -> None:
    resize = resized(**V2)
    resize.edit(Witness.API, pod_request(cpu), since=0.04)

    assert deviation_of(resize, "ST-26") is None


@pytest.mark.parametrize(
    "stack", [{"cgroup_version": 1}, {"kubernetes": "1.38.0", "cgroup_version": 2}]
)
def test_pd_70_is_of_its_stacks_alone(resized: Callable[..., Any], stack: dict[str, Any]) -> None:
    resize = resized(**(V137 | stack))
    resize.edit(Witness.API, pod_request("284m"), since=0.04)

    assert deviation_of(resize, "ST-26") is None


def test_pd_70_excuses_no_wrong_weight_and_no_wrong_container(
    resized: Callable[..., Any],
) -> None:
    wrong_weight, wrong_container = resized(**V2), resized(**V2)
    for resize in (wrong_weight, wrong_container):
        resize.edit(Witness.API, pod_request("284m"), since=0.04)
    wrong_weight.edit(Witness.KERNEL, lambda files: files.update({"cpu.weight": "13"}), subject=C1)
    wrong_container.edit(
        Witness.API,
        lambda pod: status_of(pod)["resources"]["requests"].update(cpu="284m"),
        since=0.04,
    )

    assert deviation_of(wrong_weight, "KL-39") is None
    assert deviation_of(wrong_weight, "ST-26") is None
    assert deviation_of(wrong_container, "KL-39") is None


@pytest.mark.parametrize(
    ("driver", "shown", "told"),
    [
        ("systemd", "110m", "PD-70"),
        ("systemd", "120m", None),
        ("cgroupfs", "110m", None),
    ],
)
def test_pd_70_reads_the_limit_back_as_systemd_rounded_it(
    resized: Callable[..., Any], driver: str, shown: str, told: str | None
) -> None:
    few = burstable({"cpu": "50m", "memory": "64Mi"}, {"cpu": "100m", "memory": "128Mi"})
    resize = resized(Change(cpu="107m", scope="limits"), pod=few, **V2, cgroup_driver=driver)

    def show(pod: dict[str, Any]) -> None:
        pod["status"]["resources"]["limits"]["cpu"] = shown

    resize.edit(Witness.API, pod_request("28m"), since=0.04)
    resize.edit(Witness.API, show, since=0.04)

    assert deviation_of(resize, "ST-26") == told
