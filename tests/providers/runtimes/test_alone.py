"""An OCI runtime alone as a target: what cannot be asked of it, and how it prints."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests.oracle.test_container_update import V1

from podresize.errors import UsageError
from podresize.providers.runtimes import oci, provider
from podresize.requirements.loader import load_catalogue
from podresize.requirements.matching import is_affected, why_unsupported
from podresize.requirements.runtime_target import NO_RUNTIME, OciHandle, RuntimeTarget

ALONE = dataclasses.replace(
    V1,
    runtime=NO_RUNTIME,
    runtime_version=NO_RUNTIME,
    cri_version=NO_RUNTIME,
    host_limits=("no cri (an OCI runtime alone)",),
)
ASKS_CRI = {
    *("CRI-04", "CRI-08", "RT-08", "RT-10", "RT-11", "RT-12", "RT-19", "RT-22", "RT-30"),
    *("RT-34", "RT-35"),
}


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        ({"endpoint": "unix:///run/x.sock"}, "--cri-endpoint"),
        ({"containerd": "2.1.4"}, "--containerd"),
        ({"handler": "runc"}, "--handler"),
        ({"image": "x"}, "--image"),
        ({"tap": True}, "--tap"),
        ({"tap": True, "faults": ("update-dropped",)}, "--tap, --fault"),
    ],
)
def test_what_only_a_cri_runtime_has_is_refused(wrong: dict[str, Any], option: str) -> None:
    with pytest.raises(UsageError) as caught:
        provider.check_target(RuntimeTarget(alone=True, **wrong))

    assert caught.value.origin == option
    assert "--oci-alone" in (caught.value.next_command or "")


def test_an_unknown_program_is_refused_as_ever() -> None:
    with pytest.raises(UsageError, match="unknown OCI runtime"):
        provider.check_target(RuntimeTarget(alone=True, oci_runtime="youki"))


def test_how_it_prints() -> None:
    assert str(RuntimeTarget(alone=True, oci_runtime="runc@1.5.3")) == "runc@1.5.3 alone"
    assert str(ALONE) == "runc 1.1.5 alone, cgroup v1 cgroupfs"


def test_what_needs_cri_is_unsupported_and_nothing_else() -> None:
    known = load_catalogue().requirements.values()
    put = {each.id: why_unsupported(each, ALONE) for each in known if each.put_to == "runtime"}

    assert {id_ for id_, reason in put.items() if reason and "no cri" in reason} == ASKS_CRI


def test_deviations_of_oci_runtimes_are_its_and_those_of_containerd_are_not() -> None:
    known = load_catalogue().deviations

    assert is_affected(known["PD-51"], ALONE)
    assert not is_affected(known["PD-52"], ALONE)
    assert not is_affected(known["PD-57"], ALONE)


def test_its_program_is_called_within_the_namespaces(tmp_path: Path) -> None:
    script = oci.write_program(
        *(tmp_path / "runsc", Path("/cache/runsc")), init=7, flags=("--network=none",), network=True
    )

    assert "--target=7 --pid --mount --net -- env" in script.read_text()
    assert script.read_text().endswith('/cache/runsc --network=none "$@"\n')


@pytest.mark.parametrize("bundles", [None, Path("/b")])
def test_a_handle_comes_back_as_it_went(bundles: Path | None) -> None:
    handle = OciHandle(kind="runc", program=Path("/p"), root=Path("/r"), bundles=bundles)

    assert OciHandle.from_json(handle.to_json()) == handle
