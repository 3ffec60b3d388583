"""The ids of the published specification of behaviour and the releases that each speaks of.

Kept here by hand, apart from the catalogue, so that a line that the catalogue forgets is missed.
KL-50 says of 1.27 to 1.31 that nobody asks the CPU manager, which is our PR-21.
"""

from __future__ import annotations

from packaging.specifiers import SpecifierSet

_LINES = {
    ">=1.27": """
        API-10 API-11 API-20 API-22 API-24 API-29 API-30 API-32 API-33 API-34 API-35 API-37
        API-38 API-43 API-50 API-52 API-53 API-56 API-57 API-58 API-59 API-60 ST-21 ST-22
        ST-23 ST-24 ST-25 ST-27 KL-01 KL-03 KL-04 KL-05 KL-06 KL-07 KL-10 KL-13 KL-14
        KL-15 KL-20 KL-21 KL-22 KL-30 KL-31 KL-32 KL-33 KL-34 KL-35 KL-36 KL-37 KL-38 KL-39
        KL-40 KL-41 SCH-01 SCH-02 SCH-03 CRI-01 CRI-02 CRI-03 CRI-05 CRI-06 CRI-07
        CRI-08 CRI-09 CRI-10 UC-01 UC-02 UC-03 UC-04 UC-05 UC-06 UC-07 UC-08 UC-09 UC-10
        UC-11 UC-12 UC-15
    """,
    ">=1.27,!=1.32.*": """
        ST-20
    """,
    ">=1.27,<1.32": """
        API-01 API-05 ST-03 ST-04
    """,
    ">=1.27,<1.33": """
        ST-01 ST-02
    """,
    ">=1.27,<1.35": """
        API-54 KL-23
    """,
    ">=1.27,<1.36": """
        KL-02
    """,
    ">=1.29": """
        API-31
    """,
    ">=1.32": """
        API-02 API-03 API-04 API-06 API-08 API-09 API-21 API-26 API-27 API-36 API-39 API-51
        ST-17 ST-47 KL-50 KL-51
    """,
    ">=1.33": """
        API-07 API-23 API-25 API-28 ST-05 ST-10 ST-11 ST-12 ST-13 ST-14 ST-16 KL-42 KL-52
        CRI-04 UC-13 UC-14
    """,
    ">=1.34": """
        ST-15 ST-30 ST-40 ST-41 ST-42 ST-43 ST-44 ST-45 KL-11 KL-12
    """,
    ">=1.35": """
        API-42 API-55 ST-26 KL-43
    """,
    ">=1.36": """
        API-40 API-41 UC-16
    """,
    ">=1.37": """
        ST-46 KL-44 SCH-04 UC-17 UC-18 UC-19
    """,
}

SPECIFICATION = {id_: SpecifierSet(range_) for range_, ids in _LINES.items() for id_ in ids.split()}
"""Ranges of Kubernetes versions by id."""
