"""What a kernel has to have so that a guest boots with it and a node can be in it."""

from __future__ import annotations

import re

# Each is one option; of several in a tuple one is enough. Sources: systemd's README (REQUIREMENTS),
# runc's and containerd's documentation of what a host needs, the guest's own disks and port.
_BOOT = (
    *("BLK_DEV_INITRD", "BINFMT_ELF", "BINFMT_SCRIPT", "DEVTMPFS", "PROC_FS", "SYSFS", "TMPFS"),
    *("VIRTIO_PCI", "VIRTIO_BLK", "VIRTIO_CONSOLE", "VIRTIO_NET"),
    *("SQUASHFS", "SQUASHFS_ZLIB", "OVERLAY_FS", "EXT4_FS"),
)
_SYSTEMD = (
    *("CGROUPS", "EPOLL", "SIGNALFD", "TIMERFD", "EVENTFD", "INOTIFY_USER", "FHANDLE", "UNIX"),
)
_CONTAINERS = (
    *("NAMESPACES", "UTS_NS", "IPC_NS", "PID_NS", "NET_NS", "SECCOMP", "SECCOMP_FILTER", "KEYS"),
    "POSIX_MQUEUE",
    *("MEMCG", "CGROUP_SCHED", "FAIR_GROUP_SCHED", "CFS_BANDWIDTH", "CPUSETS", "CGROUP_CPUACCT"),
    *("CGROUP_PIDS", "CGROUP_FREEZER", "CGROUP_DEVICE", "CGROUP_BPF", "BPF_SYSCALL"),
    *("BLK_CGROUP", "HUGETLBFS", "CGROUP_HUGETLB", "SWAP"),
)
_NETWORK = (
    *("INET", "PACKET", "VETH", "BRIDGE", "NETFILTER", "NF_CONNTRACK", "NF_NAT"),
    ("NFT_NAT", "IP_NF_NAT"),
    ("NFT_COMPAT", "IP_NF_IPTABLES"),
    "NETFILTER_XT_MATCH_COMMENT",
)
NEEDED: tuple[str | tuple[str, ...], ...] = _BOOT + _SYSTEMD + _CONTAINERS + _NETWORK


# What QEMU's serial port is, by the option that says for which processor a kernel is; and where the
# disks are on a machine that a device tree describes.
_OF_PROCESSOR = {
    "X86_64": ("SERIAL_8250_CONSOLE",),
    "ARM64": ("SERIAL_AMBA_PL011_CONSOLE", "PCI_HOST_GENERIC"),
}
# Since Linux 6.11 the controllers of cgroup v1 are options of their own; before, they have none.
_CGROUP_V1 = ("MEMCG_V1", "CPUSETS_V1")


def check_kernel_options(config_text: str, *, cgroup_v1: bool = False) -> list[str]:
    """Return the names of the options that a kernel lacks, with ``CONFIG_``; empty for a good one.

    ``config_text`` is the kernel's ``.config``. What is a module is there. Of alternatives all are
    named, in one string. ``cgroup_v1``: the guest is to have cgroup v1.
    """
    there = enabled_options(config_text)
    missing = []
    more = [each for its, options in _OF_PROCESSOR.items() if its in there for each in options]
    for each in (*NEEDED, *more):
        names = (each,) if isinstance(each, str) else each
        if not any(name in there for name in names):
            missing.append(" or ".join(f"CONFIG_{name}" for name in names))
    if cgroup_v1:
        off = re.findall(r"^# CONFIG_(\w+) is not set$", config_text, flags=re.MULTILINE)
        missing += [f"CONFIG_{name}" for name in _CGROUP_V1 if name in off]
    return missing


def needed_modules(config_text: str) -> list[str]:
    """Return the needed options, without ``CONFIG_``, of what is a module in such a kernel."""
    there = enabled_options(config_text)
    names = [name for each in NEEDED for name in ((each,) if isinstance(each, str) else each)]
    return [name for name in names if there.get(name) == "m"]


def enabled_options(config_text: str) -> dict[str, str]:
    """Return ``y`` or ``m`` by option, without ``CONFIG_``, of what is built in or a module."""
    return dict(re.findall(r"^CONFIG_(\w+)=([ym])$", config_text, flags=re.MULTILINE))
