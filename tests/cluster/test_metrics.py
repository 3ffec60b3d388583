"""Reading metrics in the Prometheus text format."""

from __future__ import annotations

from podresize.cluster.metrics import labels_of, samples

TEXT = """\
# HELP kubelet_pod_in_progress_resizes Number of in-progress resizes.
# TYPE kubelet_pod_in_progress_resizes gauge
kubelet_pod_in_progress_resizes 0
kubelet_pod_in_progress_resizes_of_another_kind 7
kubelet_runtime_operations_total{operation_type="update_container"} 15
kubelet_runtime_operations_total{operation_type="exec"} 1.5e+06
apiserver_request_total{code="200",subresource="resize",verb="PATCH"} 8
"""


def test_series_are_found_by_family() -> None:
    assert samples(TEXT, ["kubelet_pod_in_progress_resizes", "absent"]) == {
        "kubelet_pod_in_progress_resizes": 0.0
    }


def test_series_are_kept_by_what_they_have() -> None:
    found = samples(
        TEXT, ["kubelet_runtime_operations_total"], having=['operation_type="update_container"']
    )

    assert found == {'kubelet_runtime_operations_total{operation_type="update_container"}': 15.0}


def test_labels_are_read() -> None:
    (series,) = samples(TEXT, ["apiserver_request_total"])

    assert labels_of(series) == {"code": "200", "subresource": "resize", "verb": "PATCH"}
