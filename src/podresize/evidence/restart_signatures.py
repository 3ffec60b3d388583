"""What the catalogued deviations of a resize that restarts a container look like."""

from __future__ import annotations

from podresize.evidence.agreement import cgroup_shows, container_status, progress_value
from podresize.evidence.case import Case
from podresize.evidence.judges.transitions import early_done, other_faults, status_faults
from podresize.oracle.model import POD
from podresize.oracle.progress import DONE


def done_while_the_container_is_down(case: Case) -> str | None:
    """PD-76: a resize is called done when its container has ended for it and is not started again.

    Nothing else is wrong: no value goes back, and at the end everything is at the new values with
    one restart. The first state that says done shows the container's old run, and it ended.
    """
    expectation = case.expectation
    restarted = [item for item in expectation.containers if item.restarts]
    if not restarted:
        return "no container is restarted"
    early = early_done(case)
    if not early:
        return "the API does not show the resize done before the kernel has it"
    others = [*status_faults(case), *(each for each in other_faults(case) if each not in early)]
    if others:
        return others[0].text
    style = expectation.progress.style
    asked = [(progress_value(pod, style), pod) for t, pod in case.pods if t > 0]
    begun = next((i for i, (value, _) in enumerate(asked) if value != DONE), len(asked))
    done = next((pod for value, pod in asked[begun:] if value == DONE), None)
    if done is None:
        return "the API does not show the resize in progress and then done"
    for item in restarted:
        shown = container_status(done, item.name)
        is_down = "running" not in (shown.get("state") or {})
        if not is_down or shown.get("restartCount") != item.restart_count:
            return f"container {item.name} runs when the resize is called done"
    return case.why_not_ended()


def pods_cgroup_misses_a_restart(case: Case) -> str | None:
    """PD-80: the pod's cgroup stays where a container was down before the kubelet had raised it.

    A container that must restart is seen to be down with its old run, by a sync of its own; then it
    runs anew with its new values in every witness, the API says done, and the pod's cgroup keeps
    what it had from the first sample to the last. Nothing else is wrong.
    """
    expectation = case.expectation
    restarted = [item for item in expectation.containers if item.restarts]
    if not restarted:
        return "no container is restarted"
    for item in restarted:
        shown = [container_status(pod, item.name) for t, pod in case.pods if t > 0]
        if not any(
            "running" not in (each.get("state") or {})
            and each.get("restartCount") == item.restart_count
            for each in shown
        ):
            return f"container {item.name} is not seen to be down before it is started anew"
    early = early_done(case)
    others = [*status_faults(case), *(each for each in other_faults(case) if each not in early)]
    if others:
        return others[0].text
    old = expectation.cgroups_before[POD]
    if not all(cgroup_shows(files, old) for _, files in case.cgroup(POD)):
        return "the pod's cgroup does not stay as it was"
    return case.why_not_ended(but=POD)
