"""Where a clause or a source of the catalogue can be read: the addresses behind their short names.

The catalogue cites as people do (``KEP-1287 "Container Status"``, ``containerd#13118``). A report
for a browser can make links of that.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

_GITHUB = "https://github.com"
_KEP = f"{_GITHUB}/kubernetes/enhancements/blob/master/keps/sig-node"
_KEPS = {
    "1287": f"{_KEP}/1287-in-place-update-pod-resources/README.md",
    "5419": f"{_KEP}/5419-pod-level-resources-in-place-resize/README.md",
}
_KEP_LIST = "https://www.kubernetes.dev/resources/keps"
_BLOG = "https://kubernetes.io/blog"
_ALPHA = f"{_BLOG}/2023/05/12/in-place-pod-resize-alpha/"
_DOCUMENTS = (
    (re.compile(r"\bCRI [A-Z]|\bcri-api\b"), "cri-api", f"{_GITHUB}/kubernetes/cri-api"),
    (re.compile(r"\b2023-05-12\b|1\.27 announcement"), "blog 2023-05-12", _ALPHA),
    (
        re.compile(r"\b2025-05-16\b"),
        "blog 2025-05-16",
        f"{_BLOG}/2025/05/16/kubernetes-v1-33-in-place-pod-resize-beta/",
    ),
    (
        re.compile(r"\b2025-12-19\b"),
        "blog 2025-12-19",
        f"{_BLOG}/2025/12/19/kubernetes-v1-35-in-place-pod-resize-ga/",
    ),
    (
        re.compile(r"\bKubernetes API Concepts\b"),
        "Kubernetes API Concepts",
        "https://kubernetes.io/docs/reference/using-api/api-concepts/",
    ),
    (
        re.compile(r"\bOCI runtime specification\b|\bruntime-spec\b"),
        "OCI runtime specification",
        f"{_GITHUB}/opencontainers/runtime-spec/blob/main/runtime.md",
    ),
)
_REPOSITORIES = {
    "kubernetes": "kubernetes/kubernetes",
    "containerd": "containerd/containerd",
    "cri-o": "cri-o/cri-o",
    "runc": "opencontainers/runc",
    "crun": "containers/crun",
}
_KEP_CITED = re.compile(r'\bKEP-(\d+)((?:,? "[^"]+")*)')
_ISSUE = re.compile(r"(?P<repository>[\w.-]+(?:/[\w.-]+)?)?#(?P<number>\d+)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One thing that a text cites: its short name, and its address."""

    name: str
    url: str


def references(text: str) -> tuple[Reference, ...]:
    """Return what the text cites and can be read at an address, each once."""
    found = [*_keps(text), *_documents(text), *_issues(text)]
    return tuple({reference.url: reference for reference in found}.values())


def _keps(text: str) -> Iterator[Reference]:
    for match in _KEP_CITED.finditer(text):
        number, sections = match[1], re.findall(r'"([^"]+)"', match[2])
        if number not in _KEPS:
            yield Reference(name=f"KEP-{number}", url=f"{_KEP_LIST}/{number}/")
            continue
        if not sections:
            yield Reference(name=f"KEP-{number}", url=_KEPS[number])
        for section in sections:
            url = f"{_KEPS[number]}#{_anchor(section)}"
            yield Reference(name=f'KEP-{number} "{section}"', url=url)


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _documents(text: str) -> Iterator[Reference]:
    for pattern, name, url in _DOCUMENTS:
        if pattern.search(text):
            yield Reference(name=name, url=url)


def _issues(text: str) -> Iterator[Reference]:
    # Of "kubernetes#128123, #137555" the second is in the repository of the first.
    repository = _REPOSITORIES["kubernetes"]
    for match in _ISSUE.finditer(text):
        if named := match["repository"]:
            repository = _REPOSITORIES.get(named, named)
        name = f"{repository}#{match['number']}"
        yield Reference(name=name, url=f"{_GITHUB}/{repository}/issues/{match['number']}")
