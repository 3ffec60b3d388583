"""Conformance and end-to-end tests for Kubernetes in-place Pod resize (KEP-1287)."""

from __future__ import annotations

__version__ = "0.1.0"
