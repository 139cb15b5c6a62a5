"""A schema of a contract → one JSON Schema 2020-12 that stands alone, for a validator.

Only keywords that are known, with values that make sense, go in, so that no document makes the validator fail. Not
asserted: `format`; `multipleOf` and `uniqueItems`, whose cost the answer of a service would decide; `discriminator`; and
that a part of an `allOf` is closed, which by the letter refuses what the other parts list, and is never meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct, field

from flowdsl.language.conformance.keywords import is_number
from flowdsl.language.conformance.pattern import Unreadable, read_pattern
from flowdsl.language.openapi.alternatives import KINDS
from flowdsl.language.openapi.contract import Document, Schema
from flowdsl.language.openapi.pointer import Unresolved, look_up, reference_of
from flowdsl.plan.values import Json

_NUMBERS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
_COUNTS = frozenset(
    ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
)
_INSIDE = frozenset(
    (
        "items",
        "prefixItems",
        "contains",
        "properties",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "required",
    )
)

_Target: TypeAlias = tuple[str, bool]  # a reference, and whether it stands in an `allOf`


def portable(schema: Schema, *, scalars_only: bool = False) -> dict[str, Json] | bool:
    """`scalars_only`: for a text, a number, true, false or null; what is said of lists and objects is left out."""
    packing = _Packing(schema.document, scalars_only)
    packed = packing.pack(schema.node)
    definitions: dict[str, Json] = {}
    while packing.waiting:
        reference, is_part = target = packing.waiting.pop()
        definitions[packing.names[target]] = packing.target(reference, is_part=is_part)
    return {**packed, "$defs": definitions} if isinstance(packed, dict) else packed


class _Packing(Struct, frozen=True):
    document: Document
    scalars_only: bool
    names: dict[_Target, str] = field(default_factory=dict)
    waiting: list[_Target] = field(default_factory=list)

    def target(self, reference: str, *, is_part: bool) -> dict[str, Json] | bool:
        try:
            return self.pack(look_up(self.document.root, reference), is_part=is_part)
        except Unresolved:
            return True

    def pack(self, node: Json, *, is_part: bool = False) -> dict[str, Json] | bool:
        if not isinstance(node, dict):
            return node if isinstance(node, bool) else True
        packed = dict(self.keywords(node, is_part=is_part))
        if self.document.is_3_0 and node.get("nullable") is True and packed:
            return {"anyOf": [{"type": "null"}, packed]}
        return packed

    def keywords(self, node: dict[str, Json], *, is_part: bool) -> Iterator[tuple[str, Json]]:
        reference = reference_of(node)
        if reference is not None:
            yield "$ref", f"#/$defs/{self.name((reference, is_part))}"
            if self.document.is_3_0:
                return
        is_part = is_part or reference is not None or "allOf" in node
        for word, value in node.items():
            if is_part and word == "additionalProperties" and value is False:
                continue
            if not (self.scalars_only and word in _INSIDE):
                yield from self.keyword(word, value)
        choices: list[Json] = [
            {"anyOf": [self.pack(part, is_part=is_part) for part in kept]}
            for word in ("anyOf", "oneOf")
            if isinstance(kept := node.get(word), list) and kept
        ]
        parts = node.get("allOf")
        every = [self.pack(part, is_part=True) for part in parts] if isinstance(parts, list) else []
        if every or choices:
            yield "allOf", [*every, *choices]
        if self.document.is_3_0:
            yield from _older_bounds(node)

    def keyword(self, word: str, value: Json) -> Iterator[tuple[str, Json]]:
        match word, value:
            case "type", str() | list():
                names = [
                    kind
                    for kind in KINDS
                    if kind in (value if isinstance(value, list) else [value])
                ]
                if names:
                    yield word, list(names)
            case "enum", list() if value:
                yield word, value
            case "const", _:
                yield word, value
            case (("properties" | "patternProperties"), dict()):
                is_pattern = word == "patternProperties"
                yield (
                    word,
                    {
                        name: self.pack(kept)
                        for name, kept in value.items()
                        if not is_pattern or _compiles(name)
                    },
                )
            case (("items" | "additionalProperties" | "not" | "contains"), dict() | bool()):
                yield word, self.pack(value)
            case "prefixItems", list() if value:
                yield word, [self.pack(part) for part in value]
            case "required", list():
                yield word, [name for name in value if isinstance(name, str)]
            case "pattern", str() if _compiles(value):
                yield word, value
            case _ if (word in _NUMBERS and is_number(value)) or (
                word in _COUNTS and isinstance(value, int) and not isinstance(value, bool)
            ):
                yield word, value

    def name(self, target: _Target) -> str:
        if target not in self.names:
            self.names[target] = str(len(self.names))
            self.waiting.append(target)
        return self.names[target]


def _older_bounds(node: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """In 3.0 `exclusiveMinimum: true` speaks of the `minimum` beside it."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if node.get(exclusive) is True and is_number(node.get(bound)):
            yield exclusive, node[bound]


def _compiles(pattern: str) -> bool:
    """Patterns are of another dialect; those that mean nothing here are left out."""
    try:
        read_pattern(pattern)
    except Unreadable:
        return False
    return True
