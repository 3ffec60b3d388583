"""What components say of themselves: metrics, feature gates, the kubelet's configuration in force.

A fingerprint is drawn from these and never from what a target was asked to be.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from podresize.cluster.api import Api, resource_path
from podresize.cluster.get import get_json, get_text

FEATURE = re.compile(
    r"^kubernetes_feature_enabled\{(?P<labels>[^}]*)\}\s+(?P<value>[0-9.e+]+)", re.MULTILINE
)
LABEL = re.compile(r'([a-zA-Z_]\w*)="([^"]*)"')
NAME_LABEL = re.compile(r'(?:^|,)name="(?P<name>[^"]*)"')


def metrics(api: Api) -> str:
    """Return the apiserver's ``/metrics`` in the Prometheus text format. Raises ``ApiError``."""
    return get_text(api, path="/metrics")


def node_metrics(api: Api, *, node: str) -> str:
    """Return a kubelet's ``/metrics`` through the apiserver's proxy. Raises ``ApiError``."""
    path = resource_path("nodes", name=node, subresource="proxy/metrics")
    return get_text(api, path=path)


def node_config(api: Api, *, node: str) -> dict[str, Any]:
    """Return the kubelet's configuration in force (``/configz``, key ``kubeletconfig``)."""
    path = resource_path("nodes", name=node, subresource="proxy/configz")
    found = get_json(api, path=path)["kubeletconfig"]
    assert isinstance(found, dict)
    return found


def features(text: str) -> dict[str, bool]:
    """Return the gates of a component by name, from its metrics (1.26 and later; else ``{}``)."""
    found: dict[str, bool] = {}
    for match in FEATURE.finditer(text):
        name = NAME_LABEL.search(match["labels"])
        if name is not None:
            found[name["name"]] = float(match["value"]) == 1
    return found


def feature_enabled(api: Api, *, name: str, node: str | None = None) -> bool | None:
    """Return whether the apiserver, or ``node``'s kubelet, has a gate on.

    None when the component does not know the gate. Raises ``ApiError``.
    """
    text = metrics(api) if node is None else node_metrics(api, node=node)
    return features(text).get(name)


def samples(
    text: str, families: Collection[str], *, having: Collection[str] = ()
) -> dict[str, float]:
    """Return the series of some families with their values, as they are written in the text.

    ``having`` keeps only series with one of these texts among their labels: a family like
    ``apiserver_request_total`` has hundreds. A family that is not there has no series.
    """
    found: dict[str, float] = {}
    for family in families:
        pattern = rf"^(?P<series>{re.escape(family)}(?:\{{[^}}]*\}})?)\s+(?P<value>\S+)"
        for match in re.finditer(pattern, text, re.MULTILINE):
            if not having or any(each in match["series"] for each in having):
                found[match["series"]] = float(match["value"])
    return found


def labels_of(series: str) -> dict[str, str]:
    """Return the labels of a series as it is written: ``name{label="value",...}``."""
    return dict(LABEL.findall(series.partition("{")[2]))
