"""Talking to Kubernetes: one file per verb, raw JSON in and out."""
