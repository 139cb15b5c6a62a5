"""What we lean on although nobody promised it: a release that takes it away is told of here, by name, and not by a riddle elsewhere.

Each is looked for as it is used. What flowdsl means by it is tried by the tests of the module that is named.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import re._constants as code
import re._parser as parser
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from encodings.aliases import aliases
from functools import partial
from importlib.metadata import version
from pathlib import Path

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.streams import StreamReader
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


def get_takes_a_key_and_traces() -> bool:
    named = inspect.signature(aiohttp.TCPConnector._get).parameters
    return list(named) == ["self", "key", "traces"] and inspect.iscoroutinefunction(
        aiohttp.TCPConnector._get
    )


def connector() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(
        ssl=False, socket_factory=lambda address: socket.socket(*address[:3])
    )


def conns_is_a_mapping_of_what_is_idle() -> bool:
    return isinstance(connector()._conns, Mapping)


def factory_makes_the_conversations() -> bool:
    found: object = connector()._factory
    return isinstance(found, partial) and isinstance(found(), ResponseHandler)


def conversation() -> ResponseHandler:
    return ResponseHandler(loop=asyncio.get_running_loop())


def a_conversation_says_whether_to_close() -> bool:
    return conversation().should_close is False


def a_conversation_has_its_body() -> bool:
    """Found as it is: `_payload` is the body that is being read, or None."""
    talk = conversation()
    talk.set_response_params(read_until_eof=True, auto_decompress=False)
    talk.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    body = talk._payload
    return isinstance(body, StreamReader) and not body.is_eof()


def a_body_keeps_its_error_to_the_end() -> bool:
    talk = conversation()
    talk.set_response_params(read_until_eof=True, auto_decompress=False)
    talk.data_received(b"HTTP/1.1 200 OK\r\n\r\nabc")
    body = talk._payload
    assert body is not None
    body.set_exception(aiohttp.ClientPayloadError("cut"))
    talk.connection_lost(None)
    return isinstance(body.exception(), aiohttp.ClientPayloadError)


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


WIRE = "flowdsl/world/network/wire.py"
PATTERN = "flowdsl/language/conformance/pattern.py"
KEYWORDS = "flowdsl/language/conformance/keywords.py"

PRIVATE = [
    Private("aiohttp", "TCPConnector._get", WIRE, get_takes_a_key_and_traces),
    Private("aiohttp", "TCPConnector._conns", WIRE, conns_is_a_mapping_of_what_is_idle),
    Private("aiohttp", "TCPConnector._factory", WIRE, factory_makes_the_conversations),
    Private("aiohttp", "client_proto.ResponseHandler.should_close", WIRE, a_conversation_says_whether_to_close),
    Private("aiohttp", "client_proto.ResponseHandler._payload", WIRE, a_conversation_has_its_body),
    Private("aiohttp", "streams.StreamReader.set_exception", WIRE, a_body_keeps_its_error_to_the_end),
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
    monkeypatch.delattr(aiohttp.BaseConnector, "_get")
    told = [looked_at(private) for private in PRIVATE if private.attribute == "TCPConnector._get"]
    assert told[0].startswith(
        f"aiohttp {version('aiohttp')}: `TCPConnector._get` is not what it was"
    )
    assert "flowdsl/world/network/wire.py leans on it" in told[0]


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
        ("flowdsl/world/network/wire.py", "_conns"),
        ("flowdsl/language/conformance/pattern.py", "_parser"),
    } < foreign
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
