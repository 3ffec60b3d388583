"""What is known of each component: its programs, and where each source finds them.

Adding a component, a program or a release layout is a row here. The rows carry no code; the
sources read them.
"""

from __future__ import annotations

import dataclasses

from podresize.artifacts.artifact import Component

DEFAULT_KUBERNETES = "1.27.4"
DEFAULT_CONTAINERD = "1.6.36"
JVM_IMAGE = "podresize.local/jvm:1"

# Kubernetes releases of which every module and every checksum can be had. A release outside this
# list may still be downloaded: upstream serves all of them, the module proxies do not.
KUBERNETES_FROM_MODULES = (
    *("1.27.1", "1.27.2", "1.27.3", "1.27.4"),
    *("1.30.4", "1.31.0", "1.32.2", "1.33.13", "1.34.3", "1.35.4", "1.36.1", "1.37.2"),
)
# The same for containerd, used where no proxy can be asked.
CONTAINERD_FROM_MODULES = (
    *(
        "1.6.1",
        "1.6.8",
        "1.6.9",
        "1.6.19",
        "1.6.36",
        "1.7.2",
        "1.7.6",
        "1.7.11",
        "1.7.24",
        "1.7.35",
    ),
    *("2.0.13", "2.0.14", "2.1.3", "2.1.4", "2.1.9", "2.2.9", "2.3.7", "2.4.2"),
)
# One of each minor that a kubeadm names, known to build: the last is what kubeadm 1.37 names.
ETCD_FROM_MODULES = ("3.5.21", "3.6.8", "3.7.0")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Files of an upstream release.

    ``url`` and ``checksum`` hold ``{version}``, ``{arch}`` and ``{program}``. Without ``members``
    the file at ``url`` is the program itself, once per program; with them it is a tar archive and
    ``members`` maps a program to its place inside, again with ``{version}`` and ``{arch}``.
    """

    url: str
    checksum: str
    preferred: str | None = None
    members: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A Go module that holds the programs.

    ``path`` may hold ``{major_suffix}``, which is ``/v2`` for a version 2. ``packages`` maps a
    program to its package inside the module. ``stamps`` are ``-X`` values with ``{module}``,
    ``{version}``, ``{major}``, ``{minor}``. ``staging`` maps the replaces of the form
    ``=> ./staging/...`` to published modules of version ``0.<minor>.<patch>``. ``cgo`` maps the
    pkg-config packages that a build in C needs to the OS's packages of their headers and static
    libraries. ``tests``: the program is the package's compiled tests, of which there is one.
    """

    path: str
    packages: dict[str, str]
    preferred: str | None = None
    stamps: dict[str, str] = dataclasses.field(default_factory=dict)
    tags: tuple[str, ...] = ()
    staging: bool = False
    cgo: dict[str, str] = dataclasses.field(default_factory=dict)
    tests: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A Debian or Ubuntu package; ``files`` maps a program to its path inside.

    ``otherwise`` are the names of those that serve as well, where the OS has none of that name.
    ``next_release``: that of the OS's next release can be asked for by its version.
    """

    name: str
    files: dict[str, str]
    otherwise: tuple[str, ...] = ()
    next_release: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PackageImage(Package):
    """A package as a pod image: what it installs, and that of the packages ``beside`` it.

    ``files`` maps the archive to the path, a pattern, of the program that the image starts.
    """

    image: str
    beside: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RootFilesystem(Package):
    """The OS itself with these packages, configured, as a tar file; ``name`` is one of them.

    What the packages hold below ``without`` (shell patterns) is left out.
    """

    packages: tuple[str, ...]
    without: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Programs(Package):
    """Programs of several packages, to be run where they are unpacked; ``name`` is one of these.

    ``files`` is as of a ``Package``, from any of the ``packages``; ``data`` are paths of what the
    programs load, kept beside them under the files' own names, ``perhaps`` those that not every
    release or architecture has. In all of them ``{machine}`` and
    ``{family}`` are the architecture's names as QEMU has them.
    """

    packages: tuple[str, ...]
    data: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All ways to one component; ``None`` where a source has none, with the reason beside it."""

    programs: tuple[str, ...]
    default: str | None = None
    release: Release | None = None
    module: Module | None = None
    package: Package | None = None
    why_no_release: str = "there is no upstream release to download"
    why_no_module: str = "it cannot be built from a Go module"
    why_no_package: str = "the OS has no package of it that would fit"


def _kubernetes(*programs: str) -> Recipe:
    # kube-apiserver's /version is answered by the aggregator, which reads client-go's stamp, not
    # component-base's (kube-aggregator/pkg/apiserver/apiserver.go); so both are set.
    stamps = {
        f"k8s.io/{package}.{name}": value
        for package in ("component-base/version", "client-go/pkg/version")
        for name, value in {
            "gitVersion": "v{version}",
            "gitMajor": "{major}",
            "gitMinor": "{minor}",
            "gitTreeState": "clean",
            "gitCommit": "{commit}",
            "buildDate": "{date}",
        }.items()
    }
    return Recipe(
        programs=programs,
        default=DEFAULT_KUBERNETES,
        release=Release(
            url="https://dl.k8s.io/release/v{version}/bin/linux/{arch}/{program}",
            checksum="https://dl.k8s.io/release/v{version}/bin/linux/{arch}/{program}.sha256",
        ),
        module=Module(
            path="k8s.io/kubernetes",
            packages={program: f"cmd/{program}" for program in programs},
            stamps=stamps,
            staging=True,
        ),
        why_no_package="Kubernetes is not in Debian's or Ubuntu's archive",
    )


def _kubernetes_e2e() -> Recipe:
    programs = _kubernetes("e2e.test")
    assert programs.module is not None
    archive = "https://dl.k8s.io/release/v{version}/kubernetes-test-linux-{arch}.tar.gz"
    return dataclasses.replace(
        programs,
        release=Release(
            url=archive,
            checksum=f"{archive}.sha256",
            members={"e2e.test": "kubernetes/test/bin/e2e.test"},
        ),
        module=dataclasses.replace(programs.module, packages={"e2e.test": "test/e2e"}, tests=True),
    )


def _made_here(*files: str) -> Recipe:
    reason = "it is made here, of other artifacts"
    return Recipe(
        programs=files,
        why_no_release=reason,
        why_no_module=reason,
        why_no_package=reason,
    )


_AGENT = "it is made here, from the agent's source"
_CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")
_CNI = ("ptp", "host-local", "loopback", "portmap", "bridge")
_GITHUB = "https://github.com"

RECIPES: dict[Component, Recipe] = {
    Component.KUBERNETES: _kubernetes(
        "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"
    ),
    Component.KUBECTL: _kubernetes("kubectl"),
    Component.KUBEADM: _kubernetes("kubeadm"),
    Component.E2E: _kubernetes_e2e(),
    Component.CONTAINERD: Recipe(
        programs=_CONTAINERD,
        default=DEFAULT_CONTAINERD,
        release=Release(
            url=f"{_GITHUB}/containerd/containerd/releases/download/v{{version}}/"
            "containerd-{version}-linux-{arch}.tar.gz",
            checksum=f"{_GITHUB}/containerd/containerd/releases/download/v{{version}}/"
            "containerd-{version}-linux-{arch}.tar.gz.sha256sum",
            members={program: f"bin/{program}" for program in _CONTAINERD},
        ),
        module=Module(
            path="github.com/containerd/containerd{major_suffix}",
            packages={program: f"cmd/{program}" for program in _CONTAINERD},
            stamps={
                "{module}/version.Version": "v{version}",
                "{module}/version.Revision": "{commit}",
                "{module}/version.Package": "{module}",
            },
            tags=(
                *("no_btrfs", "no_devmapper", "no_zfs", "no_aufs"),
                *("osusergo", "netgo", "static_build"),
            ),
        ),
        why_no_package="the OS's containerd is built for the OS's own Docker",
    ),
    Component.RUNC: Recipe(
        programs=("runc",),
        release=Release(
            url=f"{_GITHUB}/opencontainers/runc/releases/download/v{{version}}/runc.{{arch}}",
            checksum=f"{_GITHUB}/opencontainers/runc/releases/download/v{{version}}/runc.sha256sum",
            preferred="1.1.14",
        ),
        module=Module(
            path="github.com/opencontainers/runc",
            packages={"runc": ""},
            preferred="1.1.14",
            stamps={"main.version": "{version}", "main.gitCommit": "{commit}"},
            tags=("seccomp", "osusergo", "netgo"),
            cgo={"libseccomp": "libseccomp-dev"},
        ),
        package=Package(name="runc", files={"runc": "usr/sbin/runc"}),
    ),
    Component.CRUN: Recipe(
        programs=("crun",),
        package=Package(name="crun", files={"crun": "usr/bin/crun"}, next_release=True),
        why_no_release="crun's releases carry signatures, no checksum that could be verified",
        why_no_module="crun is written in C",
    ),
    Component.RUNSC: Recipe(
        programs=("runsc", "containerd-shim-runsc-v1"),
        module=Module(
            path="gvisor.dev/gvisor",
            packages={"runsc": "runsc", "containerd-shim-runsc-v1": "shim"},
            # Its module has no releases: a state of the branch that is made for Go's own tools.
            preferred="0.0.0-20260905035102-160fafc42237",
            stamps={"{module}/runsc/version.version": "{version}"},
        ),
        why_no_release="gVisor's releases have days for versions, which no module has",
        why_no_package="the OS's package has no shim for containerd",
    ),
    Component.ETCD: Recipe(
        programs=("etcd",),
        release=Release(
            url=f"{_GITHUB}/etcd-io/etcd/releases/download/v{{version}}/"
            "etcd-v{version}-linux-{arch}.tar.gz",
            checksum=f"{_GITHUB}/etcd-io/etcd/releases/download/v{{version}}/SHA256SUMS",
            preferred="3.5.21",
            members={"etcd": "etcd-v{version}-linux-{arch}/etcd"},
        ),
        module=Module(path="go.etcd.io/etcd/server/v3", packages={"etcd": ""}, preferred="3.5.21"),
        package=Package(name="etcd-server", files={"etcd": "usr/bin/etcd"}),
    ),
    Component.CNI: Recipe(
        programs=_CNI,
        release=Release(
            url=f"{_GITHUB}/containernetworking/plugins/releases/download/v{{version}}/"
            "cni-plugins-linux-{arch}-v{version}.tgz",
            checksum=f"{_GITHUB}/containernetworking/plugins/releases/download/v{{version}}/"
            "cni-plugins-linux-{arch}-v{version}.tgz.sha256",
            preferred="1.6.2",
            members={program: f"./{program}" for program in _CNI},
        ),
        module=Module(
            path="github.com/containernetworking/plugins",
            packages={
                **{program: f"plugins/main/{program}" for program in ("ptp", "loopback", "bridge")},
                "host-local": "plugins/ipam/host-local",
                "portmap": "plugins/meta/portmap",
            },
            preferred="1.6.2",
            stamps={"{module}/pkg/utils/buildversion.BuildVersion": "v{version}"},
        ),
        package=Package(
            name="containernetworking-plugins",
            files={program: f"usr/lib/cni/{program}" for program in _CNI},
        ),
    ),
    Component.JVM: Recipe(
        programs=("jvm.tar",),
        package=PackageImage(
            name="openjdk-17-jre-headless",
            otherwise=("openjdk-21-jre-headless",),
            files={"jvm.tar": "usr/lib/jvm/*/bin/java"},
            image=JVM_IMAGE,
            # What the launcher and libjvm are linked against. The others that the package depends
            # on are of printing, sound and smart cards, and are looked for when they are used.
            beside=("libc6", "libgcc-s1", "libstdc++6", "zlib1g"),
        ),
        why_no_release="OpenJDK itself publishes sources, no programs",
        why_no_module="a JVM is written in C++ and Java",
    ),
    Component.KIND: Recipe(
        programs=("kind",),
        release=Release(
            url=f"{_GITHUB}/kubernetes-sigs/kind/releases/download/v{{version}}/kind-linux-{{arch}}",
            checksum=f"{_GITHUB}/kubernetes-sigs/kind/releases/download/v{{version}}/"
            "kind-linux-{arch}.sha256sum",
            preferred="0.33.0",
        ),
        module=Module(path="sigs.k8s.io/kind", packages={"kind": ""}, preferred="0.33.0"),
        package=Package(name="kind", files={"kind": "usr/bin/kind"}),
    ),
    Component.REGISTRY: Recipe(
        programs=("registry",),
        module=Module(
            path="github.com/distribution/distribution/v3",
            packages={"registry": "cmd/registry"},
            preferred="3.1.2",
            stamps={
                "{module}/version.version": "v{version}",
                "{module}/version.revision": "{commit}",
            },
        ),
        why_no_release="the module gives the same program, linked statically",
        why_no_package="the OS's package needs the OS's libc, which its image would not have",
    ),
    Component.NODE_BASE: Recipe(
        programs=("rootfs.tar", "packages.txt"),
        package=RootFilesystem(
            name="systemd",
            files={},
            # Beside systemd what kubeadm's preflight, the kubelet and CNI plugins call.
            packages=(
                *("systemd", "systemd-sysv", "kmod", "mount", "procps", "hostname"),
                *("iproute2", "iptables", "conntrack", "ethtool", "socat", "libseccomp2"),
                "crun",  # with its libraries; runc is an artifact of its own
                "dbus",  # crun's way to systemd
            ),
            without=(
                *("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"),
                # It is started with the first container of crun's (manifests/node-image/crun).
                # Where packages themselves are merged their files are below /usr.
                "/lib/systemd/system/*.wants/dbus.*",
                "/lib/systemd/system/*.wants/systemd-logind.service",
                "/usr/lib/systemd/system/*.wants/dbus.*",
                "/usr/lib/systemd/system/*.wants/systemd-logind.service",
            ),
        ),
        why_no_release="it is made of the OS's packages",
        why_no_module="it is made of the OS's packages",
    ),
    Component.NODE_IMAGE: _made_here("node.tar"),
    Component.REGISTRY_IMAGE: _made_here("registry.tar"),
    Component.CONTAINERD_IMAGE: _made_here("containerd.tar"),
    Component.REAPER_IMAGE: _made_here("reaper.tar"),
    Component.QEMU: Recipe(
        programs=("qemu-img",),  # and qemu-system-<machine>
        package=Programs(
            name="qemu-utils",
            files={
                "qemu-img": "usr/bin/qemu-img",
                "qemu-system-{machine}": "usr/bin/qemu-system-{machine}",
            },
            packages=(
                *("qemu-utils", "qemu-system-{family}", "qemu-system-common"),
                *("qemu-system-data", "seabios", "ipxe-qemu"),
            ),
            # What runs a guest without KVM is a module for x86 (meson.build, modular_tcg), and else
            # in the program itself.
            perhaps=("usr/lib/*/qemu/accel-tcg-{machine}.so",),
            data=(
                *("usr/share/seabios/bios-256k.bin", "usr/share/seabios/bios-microvm.bin"),
                *("usr/share/qemu/linuxboot*.bin", "usr/share/qemu/multiboot*.bin"),
                *("usr/share/qemu/kvmvapic.bin", "usr/share/qemu/pvh.bin"),
                "usr/lib/ipxe/qemu/efi-virtio.rom",  # a network card that QEMU makes loads it
            ),
        ),
        why_no_release="QEMU publishes sources, no programs",
        why_no_module="QEMU is written in C",
    ),
    Component.GUEST_TOOLS: Recipe(
        programs=("mksquashfs", "mke2fs", "depmod", "busybox", "zstd"),
        package=Programs(
            name="squashfs-tools",
            files={
                "mksquashfs": "usr/bin/mksquashfs",
                "mke2fs": "**/sbin/mke2fs",
                "depmod": "**/bin/kmod",  # which does what the name says that it is called by
                "busybox": "**/bin/busybox",
                "zstd": "usr/bin/zstd",
            },
            packages=("squashfs-tools", "e2fsprogs", "kmod", "busybox-static", "zstd"),
        ),
        why_no_release="they are programs of several projects, written in C",
        why_no_module="they are programs of several projects, written in C",
    ),
    Component.GUEST_OS: _made_here("os.squashfs", "scratch.qcow2", "packages.txt"),
    Component.GUEST_KERNEL: _made_here(
        "vmlinuz", "initrd.cpio", "modules.squashfs", "config", "packages.txt"
    ),
    Component.GUEST_AGENT: Recipe(
        programs=("podresize-agent",),
        why_no_release=_AGENT,
        why_no_module=_AGENT,
        why_no_package=_AGENT,
    ),
    Component.GUEST_NODE: _made_here("node.squashfs"),
    Component.IMAGES: Recipe(
        programs=("pause.tar", "workload.tar"),
        why_no_release="they are made here, from the probe's source",
        why_no_module="they are made here, from the probe's source",
        why_no_package="they are made here, from the probe's source",
    ),
}

# What `get all` fetches: everything a cluster needs, not the clients.
OF_A_CLUSTER = (
    *(Component.IMAGES, Component.RUNC, Component.ETCD, Component.CNI),
    *(Component.CONTAINERD, Component.KUBERNETES),
)
