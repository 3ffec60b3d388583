"""The container engine of this host: which it is, what it can, and its program.

Driven by its command line, as kind drives it: what works here works for kind, and Podman has the
same one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podresize.errors import HostError

# In the order in which kind looks for them.
PROGRAMS = ("docker", "podman")
ADDRESS_VARIABLE = "PODRESIZE_ENGINE_ADDRESS"
"""Where the ports that the engine publishes are reached, if not on this host's loopback."""
# They lead to an engine elsewhere than where its program looks by itself.
_LEADING = ("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST")
# What decides which engine kind and the engine's own program speak to.
VARIABLES = (*_LEADING, "KIND_EXPERIMENTAL_PROVIDER", ADDRESS_VARIABLE)
NETWORK_VARIABLES = ("KIND_EXPERIMENTAL_DOCKER_NETWORK", "KIND_EXPERIMENTAL_PODMAN_NETWORK")
"""By which kind is told the network of its nodes: each engine has its own."""
CLUSTER_LABEL = "io.x-k8s.kind.cluster"
"""The label of every container that kind makes; its value is the cluster's name."""

_ANSWER_SECONDS = 30.0
# An image of a node has more than a gigabyte, which a loaded host unpacks slowly.
_LOAD_SECONDS = 600.0
_GET_ONE = "scripts/docker-engine run scripts/podresize run --provider kind"
# sudo has a PATH of its own.
_WITH_PATH = '"PATH=$PATH"'
_NO_VARIABLES = "--unset=DOCKER_HOST --unset=DOCKER_CONTEXT --unset=CONTAINER_HOST"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine that answers. ``program`` is ``docker`` or ``podman``, with its path.

    ``variables`` are those of the environment that say which engine the program speaks to.
    """

    program: Path
    version: str
    cgroup_version: int
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """``docker`` or ``podman``."""
        return self.program.name

    @property
    def address(self) -> str | None:
        """Where published ports are reached; None for this host's loopback."""
        return dict(self.variables).get(ADDRESS_VARIABLE)

    @property
    def _origin(self) -> str:
        return origin(dict(self.variables))

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which kind uses this engine, and no other."""
        return os.environ | dict(self.variables) | {"KIND_EXPERIMENTAL_PROVIDER": self.name}

    def run(
        self, *words: str, seconds: float = _ANSWER_SECONDS, input_file: Path | None = None
    ) -> str:
        """Run the engine's program and return its output. Raises ``HostError`` with its words."""
        try:
            with (input_file or Path(os.devnull)).open("rb") as standard_input:
                done = subprocess.run(
                    [self.program, *words],
                    stdin=standard_input,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=seconds,
                    env=self.environment,
                )
        except subprocess.TimeoutExpired:
            raise HostError(
                "the container engine does not answer",
                value=f"{self.name} {' '.join(words)}",
                origin=self._origin,
                causes=(f"no answer for {seconds:.0f} s", "an overloaded host"),
                next_command=f"{self.name} info",
            ) from None
        if done.returncode != 0:
            raise HostError(
                f"the container engine refused: {_last_line(done.stderr)}",
                value=f"{self.name} {' '.join(words)}",
                origin=self._origin,
                causes=_likely(done.stderr),
                next_command=f"{self.name} {'system df' if _is_full(done.stderr) else 'info'}",
            )
        return done.stdout

    def inspect(self, container: str) -> dict[str, Any]:
        """Return what the engine knows of a container. Raises ``HostError``."""
        found: list[dict[str, Any]] = json.loads(self.run("container", "inspect", container))
        return found[0]

    def containers(self, cluster: str) -> list[str]:
        """Return the names of a kind cluster's containers, running or not."""
        label = f"label={CLUSTER_LABEL}={cluster}"
        return self.run("ps", "--all", "--filter", label, "--format", "{{.Names}}").split()

    def has_image(self, name: str) -> bool:
        """Return whether the engine has an image of that name."""
        return bool(self.run("images", "--quiet", name).strip())

    def load_image(self, archive: Path) -> None:
        """Give the engine an image. Raises ``HostError``."""
        self.run("load", "--input", str(archive), seconds=_LOAD_SECONDS)

    def has_network(self, name: str) -> bool:
        """Return whether the engine has a network of exactly that name."""
        listed = self.run("network", "ls", "--filter", f"name={name}", "--format", "{{.Name}}")
        return name in listed.split()

    def remove_network(self, name: str) -> None:
        """Remove a network; what is still in it, such as a registry, is taken out of it."""
        if self.has_network(name):
            inside = self.run("ps", "--all", "--quiet", "--filter", f"network={name}")
            for container in inside.split():
                self.run("network", "disconnect", "--force", name, container)
            self.run("network", "rm", name)


def engine_variables() -> dict[str, str]:
    """Return what this process's environment says about the engine."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def find_engine(variables: Mapping[str, str] | None = None) -> Engine:
    """Return the engine that kind is to use. Raises ``HostError`` when none of this host serves.

    ``variables`` take the place of this process's own (``engine_variables``).
    ``KIND_EXPERIMENTAL_PROVIDER`` decides, as it does for kind; without it Docker comes before
    Podman. The nodes have to be processes of this kernel, since the witnesses read their cgroups.
    """
    said = dict(engine_variables() if variables is None else variables)
    asked = said.get("KIND_EXPERIMENTAL_PROVIDER")
    if asked is not None and asked not in PROGRAMS:
        raise HostError(
            "kind runs on an engine that podresize does not know",
            value=asked,
            origin="KIND_EXPERIMENTAL_PROVIDER",
            causes=(f"known: {', '.join(PROGRAMS)}",),
            next_command="unset KIND_EXPERIMENTAL_PROVIDER",
        )
    names = PROGRAMS if not asked else (asked,)
    found = [Path(path) for name in names if (path := shutil.which(name)) is not None]
    if not found:
        raise HostError(
            "kind needs a container engine, and none is on PATH",
            value=f"looked for {', '.join(names)}",
            origin="PATH",
            causes=("neither is installed",),
            next_command=_GET_ONE,
        )
    silent: list[str] = []
    for program in found:
        engine = Engine(
            program=program, version="", cgroup_version=0, variables=tuple(sorted(said.items()))
        )
        try:
            about = json.loads(engine.run("info", "--format", "{{json .}}"))
        except HostError as error:
            silent.append(f"{program.name}: {error.what}")
            continue
        if about.get("ServerErrors"):
            silent.append(f"{program.name}: {'; '.join(about['ServerErrors'])}")
            continue
        return _served(engine, about)
    raise HostError(
        "no container engine answers",
        value="; ".join(silent),
        origin=origin(said),
        causes=(
            "its daemon is not running",
            "this user may not write its socket",
            "DOCKER_HOST names another socket",
        ),
        next_command=_GET_ONE,
    )


def _served(engine: Engine, about: dict[str, Any]) -> Engine:
    """Return the engine with what it says of itself, or refuse it."""
    if engine.name == "podman":
        host = about.get("host", {})
        rootless = bool(host.get("security", {}).get("rootless"))
        cgroup = str(host.get("cgroupVersion", "v1")).removeprefix("v")
        version = str(about.get("version", {}).get("Version", ""))
    else:
        options = about.get("SecurityOptions") or ()
        rootless = any("rootless" in each for each in options)
        if any("userns" in each for each in options):
            raise HostError(
                "kind's nodes do not start on an engine that maps users",
                value=f"{engine.name} {about.get('ServerVersion', '')}, userns-remap",
                origin=origin(dict(engine.variables)),
                causes=("the daemon was given --userns-remap: the node's files are not root's",),
                next_command=f"{engine.name} info --format '{{{{.SecurityOptions}}}}'",
            )
        cgroup, version = str(about.get("CgroupVersion", "1")), str(about.get("ServerVersion", ""))
    if rootless:
        raise HostError(
            "kind's nodes have to be root's, and this engine is rootless",
            value=f"{engine.name} {version}",
            origin=origin(dict(engine.variables)),
            causes=(
                "a variable or a context leads to a user's own engine, where root's is wanted",
                f"there is no other: {_GET_ONE} brings one",
            ),
            next_command=f"sudo env {_NO_VARIABLES} {_WITH_PATH} podresize run --provider kind",
        )
    if os.geteuid() != 0:
        raise HostError(
            "kind's nodes are root's, and podresize is not",
            value=f"uid {os.geteuid()}",
            origin="this process",
            causes=(
                "the witnesses read the cgroups of the node's pods and speak to its runtime, which "
                "only root of this host may",
            ),
            next_command=f"sudo --preserve-env env {_WITH_PATH} podresize run --provider kind",
        )
    return dataclasses.replace(engine, version=version, cgroup_version=int(cgroup))


def origin(variables: Mapping[str, str]) -> str:
    """Return where the choice of the engine came from."""
    said = [f"{name}={variables[name]}" for name in _LEADING if name in variables]
    return ", ".join(said) or "PATH"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def _is_full(said: str) -> bool:
    return "no space left" in said


def _likely(said: str) -> tuple[str, ...]:
    """Return causes for the engine's words."""
    if _is_full(said):
        return ("the disk below the engine's data directory is full",)
    if "permission denied" in said:
        return ("this user may not write the engine's socket",)
    return ("the engine is busy or too old",)
