"""Kubelet and apiserver as witnesses of what they count: one reading before, one after."""

from __future__ import annotations

from podresize.cluster.metrics import metrics, node_metrics, samples
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness
from podresize.oracle.metrics import APISERVER, FAMILIES, KUBELET
from podresize.resizing.reach import Reach

# Of the hundreds of series of these families, those that speak of a resize.
_HAVING = {
    KUBELET: ("resize", 'operation_type="update_container"'),
    APISERVER: ('subresource="resize"',),
}


def record_metrics(reach: Reach, recorder: Recorder) -> None:
    """Record the series that say something of resizes, as they are now.

    The text has some megabytes: it is read only for checks that ask for it. Raises ``ApiError``.
    """
    for component, text in (
        (KUBELET, node_metrics(reach.api, node=reach.node.name)),
        (APISERVER, metrics(reach.api)),
    ):
        found = samples(text, FAMILIES[component], having=_HAVING[component])
        recorder.observe(Witness.METRIC, component, dict(found))
