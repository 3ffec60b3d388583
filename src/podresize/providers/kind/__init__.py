"""The kind provider: a cluster whose nodes are containers of a container engine."""
