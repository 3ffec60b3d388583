"""The providers by name, and every cluster of this host by its own."""

from __future__ import annotations

from podresize.errors import UsageError
from podresize.providers.interface import ClusterHandle, Found, Provider
from podresize.requirements.target import PROVIDERS


def provider_of(name: str) -> Provider:
    """Return the provider of that name. Raises ``UsageError`` for an unknown one.

    Each is imported when it is first asked for: most runs need one of them.
    """
    if name == "local":
        from podresize.providers.local import provider as local

        return local
    if name == "kind":
        from podresize.providers.kind import provider as kind

        return kind
    if name == "vm":
        from podresize.providers.vm import provider as vm

        return vm
    if name == "kubeconfig":
        from podresize.providers.kubeconfig import provider as kubeconfig

        return kubeconfig
    raise UsageError(
        "unknown provider",
        value=name,
        origin="--provider",
        causes=(f"known: {', '.join(PROVIDERS)}",),
        next_command="podresize run --provider local",
    )


def find(name: str) -> Found | None:
    """Return the cluster of that name, whichever provider made it."""
    for each in PROVIDERS:
        found = provider_of(each).find(name)
        if found is not None:
            return found
    return None


def found() -> list[Found]:
    """Return the clusters of this host, dead ones included, by name."""
    every = [item for each in PROVIDERS for item in provider_of(each).found()]
    return sorted(every, key=lambda item: item.name)


def is_alive(handle: ClusterHandle) -> bool:
    """Return whether a cluster still runs. A stranger's is taken to: nobody here answers for it."""
    if handle.is_strangers:
        return True
    there = provider_of(handle.provider).find(handle.name)
    return there is not None and there.is_alive
