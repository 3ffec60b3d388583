"""What a kernel must have: all that is missing by name."""

from __future__ import annotations

import pytest

from podresize.artifacts.kernel_options import (
    NEEDED,
    check_kernel_options,
    enabled_options,
    needed_modules,
)


def config(*, without: tuple[str, ...] = ()) -> str:
    names = [each if isinstance(each, str) else each[0] for each in NEEDED]
    lines = [f"CONFIG_{name}={'m' if name.startswith('VIRTIO') else 'y'}" for name in names]
    kept = [line for line in lines if line[7:].partition("=")[0] not in without]
    return "\n".join([*kept, *(f"# CONFIG_{name} is not set" for name in without), ""])


def test_modules_are_as_good_as_what_is_built_in() -> None:
    assert check_kernel_options(config()) == []
    assert enabled_options(config())["VIRTIO_BLK"] == "m"


@pytest.mark.parametrize(
    "name",
    [
        *("MEMCG", "CFS_BANDWIDTH", "CPUSETS", "CGROUP_HUGETLB", "SWAP", "OVERLAY_FS", "SQUASHFS"),
        *("VIRTIO_PCI", "VIRTIO_BLK", "VIRTIO_CONSOLE", "VIRTIO_NET", "VETH", "BRIDGE", "NF_NAT"),
        *("PID_NS", "NET_NS"),
    ],
)
def test_each_that_is_missing_is_named(name: str) -> None:
    assert check_kernel_options(config(without=(name,))) == [f"CONFIG_{name}"]


def test_needed_options_that_are_modules_are_named() -> None:
    text = config() + "CONFIG_SOUND=m\nCONFIG_IP_NF_NAT=m\n"

    assert needed_modules(config().replace("=m", "=y")) == []
    assert set(needed_modules(text)) == {
        *("VIRTIO_PCI", "VIRTIO_BLK", "VIRTIO_CONSOLE", "VIRTIO_NET", "IP_NF_NAT"),
    }


def test_of_alternatives_one_is_enough_and_all_are_named() -> None:
    bare = config(without=("NFT_NAT",))

    assert check_kernel_options(bare) == ["CONFIG_NFT_NAT or CONFIG_IP_NF_NAT"]
    assert check_kernel_options(f"{bare}CONFIG_IP_NF_NAT=m\n") == []


@pytest.mark.parametrize(
    ("processor", "wanted", "other"),
    [
        ("X86_64", ("SERIAL_8250_CONSOLE",), "SERIAL_AMBA_PL011_CONSOLE"),
        ("ARM64", ("SERIAL_AMBA_PL011_CONSOLE", "PCI_HOST_GENERIC"), "SERIAL_8250_CONSOLE"),
    ],
)
def test_console_and_bus_are_those_of_qemus_machine(
    processor: str, wanted: tuple[str, ...], other: str
) -> None:
    text = f"{config()}CONFIG_{processor}=y\nCONFIG_{other}=y\n"

    assert check_kernel_options(text) == [f"CONFIG_{each}" for each in wanted]
    lines = "".join(f"CONFIG_{each}=y\n" for each in wanted)
    assert check_kernel_options(f"{text}{lines}") == []


def test_values_and_comments_are_no_options() -> None:
    text = config(without=("SWAP",)) + "CONFIG_SWAP_NAME=y\n# CONFIG_SWAP=y\nCONFIG_SWAP=0\n"

    assert check_kernel_options(text) == ["CONFIG_SWAP"]


def test_cgroup_v1_is_missing_only_where_the_kernel_knows_it_as_an_option() -> None:
    newer = config(without=("MEMCG_V1", "CPUSETS_V1"))

    assert check_kernel_options(config(), cgroup_v1=True) == []
    assert check_kernel_options(newer) == []
    assert check_kernel_options(newer, cgroup_v1=True) == ["CONFIG_MEMCG_V1", "CONFIG_CPUSETS_V1"]
