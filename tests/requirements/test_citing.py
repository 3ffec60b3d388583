"""Of what the catalogue cites, everything that has an address gets it."""

from __future__ import annotations

import re

import pytest

from podresize.requirements.citing import references
from podresize.requirements.loader import load_catalogue

KEP = (
    "https://github.com/kubernetes/enhancements/blob/master/keps/sig-node/"
    "1287-in-place-update-pod-resources/README.md"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('KEP-1287 "Container Status"', {'KEP-1287 "Container Status"': f"{KEP}#container-status"}),
        (
            'KEP-1287 "QOS Class", "Static CPU & Memory Policy"',
            {
                'KEP-1287 "QOS Class"': f"{KEP}#qos-class",
                'KEP-1287 "Static CPU & Memory Policy"': f"{KEP}#static-cpu--memory-policy",
            },
        ),
        ("KEP-6030", {"KEP-6030": "https://www.kubernetes.dev/resources/keps/6030/"}),
        (
            "kubernetes#128123, #137555; containerd#13118; opencontainers/runc#1558",
            {
                f"{name}#{number}": f"https://github.com/{name}/issues/{number}"
                for name, number in (
                    ("kubernetes/kubernetes", 128123),
                    ("kubernetes/kubernetes", 137555),
                    ("containerd/containerd", 13118),
                    ("opencontainers/runc", 1558),
                )
            },
        ),
        (
            "CRI UpdateContainerResources",
            {"cri-api": "https://github.com/kubernetes/cri-api"},
        ),
        ("API-38; podresize's own statement", {}),
    ],
)
def test_what_is_cited_gets_its_address(text: str, found: dict[str, str]) -> None:
    assert {each.name: each.url for each in references(text)} == found


def test_each_address_is_given_once() -> None:
    assert len(references("kubernetes#1, kubernetes/kubernetes#1, #1")) == 1


def test_every_clause_but_our_own_statements_has_an_address() -> None:
    clauses = {each.clause for each in load_catalogue().requirements.values()}
    silent = {clause for clause in clauses if not references(clause)}

    assert silent == {"podresize's own statement", "podresize's own statement about its catalogue"}


def test_every_address_of_the_catalogue_is_one() -> None:
    known = load_catalogue()
    texts = [f"{each.clause}; {each.source}" for each in known.requirements.values()]
    texts += [each.source for each in known.deviations.values()]
    urls = {each.url for text in texts for each in references(text)}

    assert len(urls) > 60
    pattern = r"https://[a-z.]+/[\w./#-]+"
    assert [url for url in urls if not re.fullmatch(pattern, url)] == []
    issues = [url for url in urls if "/issues/" in url]
    owners = {"kubernetes", "containerd", "cri-o", "opencontainers", "containers", "openshift"}
    owners |= {"moby"}
    assert {url.split("/")[3] for url in issues} == owners
