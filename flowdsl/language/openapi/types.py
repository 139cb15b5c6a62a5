"""What a schema of a contract says, as a type that expressions are checked with.

Read, an object has the fields it lists and no others, so that a misspelt one is found. Sent, other fields are only
refused where the schema says so. Schemas refer to each other without end: as many levels are looked at as fit a budget.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct

from flowdsl.language.openapi.alternatives import KINDS, Alternative, Kind, Others, alternatives
from flowdsl.language.openapi.contract import Document, Operation, Response, Schema
from flowdsl.language.openapi.operation import is_json
from flowdsl.language.openapi.pointer import Unresolved, bare_reference, follow
from flowdsl.plan.expression.types import (
    ANYTHING,
    MAXIMUM_MEMBERS,
    NULL,
    SCALARS,
    TEXT,
    ListOf,
    Object,
    Type,
    join,
    type_of,
)
from flowdsl.plan.values import Json

Direction: TypeAlias = Literal["sent", "read"]
LIMIT_KEPT = 4_096
LIMIT_FIELDS = 4_000  # of one type, over all its levels
LIMIT_LEVELS = 12

_SCALARS: tuple[Kind, ...] = ("string", "integer", "number", "boolean")
_PLAIN = frozenset(
    {
        *("type", "format", "title", "description", "default", "example", "examples", "deprecated"),
        *("readOnly", "writeOnly", "minimum", "maximum", "minLength", "maxLength", "pattern"),
    }
)


def response_type(operation: Operation) -> Type:
    """What the operation answers when all is well, over every 2xx it describes."""
    return _one_of(
        _answer(response) for response in operation.responses if response.status.startswith("2")
    )


def _one_of(types: Iterable[Type]) -> Type:
    """`join`, which compares all there is; where there is one only, that need not be looked through."""
    found = list(types)
    return found[0] if len(found) == 1 else join(found)


def _answer(response: Response) -> Type:
    if response.schema is not None:
        return type_of_schema(response.schema, "read")
    if not response.content_types:
        return NULL  # an empty body is null
    return ANYTHING if any(map(is_json, response.content_types)) else TEXT


def type_of_schema(schema: Schema, direction: Direction) -> Type:
    """The deepest look that stays within the budget; deeper by a level each time, as long as there is more to see."""
    reference = bare_reference(schema.node)
    if reference is not None:
        return _type_referred(schema.document, reference, direction)
    return _deepest(schema, direction)


@lru_cache(maxsize=LIMIT_KEPT)
def _type_referred(document: Document, reference: str, direction: Direction) -> Type:
    return _deepest(Schema(document, {"$ref": reference}), direction)


def _deepest(schema: Schema, direction: Direction) -> Type:
    found: Type = ANYTHING
    for levels in range(LIMIT_LEVELS):
        look = _TypeLook(direction, LIMIT_FIELDS)
        try:
            found = look.at(schema, levels)
        except _Spent:
            break
        if not look.is_cut:
            break
    return found


class _Spent(Exception):
    """The budget is."""


class _TypeLook(Struct):
    direction: Direction
    fields_left: int
    is_cut: bool = False

    def at(self, schema: Schema | None, levels: int) -> Type:
        self.fields_left -= 1
        if self.fields_left < 0:
            raise _Spent
        if schema is None or levels < 0:
            self.is_cut = self.is_cut or schema is not None
            return ANYTHING
        reference = bare_reference(schema.node)
        if reference is None:
            return self.inside(schema, levels)
        seen = _seen(schema.document, reference, self.direction, levels)
        self.fields_left -= seen.fields
        self.is_cut = self.is_cut or seen.is_cut
        if self.fields_left < 0:
            raise _Spent
        return seen.type

    def inside(self, schema: Schema, levels: int) -> Type:
        plain = _plain_kind(schema.node)
        if plain is not None:
            return SCALARS.get(plain, ANYTHING)
        forms = alternatives(schema)
        if forms is None:
            return ANYTHING
        return _one_of(self.form(form, levels) for form in forms)

    def form(self, form: Alternative, levels: int) -> Type:
        if form.values is not None:
            return _one_of(map(type_of, form.values)) if _are_few(form.values) else _bare(form)
        return _one_of(self.kind(form, kind, levels) for kind in KINDS if kind in form.kinds)

    def kind(self, form: Alternative, kind: Kind, levels: int) -> Type:
        match kind:
            case "array":
                return ListOf(self.at(form.item, levels - 1))
            case "object":
                return self.object(form, levels)
        return SCALARS.get(kind, ANYTHING)

    def object(self, form: Alternative, levels: int) -> Object:
        fields = tuple(
            (name, self.at(schema, levels - 1))
            for name, schema in form.fields
            if not is_left_out(schema, self.direction)
        )
        refused = form.others is Others.REFUSED
        if self.direction == "read":
            refused = refused or (form.others is Others.SILENT and bool(form.fields))
        kept = {name for name, _ in fields}
        listed = {name for name, _ in form.fields}
        required = frozenset(n for n in form.required if n in kept or n not in listed)
        return Object(fields, refused, required)


class _Seen(Struct, frozen=True):
    """What a look at a schema that has a name came to, and what it cost."""

    type: Type
    fields: int
    is_cut: bool


@lru_cache(maxsize=LIMIT_KEPT)
def _seen(document: Document, reference: str, direction: Direction, levels: int) -> _Seen:
    """Kept, because schemas refer to the same others again and again."""
    look = _TypeLook(direction, LIMIT_FIELDS)
    try:
        found = look.inside(Schema(document, {"$ref": reference}), levels)
    except _Spent:
        return _Seen(ANYTHING, LIMIT_FIELDS + 1, is_cut=True)
    return _Seen(found, LIMIT_FIELDS - look.fields_left, look.is_cut)


@lru_cache(maxsize=LIMIT_KEPT)
def is_left_out(schema: Schema, direction: Direction) -> bool:
    """Whether a field goes the other way only: `readOnly` is never sent, `writeOnly` never read."""
    try:
        node = follow(schema.document, schema.node)
    except Unresolved:
        return False
    word = "readOnly" if direction == "sent" else "writeOnly"
    return any(isinstance(part, dict) and part.get(word) is True for part in (schema.node, node))


def _plain_kind(node: Json) -> Kind | None:
    """The kind of a schema that says nothing but that a value is a text, a number or a truth: most fields are such."""
    if not isinstance(node, dict) or not node.keys() <= _PLAIN:
        return None
    return next((kind for kind in _SCALARS if kind == node.get("type")), None)


def _are_few(values: tuple[Json, ...]) -> bool:
    return len(values) <= MAXIMUM_MEMBERS


def _bare(form: Alternative) -> Type:
    scalars = [
        SCALARS.get(kind, ANYTHING) for kind in form.kinds if kind not in ("array", "object")
    ]
    return join(scalars) if len(scalars) == len(form.kinds) else ANYTHING
