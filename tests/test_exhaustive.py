"""Whoever tells verbs, nodes, facts, commands and outcomes apart names them all, so that mypy lists the places a new one must visit.

A `match` over them has no `case _` that swallows what nobody thought of: only one that ends in `assert_never`. Without
it every case returns, so that mypy finds the one that is missing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from flowdsl.language.parse import workflow
from flowdsl.plan.nodes import AnyNode
from flowdsl.saga.commands import Command
from flowdsl.saga.events import Event, Outcome

PACKAGE = Path(__file__).parents[1] / "flowdsl"
PACKAGES = ("engine", "explorer", "cli", "view", "plan", "saga", "language")
FILES = sorted(file for name in PACKAGES for file in (PACKAGE / name).rglob("*.py"))
KINDS = frozenset(
    kind.__name__
    for union in (AnyNode, Event, Command, Outcome, workflow.Verb)
    for kind in get_args(union)
)


def swallowing(tree: ast.Module) -> list[int]:
    """The lines of the matches that let some kind pass without a word."""
    matches = [node for node in ast.walk(tree) if isinstance(node, ast.Match)]
    return [match.lineno for match in matches if _is_of_kinds(match) and not _is_total(match)]


def _is_of_kinds(match: ast.Match) -> bool:
    return any(name in KINDS for case in match.cases for name in _classes(case.pattern))


def _classes(pattern: ast.pattern) -> Iterator[str]:
    """The classes that a pattern asks for, but not those of their fields."""
    match pattern:
        case ast.MatchClass(cls=ast.Name(id=name)):
            yield name
        case ast.MatchOr(patterns=patterns):
            for each in patterns:
                yield from _classes(each)
        case ast.MatchAs(pattern=ast.pattern() as inner):
            yield from _classes(inner)
        case _:
            pass


def _is_total(match: ast.Match) -> bool:
    last = match.cases[-1]
    if _is_wildcard(last) and ast.unparse(last.body[-1]).startswith("assert_never("):
        return True
    if any(_is_wildcard(case) for case in match.cases):
        return False
    return all(
        isinstance(case.body[-1], ast.Return | ast.Raise | ast.Match) for case in match.cases
    )


def _is_wildcard(case: ast.match_case) -> bool:
    """`case _`, or a name that takes whatever is left."""
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and not case.guard


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_every_kind_is_named_where_kinds_are_told_apart(file: Path) -> None:
    assert swallowing(ast.parse(file.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "match node:\n    case Call():\n        return 1\n    case _:\n        return 2",
        "match node:\n    case Call() as call:\n        return 1\n    case other:\n        return 2",
        "match event:\n    case Started() | Finished():\n        pass",
    ],
)
def test_a_match_that_swallows_is_seen(source: str) -> None:
    assert swallowing(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "match node:\n    case Call():\n        pass\n    case _:\n        assert_never(node)",
        "match node:\n    case Call():\n        return 1\n    case Local() | Block():\n        return 2",
        "match value:\n    case dict():\n        return 1\n    case _:\n        return 2",
    ],
)
def test_one_that_names_all_is_not(source: str) -> None:
    assert swallowing(ast.parse(source)) == []


def test_the_kinds_are_known() -> None:
    assert {"Call", "ForEach", "Started", "Signalled", "Invoke", "Refused"} <= KINDS
    assert len(FILES) > 150
