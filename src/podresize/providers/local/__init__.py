"""The ``local`` provider: a cluster from plain processes in namespaces of its own."""
