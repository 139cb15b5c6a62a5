"""`schema:` of a `wait_for`: a JSON Schema for what a signal carries, closed as every other part of a file is.

JSON Schema passes over a keyword it does not know, so a misspelt one would let everything through; here it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from flowdsl.codes import Code
from flowdsl.language.conformance.words import must, must_be
from flowdsl.language.parse.inputs import check_patterns
from flowdsl.language.parse.reader import Reader
from flowdsl.language.text.diagnostics import LIMIT_FINDINGS, Diagnostic
from flowdsl.language.text.document import LIMIT_NODES
from flowdsl.language.text.located import Located, Mapping, Scalar, Sequence, plain
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json
from flowdsl.plan.words import did_you_mean, listed

TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_ONE = (
    *("items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_TEXTS = ("title", "description", "pattern", "format", "$comment", "$schema", "$id")
_COUNTS = (
    *("minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"),
    *("minProperties", "maxProperties"),
)
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


@cache
def _meta() -> dict[str, Json]:
    """What JSON Schema says of its own keywords, one schema at a time: those in it are asked by themselves."""
    schema: Json = {"title": "a schema: an object, or true or false", "type": ["object", "boolean"]}
    names: Json = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    kind: Json = {"enum": [*TYPES]}
    kinds: Json = {"type": "array", "items": kind, "minItems": 1, "uniqueItems": True}
    forms: tuple[tuple[tuple[str, ...], Json], ...] = (
        (_ONE, schema),
        (_LISTS, {"type": "array", "minItems": 1, "items": schema}),
        (_NAMED, {"type": "object", "additionalProperties": schema}),
        (_TEXTS, {"type": "string"}),
        (("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), {"type": "number"}),
        (_COUNTS, {"type": "integer", "minimum": 0}),
        (("uniqueItems", "deprecated", "readOnly", "writeOnly"), {"type": "boolean"}),
        (("enum", "examples"), {"type": "array"}),
        (("type",), {"title": listed(TYPES, "or"), "anyOf": [kind, kinds]}),
        (("multipleOf",), {"type": "number", "exclusiveMinimum": 0}),
        (("required",), names),
        (("dependentRequired",), {"type": "object", "additionalProperties": names}),
    )
    return {"properties": {keyword: form for keywords, form in forms for keyword in keywords}}


def parse_schema(reader: Reader, node: Located | None) -> Json:
    """None where there is none, or none that can be used."""
    if not isinstance(node, Mapping):
        return None
    problems = len(reader.problems)
    for below in _schemas_in(node):
        for key, _ in below.entries:
            _check_keyword(reader, key)
    check_patterns(reader, node)
    for below in _schemas_in(node):
        reader.problems.extend(_misused(below))
    return plain(node) if len(reader.problems) == problems else None


def _schemas_in(node: Located | None) -> Iterator[Mapping]:
    """A schema and all schemas in it."""
    if not isinstance(node, Mapping):
        return
    yield node
    for key, value in node.entries:
        match key.text, value:
            case name, Mapping() if name in _ONE:
                yield from _schemas_in(value)
            case name, Sequence(items=items) if name in _LISTS:
                for item in items:
                    yield from _schemas_in(item)
            case name, Mapping(entries=entries) if name in _NAMED:
                for _, below in entries:
                    yield from _schemas_in(below)


def _check_keyword(reader: Reader, key: Scalar) -> None:
    if key.text in _REFERENCES:
        reader.refuse(key.span, f"a schema here has no `{key.text}`", hint="write it out")
    elif key.text not in KEYWORDS and not key.text.startswith("x-"):
        many = len(reader.problems) >= LIMIT_FINDINGS  # nobody reads what this one was meant to be
        meant = "" if many else did_you_mean(key.text, KEYWORDS)
        message = f"`{key.text}` is not a keyword of JSON Schema"
        hint = "" if meant else f"a JSON Schema, such as {_EXAMPLE}"
        reader.problems.append(Diagnostic(Code.UNKNOWN_KEY, key.span, message, meant, hint))


def _misused(node: Mapping) -> list[Diagnostic]:
    """Keywords with a value that they cannot have, each at its value."""
    from flowdsl.language.conformance.value import Uncheckable, errors_of

    found: dict[Span, Diagnostic] = {}
    try:
        errors = errors_of(_meta(), _shallow(node), at_most=LIMIT_NODES)
    except Uncheckable as why:
        message = f"this schema cannot be checked: {why}"
        return [
            Diagnostic(
                Code.FILE_OVER_LIMIT, node.span, message, help="make it smaller, or take it apart"
            )
        ]
    for error in errors:
        keyword, at = _place(node, tuple(error.absolute_path))
        title = error.schema.get("title") if isinstance(error.schema, dict) else None
        message = f"`{keyword}` {must_be(title, error.instance) if title else must(error)}"
        found.setdefault(
            at.span, Diagnostic(Code.WRONG_KIND, at.span, message, help=f"such as {_EXAMPLE}")
        )
    return list(found.values())


def _shallow(node: Mapping) -> Json:
    """The schema without the schemas in it, of which only the kind is looked at."""
    return {
        key.text: _outline(value) if key.text in (*_ONE, *_LISTS, *_NAMED) else plain(value)
        for key, value in node.entries
        if key.text in KEYWORDS
    }


def _outline(node: Located) -> Json:
    match node:
        case Mapping(entries=entries):
            return {key.text: _kind(value) for key, value in entries}
        case Sequence(items=items):
            return [_kind(item) for item in items]
        case Scalar(value=value):
            return value


def _kind(node: Located) -> Json:
    match node:
        case Mapping():
            return {}
        case Sequence():
            return []
        case Scalar(value=value):
            return value


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
