"""Pods and changes for properties: everything that a user can write down, small."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from podresize.oracle.change import Change

CPU = ("100m", "0.25", "2", "33m", "1e-1")
MEMORY = ("64Mi", "100M", "1Gi", "70000001")
quantities = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.sampled_from(CPU),
        "memory": st.sampled_from(MEMORY),
        "ephemeral-storage": st.just("1Gi"),
    },
)
resources = st.fixed_dictionaries(
    {}, optional={"requests": quantities, "limits": quantities, "claims": st.just([{"name": "x"}])}
)


def _container(name: str, own: dict[str, Any] | None, extra: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "image": "i"} | ({} if own is None else {"resources": own}) | extra


def _pod(
    containers: list[dict[str, Any] | None], init: list[dict[str, Any] | None], labels: bool
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "containers": [
            _container(f"c{number}", own, {"resizePolicy": []} if number % 2 else {})
            for number, own in enumerate(containers)
        ],
        "nodeName": "node/1~a",
    }
    if init:
        spec["initContainers"] = [
            _container(f"i{number}", own, {"restartPolicy": "Always"} if number else {})
            for number, own in enumerate(init)
        ]
    metadata = {"name": "p", "namespace": "n"} | ({"labels": {"a/b~c": "d"}} if labels else {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


pods = st.builds(
    _pod,
    st.lists(st.none() | resources, min_size=1, max_size=3),
    st.lists(st.none() | resources, max_size=2),
    st.booleans(),
)
_CPU_AMOUNTS = ("+100m", "-50m", "1", "250m", "+0")
_MEMORY_AMOUNTS = ("+32Mi", "-1000001", "64Mi", "+0")


@st.composite
def changes(
    draw: st.DrawFn, pod: dict[str, Any], *, removing: bool = True, parts: int = 3
) -> Change:
    """A change of the pod: of one or several parts, each of all containers or of one by name."""
    spec = pod["spec"]
    names = [item["name"] for item in [*spec["containers"], *spec.get("initContainers", ())]]
    removal = ("none",) if removing else ()
    found = [
        Change(
            cpu=draw(st.none() | st.sampled_from(_CPU_AMOUNTS + removal)),
            memory=draw(st.none() | st.sampled_from(_MEMORY_AMOUNTS + removal)),
            scope=draw(st.sampled_from(["both", "requests", "limits"])),
            container=draw(st.none() | st.sampled_from(names)),
        )
        for _ in range(draw(st.integers(1, parts)))
    ]
    whole = found[0]
    for part in found[1:]:
        whole &= part
    return whole
