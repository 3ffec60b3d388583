"""What the apiserver makes of the feature's fields at a pod's creation, by version."""

from __future__ import annotations

import pytest
from tests.oracle.test_admission import INIT, POLICY, RESTART, SIDECAR, on, pod

from podresize.oracle.creation_rules import created, ephemeral


@pytest.mark.parametrize(
    ("kubernetes", "policy", "restart", "rule", "fragment"),
    [
        ("1.27.4", [*POLICY, POLICY[0]], "Always", "API-30", "Duplicate value"),
        ("1.37.2", [POLICY[0] | {"resourceName": "x"}], "Always", "API-30", '"cpu", "memory"'),
        ("1.37.2", [{"resourceName": "cpu"}], "Always", "API-30", "Required value"),
        ("1.29.0", RESTART, "Never", "API-31", "when `restartPolicy` is 'Never'"),
        ("1.36.0", RESTART, "Never", "API-31", "when pod `restartPolicy` is 'Never'"),
        ("1.28.0", RESTART, "Never", "", ""),
        ("1.37.2", RESTART, "OnFailure", "", ""),
    ],
)
def test_policies_at_creation(
    kubernetes: str, policy: list[dict[str, str]], restart: str, rule: str, fragment: str
) -> None:
    new = pod(restartPolicy=restart)
    new["spec"]["containers"][0]["resizePolicy"] = policy
    answer, _ = created(new, on(kubernetes))

    assert answer.rule == rule
    assert fragment in answer.fragment


@pytest.mark.parametrize(
    ("kubernetes", "policy", "sidecar", "rule"),
    [
        ("1.32.0", POLICY, True, "API-34"),
        ("1.33.0", RESTART, False, ""),
        ("1.36.0", RESTART, False, "API-34"),
        ("1.37.2", RESTART, True, ""),
    ],
)
def test_policies_of_init_containers(
    kubernetes: str, policy: list[dict[str, str]], sidecar: bool, rule: str
) -> None:
    init = (SIDECAR if sidecar else INIT)[0] | {"resizePolicy": policy}
    answer, _ = created(pod(initContainers=[init]), on(kubernetes))

    assert answer.rule == rule


def test_the_default_policy_is_written_until_1_32() -> None:
    new = pod({"limits": {"memory": "64Mi"}})
    del new["spec"]["containers"][0]["resizePolicy"]

    written = created(new, on("1.32.0"))[1]["spec"]["containers"][0]
    assert written["resizePolicy"] == [POLICY[1]]
    assert "resizePolicy" not in created(new, on("1.33.0"))[1]["spec"]["containers"][0]


def test_ephemeral_containers_have_no_resources() -> None:
    refusal = ephemeral({"name": "e", "resizePolicy": POLICY}, on("1.27.4"))

    assert refusal is not None
    assert refusal.rule == "API-29"
    assert ephemeral({"name": "e", "resources": {}}, on("1.27.4")) is None


def test_without_the_gate_the_policy_of_an_ephemeral_container_is_dropped() -> None:
    off = on("1.27.4", gate=False)

    assert ephemeral({"name": "e", "resizePolicy": POLICY}, off) is None
    assert ephemeral({"name": "e", "resources": {"limits": {"cpu": "1"}}}, off) is not None
