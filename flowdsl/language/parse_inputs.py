"""`inputs:`, short (`NAME: TYPE?`) and long (a JSON Schema property)."""

from __future__ import annotations

import re

from flowdsl.language.located import Located, Mapping, Scalar, Sequence, plain
from flowdsl.language.reader import Reader
from flowdsl.plan.nodes import Input
from flowdsl.plan.values import Json

_OURS = frozenset({"default", "secret"})  # keys of an input that are none of JSON Schema's concern


def parse_inputs(reader: Reader, node: Located | None) -> tuple[Input, ...]:
    entries = node.entries if isinstance(node, Mapping) else ()
    return tuple(_input(reader, key, value) for key, value in entries)


def _input(reader: Reader, key: Scalar, node: Located) -> Input:
    match node:
        case Scalar(value=str(), text=short):
            return Input(key.text, {"type": short.rstrip("?")}, short.endswith("?"), span=key.span)
        case Mapping():
            _check_patterns(reader, node)
            kind = plain(node.get("type") or key)
            optional = isinstance(kind, str) and kind.endswith("?")
            schema: dict[str, Json] = {
                name.text: plain(value) for name, value in node.entries if name.text not in _OURS
            }
            if isinstance(kind, str):
                schema["type"] = kind.rstrip("?")
            default = node.get("default")
            secret = node.get("secret")
            return Input(
                name=key.text,
                schema=schema,
                optional=optional,
                default=plain(default) if default is not None else None,
                has_default=default is not None,
                secret=isinstance(secret, Scalar) and secret.value is True,
                span=key.span,
            )
        case _:
            return Input(key.text, {}, span=key.span)


def _check_patterns(reader: Reader, node: Located) -> None:
    match node:
        case Mapping(entries=entries):
            for key, value in entries:
                if key.text == "pattern" and isinstance(value, Scalar):
                    _check_pattern(reader, value)
                elif key.text not in ("default", "examples", "enum", "const"):
                    _check_patterns(reader, value)
        case Sequence(items=items):
            for item in items:
                _check_patterns(reader, item)
        case _:
            pass


def _check_pattern(reader: Reader, value: Scalar) -> None:
    try:
        re.compile(value.text)
    except (re.error, OverflowError, RecursionError) as error:
        reader.refuse(value.span, f"`pattern` is no regular expression: {error}")
