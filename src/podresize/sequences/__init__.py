"""Sequences of what may happen to a pod, written down so that they can be done again."""
