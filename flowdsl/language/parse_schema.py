"""`schema:` of a `wait_for`: a JSON Schema for what a signal carries, closed as every other part of a file is.

JSON Schema passes over a keyword it does not know, so a misspelt one would let everything through; here it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from flowdsl.language.diagnostics import LIMIT_FINDINGS, Diagnostic
from flowdsl.language.located import Located, Mapping, Scalar, Sequence, plain
from flowdsl.language.parse_inputs import check_patterns
from flowdsl.language.reader import Reader
from flowdsl.language.vocabulary import did_you_mean, listed
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json

TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_ONE = (
    *("items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_PLAIN = (
    *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems"),
    *("uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "required"),
    *("dependentRequired", "title", "description", "default", "examples", "deprecated", "readOnly"),
    *("writeOnly", "$comment", "$schema", "$id"),
)
KEYWORDS = (*_PLAIN, *_ONE, *_LISTS, *_NAMED)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_EXAMPLE = "{ type: object, required: [ok], properties: { ok: { type: boolean } } }"

_META = Draft202012Validator(Draft202012Validator.META_SCHEMA)


def parse_schema(reader: Reader, node: Located | None) -> Json:
    """None where there is none, or none that can be used."""
    if not isinstance(node, Mapping):
        return None
    problems = len(reader.problems)
    for key in _keywords_in(node):
        _check_keyword(reader, key)
    check_patterns(reader, node)
    schema = plain(node)
    reader.problems.extend(_misused(node, schema))
    return schema if len(reader.problems) == problems else None


def _keywords_in(node: Located | None) -> Iterator[Scalar]:
    """The keywords of a schema and of all schemas in it."""
    if not isinstance(node, Mapping):
        return
    for key, value in node.entries:
        yield key
        match key.text, value:
            case name, Mapping() if name in _ONE:
                yield from _keywords_in(value)
            case name, Sequence(items=items) if name in _LISTS:
                for item in items:
                    yield from _keywords_in(item)
            case name, Mapping(entries=entries) if name in _NAMED:
                for _, below in entries:
                    yield from _keywords_in(below)


def _check_keyword(reader: Reader, key: Scalar) -> None:
    if key.text in _REFERENCES:
        reader.refuse(key.span, f"a schema here has no `{key.text}`", hint="write it out")
    elif key.text not in KEYWORDS and not key.text.startswith("x-"):
        many = len(reader.problems) >= LIMIT_FINDINGS  # nobody reads what this one was meant to be
        meant = "" if many else did_you_mean(key.text, KEYWORDS)
        message = f"`{key.text}` is no keyword of JSON Schema"
        hint = "" if meant else f"a JSON Schema, such as {_EXAMPLE}"
        reader.problems.append(Diagnostic("F020", key.span, message, meant, hint))


def _misused(node: Mapping, schema: Json) -> list[Diagnostic]:
    """Keywords with a value that they cannot have, each at its value."""
    found: dict[Span, Diagnostic] = {}
    for error in _META.iter_errors(schema):
        keyword, at = _place(node, tuple(error.absolute_path))
        message = f"`{keyword}` {_wanted(keyword, error)}"
        found.setdefault(at.span, Diagnostic("F022", at.span, message, help=f"such as {_EXAMPLE}"))
    return list(found.values())


def _place(node: Located, path: tuple[str | int, ...]) -> tuple[str, Located]:
    """The last keyword on the way, and the value that the way ends at."""
    keyword = "schema"
    for part in path:
        if isinstance(node, Sequence) and isinstance(part, int):
            node = node.items[part]
        elif isinstance(node, Mapping) and isinstance(part, str):
            node = node.get(part) or node
            keyword = part
    return keyword, node


def _wanted(keyword: str, error: ValidationError) -> str:
    if keyword == "type":
        return f"of a schema is {listed(TYPES).replace(' and ', ' or ')}"
    match error.validator, error.validator_value:
        case "type", ["object", "boolean"]:
            return "is a schema: a mapping, or true or false"
        case "type", kind:
            return f"is {_KINDS[str(kind)]}"
        case "minimum", _:
            return "is not below 0"
        case "exclusiveMinimum", _:
            return "is above 0"
        case "minItems", _:
            return "is empty"
        case _:
            return f"cannot be that: {error.message[:200]}"


_KINDS = MappingProxyType(
    {
        "object": "a mapping",
        "boolean": "true or false",
        "array": "a list",
        "string": "a text",
        "number": "a number",
        "integer": "a whole number",
    }
)
