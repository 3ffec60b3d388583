"""Upstream's side: its own e2e program, on any cluster, with nothing pulled.

Its pods are of busybox images that a registry would serve. Here the OS's static busybox is packed
under each name that the program lists and loaded into the node's runtime.
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from comparison.names import FOCUS, is_about_containers, stem
from podresize.artifacts.artifact import Component
from podresize.artifacts.host import host_arch
from podresize.artifacts.images import write_image
from podresize.artifacts.store import Store
from podresize.errors import HarnessError
from podresize.providers.interface import ClusterHandle

# What the cases call, of which each is busybox by another name.
_APPLETS = (
    *("cat", "cut", "dd", "df", "echo", "find", "grep", "head", "ls", "mkdir", "mount", "sh"),
    *("sleep", "tail"),
)
_JUNIT = "junit_01.xml"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one side says of one case: passed, failed or another word, why, and in what time."""

    verdict: str
    reason: str
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One run of one side: seconds from its start to its end, and what it says by stem."""

    seconds: float
    cases: dict[str, Said]

    @property
    def per_minute(self) -> float:
        """Cases per minute of wall time."""
        return 60 * len(self.cases) / self.seconds


class Upstream:
    """Upstream's program of one version of Kubernetes; ``out`` takes its logs and reports."""

    def __init__(self, kubernetes: str, out: Path) -> None:
        self._program = Store().get(Component.E2E, kubernetes).files["e2e.test"]
        self._out = out

    def names(self) -> list[str]:
        """Return the full names of the cases about containers, sorted."""
        report = self._run("names", "--ginkgo.dry-run", f"--ginkgo.focus={FOCUS}")
        names = [name for name, said in _results(report).items() if said.verdict != "skipped"]
        return sorted(filter(is_about_containers, names))

    def load_images(self, handle: ClusterHandle) -> list[str]:
        """Load the images that its pods need into the node's runtime and return their names."""
        said = subprocess.run(
            [self._program, "--list-images"], capture_output=True, text=True, check=True
        )
        names = sorted(set(re.findall(r"^\S+/busybox:\S+$", said.stdout, flags=re.MULTILINE)))
        if not names:
            raise HarnessError("upstream's program lists no busybox image", value=said.stdout)
        busybox = _busybox(self._out)
        ctr = Store().get(Component.CONTAINERD, handle.fingerprint.runtime_version).files["ctr"]
        for number, name in enumerate(names):
            archive = self._out / f"busybox-{number}.tar"
            write_image(
                archive,
                name=name,
                arch=host_arch(),
                programs={f"bin/{applet}": busybox for applet in _APPLETS},
                config={"Env": ["PATH=/bin"], "Cmd": ["sh"]},
            )
            socket = handle.nodes[0].runtime_endpoint.removeprefix("unix://")
            command = [str(ctr), "-a", socket, "-n", "k8s.io", "images", "import", str(archive)]
            subprocess.run(command, capture_output=True, check=True)
            archive.unlink()
        return names

    def run(self, names: list[str], handle: ClusterHandle, *, label: str) -> Side:
        """Run the cases of these full names, one after the other as the program does alone."""
        began = time.monotonic()
        report = self._run(
            label,
            f"--kubeconfig={handle.kubeconfig}",
            "--provider=skeleton",
            # The default, an hour, is less than some of these take on two processors.
            "--ginkgo.timeout=12h",
            f"--ginkgo.focus=({'|'.join(map(re.escape, names))})$",
        )
        seconds = time.monotonic() - began
        results = _results(report)
        missing = [
            name for name in names if name not in results or results[name].verdict == "skipped"
        ]
        if missing:
            raise HarnessError(
                "upstream's program left cases out", value="; ".join(missing), origin=str(report)
            )
        return Side(seconds=seconds, cases={stem(name): results[name] for name in names})

    def _run(self, label: str, *options: str) -> Path:
        directory = self._out / f"upstream-{label}"
        directory.mkdir(parents=True, exist_ok=True)
        report = directory / _JUNIT
        report.unlink(missing_ok=True)
        with (directory / "screen.txt").open("w") as screen:
            subprocess.run(
                [self._program, "--ginkgo.no-color", f"--report-dir={directory}", *options],
                stdout=screen,
                stderr=screen,
                check=False,  # a case that failed is a result
            )
        if not report.is_file():
            # It prints a letter for each of the thousands of cases that it leaves out.
            last = (directory / "screen.txt").read_text().splitlines()[-10:]
            raise HarnessError(
                "upstream's program wrote no report",
                value="\n".join(line[:200] for line in last),
                origin=str(directory),
            )
        return report


def _results(report: Path) -> dict[str, Said]:
    results = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        failure = case.find("failure") if case.find("failure") is not None else case.find("error")
        reason = "" if failure is None else failure.get("message") or failure.text or ""
        results[str(case.get("name")).removeprefix("[It] ")] = Said(
            verdict=str(case.get("status")),
            reason=" ".join(reason.split())[:400],
            seconds=float(case.get("time") or 0),
        )
    return results


def _busybox(out: Path) -> Path:
    """Return the OS's static busybox, unpacked and not installed."""
    work = (out / "busybox").resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not list(work.glob("*.deb")):
        command = ["apt-get", "download", "--quiet", "busybox-static"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HarnessError(
                "upstream's pods need a busybox and the OS's could not be had",
                value=done.stderr.strip(),
                origin=" ".join(command),
            )
    archive = next(work.glob("*.deb"))
    subprocess.run(["dpkg-deb", "--extract", archive, work], check=True)
    return next(path for path in work.rglob("bin/busybox") if path.is_file())
