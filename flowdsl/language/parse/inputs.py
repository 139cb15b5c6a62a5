"""`inputs:`, short (`NAME: TYPE?`) and long (a JSON Schema property)."""

from __future__ import annotations

from flowdsl.language.parse.parts import word
from flowdsl.language.parse.reader import Reader
from flowdsl.language.text.located import Located, Mapping, Scalar, Sequence, plain
from flowdsl.plan.nodes import Input
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json

_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})
_OURS = frozenset({"default", "secret"})  # keys of an input that are none of JSON Schema's concern


def parse_inputs(
    reader: Reader, node: Located | None, broken: frozenset[Span]
) -> tuple[Input, ...]:
    entries = node.entries if isinstance(node, Mapping) else ()
    return tuple(_input(reader, key, value, broken) for key, value in entries)


def _input(reader: Reader, key: Scalar, node: Located, broken: frozenset[Span]) -> Input:
    """An input that cannot be read is still declared, as one that takes anything."""
    match node:
        case Scalar(value=str(), text=short) if short.rstrip("?") in _TYPES:
            return Input(key.text, {"type": short.rstrip("?")}, short.endswith("?"), span=key.span)
        case Mapping(span=span) if span not in broken:
            return _long(reader, key, node)
        case _:
            return Input(key.text, {}, span=key.span)


def _long(reader: Reader, key: Scalar, node: Mapping) -> Input:
    check_patterns(reader, node)
    kind = word(node.get("type"))
    default, secret = node.get("default"), node.get("secret")
    schema: dict[str, Json] = {
        name.text: plain(value) for name, value in node.entries if name.text not in _OURS
    }
    return Input(
        name=key.text,
        schema={**schema, "type": kind.rstrip("?")},
        optional=kind.endswith("?"),
        default=plain(default) if default is not None else None,
        has_default=default is not None,
        secret=isinstance(secret, Scalar) and secret.value is True,
        span=key.span,
    )


def check_patterns(reader: Reader, node: Located) -> None:
    match node:
        case Mapping(entries=entries):
            for key, value in entries:
                if key.text == "pattern" and isinstance(value, Scalar):
                    _check_pattern(reader, value)
                elif key.text == "patternProperties" and isinstance(value, Mapping):
                    for name, below in value.entries:
                        _check_pattern(reader, name)
                        check_patterns(reader, below)
                elif key.text not in ("default", "examples", "enum", "const"):
                    check_patterns(reader, value)
        case Sequence(items=items):
            for item in items:
                check_patterns(reader, item)
        case _:
            pass


def _check_pattern(reader: Reader, value: Scalar) -> None:
    from flowdsl.language.conformance.pattern import Unreadable, read_pattern

    try:
        read_pattern(value.text)
    except Unreadable as error:
        reader.refuse(
            value.span, f"`pattern` is not a regular expression that can be used: {error}"
        )
