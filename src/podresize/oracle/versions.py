"""The releases at which the behaviour changed."""

from __future__ import annotations

from packaging.version import Version

V1_28 = Version("1.28")
V1_29 = Version("1.29")
V1_32 = Version("1.32")
V1_33 = Version("1.33")
V1_34 = Version("1.34")
V1_35 = Version("1.35")
V1_36 = Version("1.36")
V1_37 = Version("1.37")
