"""The pod templates of workloads are no pods: they behave as they always did.

(KEP-1287, "Backward Compatibility".)
"""

from __future__ import annotations

from podresize_fixtures import Pods, claim, requirement
from podresize_fixtures.workloads import change_template, deployment, job, rolled_out


@requirement("API-59")
def test_a_deployment_rolls_out(pods: Pods) -> None:
    """Other resources in the template make a new ReplicaSet."""
    made = deployment(pods, cpu="100m")

    answer = change_template(pods, made, cpu="150m")

    claim("API-59", "the answer to the change of a Deployment", got=answer.code, want=200)
    after = rolled_out(pods, made)
    revision = after["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    claim("API-59", "the Deployment's revision", got=revision, want="2")


@requirement("API-59")
def test_a_job_refuses(pods: Pods) -> None:
    """The template of a Job that is not suspended is immutable."""
    made = job(pods, cpu="100m")

    answer = change_template(pods, made, cpu="150m")

    claim("API-59", "the answer to the change of a Job", got=answer.code, want=422)
    claim("API-59", "its words", got=answer.message, want="field is immutable", relation="contains")
