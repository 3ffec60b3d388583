"""The only file that knows testcontainers, and what it is told before its first container.

It is not needed to run the suites: where the extra ``containers`` is not installed, importing this
file raises ``UsageError``. testcontainers has a reaper remove what a killed process left, whose
image comes from here unless ``RYUK_CONTAINER_IMAGE`` names another. Where
``TESTCONTAINERS_RYUK_DISABLED`` says that there is to be none, whoever makes the next container
removes it (``owning``).
"""

from __future__ import annotations

import os

from podresize.artifacts.container_images import ContainerImage, reaper_image
from podresize.artifacts.progress import Progress, default_progress
from podresize.errors import HostError, UsageError
from podresize.providers.containers.owning import sweep
from podresize.providers.kind.engine import Engine, find_engine

try:
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer, Reaper
except ImportError as error:
    raise UsageError(
        "containers beside a cluster are testcontainers', which is not installed",
        value=str(error),
        origin="podresize.providers.containers",
        causes=("podresize was installed without its extra",),
        next_command="pip install 'podresize[containers]'",
    ) from error

__all__ = ["DockerContainer", "end_reaper", "prepare"]

_OWN_REAPER = "RYUK_CONTAINER_IMAGE"


def prepare(image: ContainerImage, *, progress: Progress | None = None) -> Engine:
    """Return the engine, with the images loaded, testcontainers led to it and leftovers removed.

    Raises ``HostError`` where no engine serves, and as ``reaper_image`` does.
    """
    progress = progress or default_progress()
    engine = find_engine()
    if engine.name != "docker":
        raise HostError(
            "testcontainers speaks to Docker alone",
            value=f"{engine.name} {engine.version}",
            origin="PATH",
            causes=("KIND_EXPERIMENTAL_PROVIDER is set", "Docker is not installed"),
            next_command="docker info",
        )
    sweep(engine)
    _give(engine, image, progress)
    config = testcontainers_config
    if _OWN_REAPER not in os.environ and not config.ryuk_disabled:
        reaper = reaper_image(progress=progress)
        _give(engine, reaper, progress)
        config.ryuk_image = reaper.name
    config.ryuk_docker_socket = ""  # it is remembered, and the engine may be another one by now
    if engine.address is not None:
        config.tc_host_override = engine.address
    return engine


def end_reaper() -> None:
    """End this process's reaper now and not with the process; the next container starts another.

    For an engine that ends before the process does: testcontainers would not find it at the end.
    """
    Reaper.delete_instance()


def _give(engine: Engine, image: ContainerImage, progress: Progress) -> None:
    if not engine.has_image(image.name):
        with progress.work(f"{image.name}: loading into {engine.name}", unit="images"):
            engine.load_image(image.archive)
