"""What a pod may say of resizing when it is created (KEP-1287, "Container Resize Policy").

Every creation is a dry run: its answer says all, and no pod is made.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Edit, Pods, claim_creation, claim_ephemeral, requirement

C1 = "/spec/containers/0/resizePolicy"
INIT = {"name": "i1", "image": "example.com/i:1"}
RESTART = {"resourceName": "memory", "restartPolicy": "RestartContainer"}
NOT_REQUIRED = {"resourceName": "memory", "restartPolicy": "NotRequired"}


def _policy(name: str, *items: dict[str, str]) -> Edit:
    return Edit(name=name, operations=({"op": "add", "path": C1, "value": list(items)},))


def _init(name: str, **fields: object) -> Edit:
    operation = {"op": "add", "path": "/spec/initContainers", "value": [INIT | fields]}
    return Edit(name=name, operations=(operation,))


@requirement("API-30")
@pytest.mark.parametrize(
    "edit",
    [
        _policy("a resource twice", NOT_REQUIRED, RESTART),
        _policy("another resource", RESTART | {"resourceName": "ephemeral-storage"}),
        _policy("another restart policy", RESTART | {"restartPolicy": "PreferNoRestart"}),
        _policy("no resource", RESTART | {"resourceName": ""}),
        _policy("no restart policy", RESTART | {"restartPolicy": ""}),
        _policy("both resources", RESTART, NOT_REQUIRED | {"resourceName": "cpu"}),
    ],
    ids=str,
)
def test_a_policy_names_known_things_once(pods: Pods, edit: Edit) -> None:
    """Anything else is refused, and named."""
    claim_creation(pods, "API-30", edit, qos="Burstable")


@requirement("API-31")
@pytest.mark.parametrize("policy", [RESTART, NOT_REQUIRED], ids=["restart", "not required"])
@pytest.mark.parametrize("restart_policy", ["Never", "OnFailure", "Always"])
def test_what_never_restarts_cannot_have_to(
    pods: Pods, restart_policy: str, policy: dict[str, str]
) -> None:
    """RestartContainer beside restartPolicy Never is refused from 1.29 on."""
    edit = _policy("a policy", policy)

    claim_creation(pods, "API-31", edit, qos="Burstable", restart_policy=restart_policy)


@requirement("API-33")
@pytest.mark.parametrize(
    "resources",
    [
        {"requests": {"cpu": "100m", "memory": "64Mi"}},
        {"requests": {"cpu": "100m"}},
        {"limits": {"memory": "64Mi"}},
        {},
    ],
    ids=["both", "cpu", "memory limit", "none"],
)
def test_the_default_policy(pods: Pods, resources: dict[str, dict[str, str]]) -> None:
    """Written for what is requested until 1.32, and not at all later."""
    edit = Edit(name="no policy", operations=())

    claim_creation(pods, "API-33", edit, resources=[resources])


@requirement("API-34")
@pytest.mark.parametrize(
    "edit",
    [
        _init("an init container with a policy", resizePolicy=[NOT_REQUIRED]),
        _init("an init container that must restart", resizePolicy=[RESTART]),
        _init("an init container without one"),
    ],
    ids=str,
)
def test_a_policy_of_an_init_container(pods: Pods, edit: Edit) -> None:
    """None until 1.32; RestartContainer for sidecars alone from 1.36 on."""
    claim_creation(pods, "API-34", edit, qos="Burstable")


@requirement("API-29")
@pytest.mark.parametrize(
    "fields",
    [
        {"resources": {"requests": {"cpu": "100m"}}},
        {"resizePolicy": [NOT_REQUIRED]},
        {},
    ],
    ids=["resources", "policy", "neither"],
)
def test_an_ephemeral_container(pods: Pods, fields: dict[str, object]) -> None:
    """It uses what the others leave, and has nothing to resize."""
    claim_ephemeral(pods, "API-29", fields)
