"""Where a base image comes from, and what is said of one that can be had nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.providers.kind.conftest import FakeProgram

from podresize.artifacts.progress import Silent
from podresize.errors import HostError
from podresize.providers.kind.base_images import save_base
from podresize.providers.kind.engine import find_engine

NAME = "kindest/node:v1.27.3"
REFUSED = "Error response from daemon: lookup registry.test: no such host"


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)


def asked(docker: FakeProgram) -> list[str]:
    """The commands that came after the question which engine this is."""
    return [" ".join(words) for words in docker.asked if words[0] != "info"]


def test_an_image_of_the_engine_is_saved_and_not_pulled(docker: FakeProgram) -> None:
    save_base(find_engine(), NAME, Path("/base.tar"), progress=Silent())

    assert asked(docker)[-1] == f"save --output /base.tar {NAME}"
    assert f"pull {NAME}" not in asked(docker)


def test_what_the_engine_lacks_is_pulled(docker: FakeProgram) -> None:
    docker.says("image", error="No such image", code=1)

    save_base(find_engine(), NAME, Path("/base.tar"), progress=Silent())

    assert asked(docker)[-2:] == [f"pull {NAME}", f"save --output /base.tar {NAME}"]


def test_what_cannot_be_pulled_is_told_with_the_engines_words(docker: FakeProgram) -> None:
    docker.says("image", error="No such image", code=1)
    docker.says("pull", error=REFUSED, code=1)

    with pytest.raises(HostError, match="cannot be pulled") as caught:
        save_base(find_engine(), NAME, Path("/base.tar"), progress=Silent())

    assert (caught.value.value, caught.value.origin) == (NAME, "--base")
    assert caught.value.causes[0] == f"docker pull: {REFUSED}"
