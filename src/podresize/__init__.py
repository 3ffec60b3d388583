"""Conformance and end-to-end tests for Kubernetes in-place Pod resize (KEP-1287).

PYTEST_DONT_REWRITE: its asserts are its own, and workers are forked with it imported.
"""

from __future__ import annotations

__version__ = "0.1.0"
