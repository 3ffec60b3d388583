"""Where a kind cluster keeps its things on this host; all else is the engine's, under its name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from podresize.providers.state_root import state_root


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Names and paths of one cluster."""

    name: str

    @property
    def directory(self) -> Path:
        """The directory that holds everything the provider writes to disk."""
        return state_root() / self.name

    @property
    def state_file(self) -> Path:
        """The JSON file by which other processes find the cluster."""
        return self.directory / "kind.json"

    @property
    def configuration(self) -> Path:
        """kind's configuration."""
        return self.directory / "kind.yaml"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, 0600."""
        return self.directory / "admin.kubeconfig"

    @property
    def logs(self) -> Path:
        """What kind said, and what was taken from the nodes."""
        return self.directory / "log"

    @property
    def kind_log(self) -> Path:
        """What kind said."""
        return self.logs / "kind.log"

    @property
    def tap_log(self) -> Path:
        """What the tap said, if there is one."""
        return self.logs / "tap.log"

    @property
    def calls(self) -> Path:
        """Where the tap writes each call."""
        return self.logs / "cri-calls.jsonl"

    @property
    def control_socket(self) -> Path:
        """The socket on which the keeper takes commands (see ``commands``), 0600."""
        return self.directory / "control.sock"

    @property
    def network(self) -> str:
        """The engine's network of this cluster alone: kind's own is shared, and stays for ever."""
        return f"podresize-{self.name}"

    def node_names(self, workers: int) -> tuple[str, ...]:
        """Return the names of the nodes and of their containers, which are kind's choice.

        The first is the one that the checks' pods run on, the last the control plane's: with no
        workers the same.
        """
        numbers = ("", *map(str, range(2, workers + 1)))[:workers]
        return (*(f"{self.name}-worker{number}" for number in numbers), self.control_plane)

    @property
    def control_plane(self) -> str:
        """The name of the control plane's node and of its container."""
        return f"{self.name}-control-plane"
