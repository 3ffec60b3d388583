"""Which check names which requirement, read from the suites' text.

``list`` and ``explain`` answer without pytest and without importing a check: the markers are read
from the syntax tree. So an id in a marker is written down where it can be read: a literal, or a
name of the module that stands for literals.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

from podresize.errors import HarnessError

_REQUIREMENT, _KNOWN_ISSUE, _CLAIM = "requirement", "known_issue", "claim"
Definition = ast.FunctionDef | ast.AsyncFunctionDef
Names = Mapping[str, ast.expr]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FoundCheck:
    """One check function.

    ``file`` is relative to the suites. ``requirements`` and ``known_issues`` are the ids in its
    markers, those of single parameters included; ``claims`` are pairs of an id and what is looked
    at, in the order of the text.
    """

    file: str
    name: str
    requirements: frozenset[str]
    known_issues: frozenset[str]
    claims: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"


def find_checks(suites: Path) -> tuple[FoundCheck, ...]:
    """Return every check below the directory, by file and then in the order of the text.

    Raises ``HarnessError`` for a marker whose ids cannot be read.
    """
    found: list[FoundCheck] = []
    for path in sorted(suites.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        found += _Module(path.relative_to(suites).as_posix(), _assigned(tree.body)).checks(tree)
    return tuple(found)


@dataclasses.dataclass(frozen=True, slots=True)
class _Module:
    """One file: its name, and what its top level assigns."""

    file: str
    names: Names

    def checks(self, tree: ast.Module) -> Iterator[FoundCheck]:
        shared = [self.names["pytestmark"]] if "pytestmark" in self.names else []
        yield from self._in(tree.body, shared)

    def _in(self, body: list[ast.stmt], shared: list[ast.expr]) -> Iterator[FoundCheck]:
        for node in body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                own = _assigned(node.body)
                marks = [own["pytestmark"]] if "pytestmark" in own else []
                yield from self._in(node.body, [*shared, *node.decorator_list, *marks])
            elif isinstance(node, Definition) and node.name.startswith("test_"):
                yield self._check(node, [*shared, *node.decorator_list])

    def _check(self, node: Definition, marks: list[ast.expr]) -> FoundCheck:
        ids = {
            word: frozenset(id_ for mark in marks for id_ in self._ids(mark, word))
            for word in (_REQUIREMENT, _KNOWN_ISSUE)
        }
        return FoundCheck(
            file=self.file,
            name=node.name,
            requirements=ids[_REQUIREMENT],
            known_issues=ids[_KNOWN_ISSUE],
            claims=tuple(_claims(node)),
        )

    def _ids(self, expression: ast.expr, word: str) -> Iterator[str]:
        """Return the ids of every ``word(...)`` in an expression, through the module's names."""
        for call in self._calls(expression, word, seen=frozenset()):
            # The second argument of known_issue is the change.
            for argument in call.args[:1] if word == _KNOWN_ISSUE else call.args:
                yield from self._texts(argument)

    def _calls(
        self, expression: ast.expr, word: str, *, seen: frozenset[str]
    ) -> Iterator[ast.Call]:
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and _called(node) == word:
                yield node
            elif isinstance(node, ast.Name) and node.id in self.names and node.id not in seen:
                yield from self._calls(self.names[node.id], word, seen=seen | {node.id})

    def _texts(self, argument: ast.expr) -> Iterator[str]:
        match argument:
            case ast.Constant(value=str(text)):
                yield text
            case ast.Starred(value=inner):
                yield from self._texts(inner)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                for item in items:
                    yield from self._texts(item)
            case ast.Name(id=name) if name in self.names:
                yield from self._texts(self.names[name])
            case _:
                raise HarnessError(
                    "the ids of a check cannot be read from its text",
                    value=ast.unparse(argument),
                    origin=f"suites/{self.file}, line {argument.lineno}",
                    causes=("an id in a marker is a literal or a name of its module",),
                )


def _assigned(body: list[ast.stmt]) -> dict[str, ast.expr]:
    names: dict[str, ast.expr] = {}
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                names[name] = value
    return names


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _claims(node: Definition) -> Iterator[tuple[str, str]]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and _called(call) == _CLAIM and len(call.args) > 1:
            id_, what = call.args[:2]
            if isinstance(id_, ast.Constant):
                yield str(id_.value), _said(what)


def _said(what: ast.expr) -> str:
    """Return a text as it is written, with an ellipsis for what is filled in."""
    match what:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in parts)
    return "…"
