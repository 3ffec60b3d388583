"""What another provider may bring to this one's supervisor and init: its components, its orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podresize.providers.local import state
from podresize.providers.local.cluster_making import ClusterMaking
from podresize.providers.local.components import Component
from podresize.providers.local.conditions import conditions_of
from podresize.providers.local.layout import Layout
from podresize.providers.local.making import Ordered
from podresize.providers.local.supervisor import making_of

ORDER: dict[str, Any] = {"programs": {}, "keep": [], "images": [], "runtimes": {}, "cni": None}


class OneMaking(Ordered):
    """An order of one process that nobody here knows."""

    def components(self, layout: Layout) -> list[Component]:
        return [Component(name="one", command=(str(layout.directory / "one"),))]


def test_the_order_names_the_class_that_makes_it() -> None:
    made = making_of(ORDER | {"making": f"{__name__}:OneMaking"})

    assert type(made).__name__ == "OneMaking"


def test_a_cluster_is_made_by_the_class_that_its_order_names() -> None:
    making = "podresize.providers.local.cluster_making:ClusterMaking"
    order = ORDER | {"making": making, "target": {}, "joins": None}

    assert isinstance(making_of(order), ClusterMaking)


def test_components_without_conditions_are_not_waited_for(layout: Layout) -> None:
    found = OneMaking(ORDER).conditions(layout)

    assert (found.held, found.answers) == ({}, {})


def test_a_control_plane_alone_is_waited_for_without_a_runtime(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podresize.providers.local.conditions.ApiserverProbe", lambda _: bool)

    found = conditions_of(layout, {"etcd", "kube-apiserver"})

    assert set(found.held) == {"etcd", "apiserver-port", "apiserver"}
    assert set(found.answers) == {"etcd", "kube-apiserver"}


def test_a_runtime_and_its_tap_are_waited_for_by_their_sockets(layout: Layout) -> None:
    found = conditions_of(layout, {"containerd", "tap", "kubelet"})

    assert set(found.held) == set(found.answers) == {"containerd", "tap"}
    assert not found.held["containerd"]()


@pytest.mark.parametrize(("target", "provider"), [({}, "local"), ({"provider": "vm"}, "vm")])
def test_a_cluster_is_its_providers(target: dict[str, str], provider: str) -> None:
    found = state.ClusterState(
        layout=Layout(name="x", index=0), supervisor=(1, 1), target=target, what=state.CLUSTER
    )

    assert found.provider == provider


def test_another_providers_cluster_is_not_a_local_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from podresize.providers.local import provider

    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("podresize.providers.local.network.taken_indices", set)
    monkeypatch.setattr("podresize.providers.local.cgroups.places", lambda _: [])
    state.claim("theirs", target={"provider": "vm"})
    state.claim("ours", target={"provider": "local"})

    assert [each.name for each in provider.found()] == ["ours"]
    assert provider.find("theirs") is None
    assert state.find("theirs") is not None
