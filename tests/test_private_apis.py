"""What we lean on although nobody promised it: a release that takes it away is told of here, by name, and not by a riddle elsewhere.

Each is looked for as it is used. What flowdsl means by it is tried by the tests of the module that is named.
"""

from __future__ import annotations

import ast
import asyncio
import re
import re._constants as code
import re._parser as parser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from encodings.aliases import aliases
from importlib.metadata import version
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

ROOT = Path(__file__).parents[1]
SOURCES = [*(ROOT / "flowdsl").rglob("*.py"), *(ROOT / "mock_services").rglob("*.py")]


@dataclass(frozen=True, slots=True)
class Private:
    """`holds` is looked at on a running loop, and says whether it is still as it is used."""

    library: str
    attribute: str
    used_in: str
    holds: Callable[[], bool]


def the_parser_of_patterns_gives_pairs() -> bool:
    tree = parser.parse(r"a[b-d]*|\d(?:e){2,3}$")
    return tree.state.flags == re.UNICODE and all(len(pair) == 2 for pair in tree)


def every_constant_is_there() -> bool:
    return all(hasattr(code, name) for name in constants_used())


def constants_used() -> set[str]:
    text = (ROOT / "flowdsl" / "language" / "conformance" / "pattern.py").read_text()
    return set(re.findall(r"\bcode\.([A-Z_]+)", text))


def aliases_are_of_codecs() -> bool:
    return aliases["latin1"] == "latin_1" and aliases["windows_1252"] == "cp1252"


def a_keyword_gets_the_validator_and_may_go_down() -> bool:
    below = Draft202012Validator({}).descend(1, {"type": "string"}, path="a", schema_path="b")
    (error,) = below
    return isinstance(error, ValidationError) and list(error.path) == ["a"]


def the_checker_goes_along() -> bool:
    marked = Draft202012Validator({}).evolve(format_checker=Draft202012Validator.FORMAT_CHECKER)
    below = marked.evolve(schema={"type": "string"})
    return below.format_checker is Draft202012Validator.FORMAT_CHECKER


PATTERN = "flowdsl/language/conformance/pattern.py"
KEYWORDS = "flowdsl/language/conformance/keywords.py"

PRIVATE = [
    Private("python", "re._parser.parse", PATTERN, the_parser_of_patterns_gives_pairs),
    Private("python", "re._constants", PATTERN, every_constant_is_there),
    Private("python", "encodings.aliases.aliases", "flowdsl/world/network/charset.py", aliases_are_of_codecs),
    Private("jsonschema", "Validator.descend", KEYWORDS, a_keyword_gets_the_validator_and_may_go_down),
    Private("jsonschema", "Validator.format_checker", "flowdsl/language/conformance/counter.py", the_checker_goes_along),
]  # fmt: skip


def looked_at(private: Private) -> str:
    """What to say of it; nothing where it is as it was."""

    async def look() -> bool:
        return private.holds()

    which = "" if private.library == "python" else f" {version(private.library)}"
    told = f"{private.library}{which}: `{private.attribute}` is not what it was; {private.used_in} leans on it"
    try:
        return "" if asyncio.run(look()) else told
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the name
        return f"{told}: {error!r}"


@pytest.mark.parametrize("private", PRIVATE, ids=lambda private: private.attribute)
def test_what_nobody_promised_is_as_it_was(private: Private) -> None:
    told = looked_at(private)
    assert not told, told


def test_what_is_gone_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Draft202012Validator, "descend")
    told = [looked_at(private) for private in PRIVATE if private.attribute == "Validator.descend"]
    assert told[0].startswith(
        f"jsonschema {version('jsonschema')}: `Validator.descend` is not what it was"
    )
    assert "flowdsl/language/conformance/keywords.py leans on it" in told[0]


def test_every_private_name_that_is_used_is_watched() -> None:
    """A name with an underscore that is not a name of ours, or a module with one."""
    trees = {str(s.relative_to(ROOT)): ast.parse(s.read_text()) for s in SOURCES}
    ours = {name for tree in trees.values() for name in _defined(tree)}
    watched = {private.attribute.rpartition(".")[2] for private in PRIVATE} | {"_parser"}
    foreign = {
        (path, name)
        for path, tree in trees.items()
        for name in _private_names(tree)
        if name not in ours
    }
    assert {
        ("flowdsl/language/conformance/pattern.py", "_constants"),
        ("flowdsl/language/conformance/pattern.py", "_parser"),
    } <= foreign
    assert {each for each in foreign if each[1] not in watched} == set(), (
        "each needs a line in PRIVATE"
    )


def _private_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if _is_private(name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                parts = (part for item in names for part in item.name.split("."))
                yield from filter(_is_private, parts)
            case _:
                pass


def _defined(tree: ast.AST) -> Iterator[str]:
    """Names that the project itself gives: functions, classes, fields, variables and attributes that are set."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                yield name
            case _:
                pass


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
