"""Containers beside a cluster, by testcontainers (the extra ``containers``)."""
