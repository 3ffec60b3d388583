"""What targets, suites and checks are called on the page, where their whole names are too long."""

from __future__ import annotations

from podresize_reports.loading import TargetRecord
from podresize_reports.text import one_line, shorten


def column_names(targets: tuple[TargetRecord, ...]) -> tuple[str, ...]:
    """Return for each target the parts of its label that set it apart from the others."""
    parts = [[part.strip() for part in target.label.split(",")] for target in targets]
    common = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    names = [", ".join(part for part in own if part not in common) for own in parts]
    return tuple(
        shorten(one_line(name or target.label), 80)
        for name, target in zip(names, targets, strict=True)
    )


def suite_of(check: str) -> str:
    """Return the suite of a check: the directory of its file, else the file's own name."""
    path = check.partition("::")[0]
    above, _, file = path.rpartition("/")
    return one_line(above.rpartition("/")[2] or file.removesuffix(".py"))


def name_of(check: str) -> str:
    """Return a check's node id, shorter: ``status_fields/test_status::test_it[cpu+200m]``."""
    path, separator, name = check.partition("::")
    return one_line(path.removeprefix("suites/").removesuffix(".py") + separator + name)
