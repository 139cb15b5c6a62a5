"""A schema as the few forms a value may have: references followed, `allOf` merged, `oneOf` and `anyOf` laid side by side.

What is deeper (fields, items) stays a schema, to be looked at when somebody gets there. `oneOf` is read as `anyOf`, and
`discriminator` not at all. What says nothing, or more than can be followed within the limits, is None: not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.language.openapi.contract import Document, Schema
from flowdsl.language.openapi.pointer import Unresolved, bare_reference, look_up, reference_of
from flowdsl.plan.values import Json

LIMIT_ALTERNATIVES = 16
LIMIT_STEPS = 500
LIMIT_DEPTH = 32
LIMIT_KEPT = 4_096

Kind: TypeAlias = Literal["null", "boolean", "integer", "number", "string", "array", "object"]
KINDS: tuple[Kind, ...] = ("boolean", "integer", "number", "string", "array", "object", "null")
_DESCRIBING = frozenset({"description", "summary", "title", "deprecated", "example", "examples"})


class Others(Enum):
    """What the schema says of fields that it does not list."""

    SILENT = auto()
    ALLOWED = auto()
    REFUSED = auto()


class Alternative(Struct, frozen=True, eq=False):
    """`kinds`: no kind is any kind. `values`: all it can be, where they are listed."""

    kinds: frozenset[Kind] = frozenset()
    values: tuple[Json, ...] | None = None
    fields: tuple[tuple[str, Schema], ...] = ()
    required: frozenset[str] = frozenset()
    others: Others = Others.SILENT
    item: Schema | None = None

    def may_be(self, kind: Kind) -> bool:
        return not self.kinds or kind in self.kinds

    def field(self, name: str) -> Schema | None:
        return next((schema for key, schema in self.fields if key == name), None)

    @property
    def says_nothing(self) -> bool:
        return not self.kinds and self.values is None


_ANY = Alternative()
_NULL = Alternative(kinds=frozenset[Kind](("null",)))


def alternatives(schema: Schema) -> tuple[Alternative, ...] | None:
    """None: nothing is known of the value."""
    reference = bare_reference(schema.node)
    if reference is not None:
        return _referred(schema.document, reference)
    return _expanded(schema.document, schema.node)


@lru_cache(maxsize=LIMIT_KEPT)
def _referred(document: Document, reference: str) -> tuple[Alternative, ...] | None:
    """Kept, because most of what schemas say is that they refer to each other."""
    return _expanded(document, {"$ref": reference})


def _expanded(document: Document, node: Json) -> tuple[Alternative, ...] | None:
    try:
        found = _Expansion(document).expand(node)
    except _TooMuch:
        return None
    if not found or any(one.says_nothing for one in found):
        return None
    return tuple(found)


class _TooMuch(Exception):
    """Over a limit, or out of what can be followed."""


class _Expansion(Struct):
    document: Document
    steps: int = 0

    def expand(self, node: Json, around: tuple[str, ...] = ()) -> list[Alternative]:
        self.steps += 1
        if self.steps > LIMIT_STEPS or len(around) > LIMIT_DEPTH:
            raise _TooMuch
        if not isinstance(node, dict):
            return [_ANY]
        reference = reference_of(node)
        if reference is not None:
            return self.referred(node, reference, around)
        found = [_own(self.document, node)]
        for part in _list(node.get("allOf")):
            found = _both(found, self.expand(part, (*around, "allOf")))
        for word in ("anyOf", "oneOf"):
            if choices := _list(node.get(word)):
                each = [self.expand(choice, (*around, word)) for choice in choices]
                found = _both(found, [one for forms in each for one in forms])
        if self.document.is_3_0 and node.get("nullable") is True:
            found = [*found, _NULL]
        return _limited(found)

    def referred(
        self, node: dict[str, Json], reference: str, around: tuple[str, ...]
    ) -> list[Alternative]:
        if reference in around:
            raise _TooMuch
        try:
            target = look_up(self.document.root, reference)
        except Unresolved:
            raise _TooMuch from None
        found = self.expand(target, (*around, reference))
        beside = {key: value for key, value in node.items() if key != "$ref"}
        if self.document.is_3_0 or beside.keys() <= _DESCRIBING:
            return found
        return _both(found, self.expand(beside, (*around, "beside")))


def _own(document: Document, node: dict[str, Json]) -> Alternative:
    """What the schema itself says, without the schemas it is made of."""
    properties = node.get("properties")
    fields = properties if isinstance(properties, dict) else {}
    return Alternative(
        kinds=_kinds(node),
        values=_values(node),
        fields=tuple((name, Schema(document, kept)) for name, kept in fields.items()),
        required=frozenset(name for name in _list(node.get("required")) if isinstance(name, str)),
        others=_others(node),
        item=Schema(document, node["items"]) if "items" in node else None,
    )


def _kinds(node: dict[str, Json]) -> frozenset[Kind]:
    """Without a type, who lists properties means an object, though by the letter a text would do as well."""
    given = node.get("type")
    names = given if isinstance(given, list) else [given]
    found = frozenset(kind for kind in KINDS if kind in names)
    if found or given is not None:
        return found
    if "properties" in node or isinstance(node.get("additionalProperties"), dict):
        return frozenset[Kind](("object",))
    return frozenset[Kind](("array",)) if "items" in node else found


def _values(node: dict[str, Json]) -> tuple[Json, ...] | None:
    if "const" in node:
        return (node["const"],)
    listed = node.get("enum")
    return tuple(listed) if isinstance(listed, list) and listed else None


def _others(node: dict[str, Json]) -> Others:
    if "patternProperties" in node:
        return Others.ALLOWED
    for word in ("additionalProperties", "unevaluatedProperties"):
        if word in node:
            return Others.REFUSED if node[word] is False else Others.ALLOWED
    return Others.SILENT


def _both(some: Iterable[Alternative], more: Iterable[Alternative]) -> list[Alternative]:
    """Values that are of one of `some` and of one of `more`."""
    second = list(more)
    pairs = ((one, other) for one in some for other in second)
    return _limited([merged for one, other in pairs if (merged := _merged(one, other)) is not None])


def _limited(found: list[Alternative]) -> list[Alternative]:
    if len(found) > LIMIT_ALTERNATIVES:
        raise _TooMuch
    return found


def _merged(one: Alternative, other: Alternative) -> Alternative | None:
    """None: no value is both."""
    kinds = _common_kinds(one, other)
    values = one.values if other.values is None else other.values
    if one.values is not None and other.values is not None:
        values = tuple(value for value in one.values if value in other.values)
    if kinds is None or values == ():
        return None
    fields = dict(one.fields)
    for name, schema in other.fields:
        fields[name] = _all_of(fields[name], schema) if name in fields else schema
    items = [schema for schema in (one.item, other.item) if schema is not None]
    return replace(
        one,
        kinds=kinds,
        values=values,
        fields=tuple(fields.items()),
        required=one.required | other.required,
        others=max(one.others, other.others, key=lambda others: others.value),
        item=_all_of(*items) if len(items) == 2 else next(iter(items), None),
    )


def _common_kinds(one: Alternative, other: Alternative) -> frozenset[Kind] | None:
    if not one.kinds or not other.kinds:
        return one.kinds or other.kinds
    common = one.kinds & other.kinds
    whole: Kind = "integer"
    for some, rest in ((one.kinds, other.kinds), (other.kinds, one.kinds)):
        if whole in some and "number" in rest:
            common |= {whole}
    return common or None


def _all_of(one: Schema, other: Schema) -> Schema:
    return Schema(one.document, {"allOf": [one.node, other.node]})


def _list(node: Json) -> list[Json]:
    return node if isinstance(node, list) else []
