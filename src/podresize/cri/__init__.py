"""Talking to a container runtime over CRI v1."""
