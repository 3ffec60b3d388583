"""Who a reading names: the first in the chain of a resize that departs, and nobody by a guess."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from podresize.evidence.judging import Judgement, verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness
from podresize.oracle.model import POD, container_subject

Resized = Callable[..., Any]
C1 = container_subject("c1")


def tapped(resize: Any, *, without: tuple[str, ...] = (), **fields: Any) -> Any:
    """Add the kubelet's update; ``fields`` are of the call, ``without`` fields not asked for."""
    (item,) = resize.expectation.containers
    linux = {name: values[0] for name, values in item.runtime_after.items() if name not in without}
    call = {"method": "UpdateContainerResources", "code": "OK", "message": "", "seconds": 0.01}
    resize.add(0.0, Witness.CALL, C1, {"method": "ContainerStatus", "code": "OK", "message": ""})
    resize.add(0.22, Witness.CALL, C1, call | {"linux": linux} | fields)
    return resize


def never(resize: Any) -> None:
    """The container's cgroup stays as it is."""
    first = next(iter(resize.of(Witness.KERNEL, C1))).data
    resize.edit(Witness.KERNEL, lambda data: data.update(first), subject=C1)


def judged(resize: Any, requirement: str) -> Judgement:
    (judgement,) = verify(resize.timeline, resize.expectation, [requirement])
    assert judgement.kind is VerdictKind.FAILED, judgement
    return judgement


def test_an_update_that_is_answered_and_not_done_is_the_runtimes(resized: Resized) -> None:
    resize = tapped(resized())
    never(resize)

    judgement = judged(resize, "KL-30")

    assert judgement.guilty == "CRI runtime"
    assert (
        "At fault is the CRI runtime, which answered the update of c1 with OK and did nothing"
        in (judgement.reading)
    )


def test_without_a_tap_nobody_knows_who_did_not_do_it(resized: Resized) -> None:
    resize = resized()
    never(resize)

    judgement = judged(resize, "KL-30")

    assert judgement.guilty is None
    assert "At fault" not in judgement.reading


def test_an_update_that_is_refused_is_the_runtimes(resized: Resized) -> None:
    resize = tapped(resized(), code="INTERNAL", message="no room")
    never(resize)

    assert "answered the update of c1 with INTERNAL: no room" in judged(resize, "KL-30").reading


@pytest.mark.parametrize(
    ("call", "because"),
    [
        ({"without": ("cpu_shares",)}, "never asked the runtime for cpu_shares of c1"),
        ({"linux": {"cpu_shares": 7}}, "asked the runtime for cpu_shares 7 of c1, not "),
    ],
)
def test_what_was_never_asked_for_or_otherwise_is_the_kubelets(
    resized: Resized, call: dict[str, Any], because: str
) -> None:
    resize = tapped(resized(), **call)
    never(resize)

    judgement = judged(resize, "KL-30")

    assert judgement.guilty == "kubelet"
    assert because in judgement.reading


def test_what_the_kernel_had_and_nobody_took_back_somebody_else_wrote(resized: Resized) -> None:
    resize = tapped(resized())
    resize.add(0.9, Witness.KERNEL, C1, {"cpu.shares": "7"})

    judgement = judged(resize, "KL-30")

    assert judgement.guilty == "kernel"
    assert "somebody else wrote the cgroup" in judgement.reading


def test_what_the_runtime_took_back_it_reports(resized: Resized) -> None:
    resize = tapped(resized())
    resize.add(0.9, Witness.KERNEL, C1, {"cpu.shares": "7"})
    resize.edit(Witness.CRI, lambda data: data["resources"].update(cpu_shares=7), subject=C1)

    assert judged(resize, "KL-30").guilty == "CRI runtime"


def test_a_pods_cgroup_is_the_kubelets_to_write(resized: Resized) -> None:
    resize = tapped(resized())
    first = next(iter(resize.of(Witness.KERNEL, POD))).data
    resize.edit(Witness.KERNEL, lambda data: data.update(first), subject=POD)

    judgement = judged(resize, "KL-32")

    assert judgement.guilty == "kubelet"
    assert "did not write the values into the pod's cgroup" in judgement.reading


def test_a_report_of_another_value_is_the_runtimes(resized: Resized) -> None:
    resize = tapped(resized())
    resize.edit(Witness.CRI, lambda data: data["resources"].update(cpu_shares=7), subject=C1)

    for requirement in ("CRI-03", "CRI-07"):
        assert judged(resize, requirement).guilty == "CRI runtime"


def test_where_all_is_done_and_reported_who_tells_otherwise_is_at_fault(resized: Resized) -> None:
    resize = tapped(resized())
    first = next(iter(resize.of(Witness.API))).data["status"]["containerStatuses"]
    resize.edit(Witness.API, lambda pod: pod["status"].update(containerStatuses=first))

    judgement = judged(resize, "ST-21")

    assert judgement.guilty == "kubelet"


def test_a_container_that_ends_and_was_not_to_is_his_who_ended_it(resized: Resized) -> None:
    for calls, guilty in (([], "CRI runtime"), (["StopContainer"], "kubelet")):
        resize = tapped(resized())
        for method in calls:
            data = {"method": method, "code": "OK", "message": "", "seconds": 0.1}
            resize.add(0.4, Witness.CALL, C1, data)
        again = dict(resize.of(Witness.CRI, C1)[-1].data) | {"id": "another", "started_at": 99}
        resize.add(0.5, Witness.CRI, C1, again)

        assert judged(resize, "KL-34").guilty == guilty


def test_a_start_that_was_none_is_the_runtimes_tale(resized: Resized) -> None:
    resize = tapped(resized())
    again = dict(resize.of(Witness.CRI, C1)[-1].data) | {"started_at": 99}
    resize.add(0.5, Witness.CRI, C1, again)

    assert "of a process that is the same" in judged(resize, "KL-34").reading


def test_where_the_api_alone_was_asked_the_apiserver_is_at_fault(resized: Resized) -> None:
    """The way of ``ask``: no kernel and no runtime was looked at."""
    resize = resized()
    for witness in (Witness.KERNEL, Witness.CRI, Witness.PROCESS):
        resize.drop(witness)
    resize.edit(Witness.API, lambda pod: pod["spec"]["containers"][0].pop("resources"))
    alone = dataclasses.replace(resize.timeline, watched=False)

    (judgement,) = verify(alone, resize.expectation, ["API-01"])

    assert judgement.guilty == "apiserver"


def test_a_slow_update_and_a_late_report_are_the_runtimes(resized: Resized) -> None:
    slow = tapped(resized(), seconds=20.0)
    never(slow)
    assert "took 20.0 s for an update of c1" in judged(slow, "KL-30").reading


def test_an_update_that_failed_first_is_told(resized: Resized) -> None:
    resize = tapped(resized())
    failed = dict(resize.of(Witness.CALL, C1)[-1].data) | {"code": "UNAVAILABLE", "message": "away"}
    resize.add(0.1, Witness.CALL, C1, failed)
    resize.edit(Witness.API, lambda pod: pod["status"].update(qosClass="BestEffort"))

    assert "answered an update of c1 with UNAVAILABLE" in judged(resize, "ST-27").reading


@pytest.mark.parametrize(
    ("largest_gap", "guilty"),
    [
        (0.004, "CRI runtime"),
        (0.3, "CRI runtime"),
        # Nobody looked for longer than the kernel may have been late.
        (0.9, "kubelet"),
    ],
)
def test_an_answer_before_the_kernel_is_the_runtimes_though_asked_again(
    resized: Resized, largest_gap: float, guilty: str
) -> None:
    resize = tapped(resized())
    after = dict(resize.of(Witness.KERNEL, C1)[-1].data)
    never(resize)
    resize.add(0.7, Witness.KERNEL, C1, after)
    again = resize.of(Witness.CALL, C1)[-1].data
    resize.add(0.8, Witness.CALL, C1, again)
    resize.sampling = {"hertz": 250.0, "largest_gap": largest_gap, "seconds": 2.0}
    resize.edit(Witness.API, lambda pod: pod["status"].update(qosClass="BestEffort"))

    judgement = judged(resize, "ST-27")

    assert judgement.guilty == guilty
    assert ("at +0.22 s, before the kernel had the values (+0.70 s)" in judgement.reading) == (
        guilty == "CRI runtime"
    )


@pytest.mark.parametrize(
    ("code", "guilty"),
    [("UNKNOWN", "CRI runtime"), ("UNIMPLEMENTED", "kubelet"), ("OK", "kubelet")],
)
def test_an_update_of_the_sandbox_that_fails_is_the_runtimes(
    resized: Resized, code: str, guilty: str
) -> None:
    """The kubelet asks for no update of a container after it."""
    resize = resized()
    never(resize)
    call = {"method": "UpdatePodSandboxResources", "code": code, "message": "no", "seconds": 0.01}
    resize.add(0.1, Witness.CALL, POD, call)

    judgement = judged(resize, "KL-30")

    assert judgement.guilty == guilty
    assert ("answered UpdatePodSandboxResources with UNKNOWN" in judgement.reading) == (
        code == "UNKNOWN"
    )
