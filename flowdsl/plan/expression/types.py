"""What is known of a value before anything runs.

`Anything` is what nobody described: it is compatible with everything, so that what is not known is
never complained about. `from_schema` reads the part of JSON Schema that says something about paths.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from flowdsl.plan.expression import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowdsl.plan.values import Json

Kind: TypeAlias = Literal["null", "boolean", "integer", "number", "text", "secret"]
Group: TypeAlias = Literal["null", "boolean", "number", "text", "secret", "list", "object"]
MAXIMUM_LEVELS = 32  # of a schema; what is deeper is Anything
MAXIMUM_MEMBERS = 16  # of a union, and values of an enumeration that are remembered


class Anything(Struct, frozen=True):
    pass


class ScalarType(Struct, frozen=True):
    """`values`: all it can be, if that is known (a literal, an enumeration)."""

    kind: Kind
    values: tuple[tree.Scalar, ...] = ()


class ListOf(Struct, frozen=True):
    item: Type


@dataclass(frozen=True, slots=True)
class Object:
    """`closed`: there are no other fields. `required`: the fields that are surely there."""

    fields: tuple[tuple[str, Type], ...]
    closed: bool = True
    required: frozenset[str] = frozenset()
    by_name: dict[str, Type] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", dict(reversed(self.fields)))

    def field(self, name: str) -> Type | None:
        return self.by_name.get(name)


class Union(Struct, frozen=True):
    """One of several. Made by `join`, which keeps unions flat and at least two long."""

    members: tuple[Type, ...]


Type: TypeAlias = "Anything | ScalarType | ListOf | Object | Union"

ANYTHING = Anything()
NULL = ScalarType("null")
BOOLEAN = ScalarType("boolean")
INTEGER = ScalarType("integer")
NUMBER = ScalarType("number")
TEXT = ScalarType("text")
SECRET = ScalarType("secret")
# As JSON Schema names them.
SCALARS: Mapping[str, Type] = MappingProxyType(
    {"null": NULL, "boolean": BOOLEAN, "integer": INTEGER, "number": NUMBER, "string": TEXT}
)


def members(given: Type) -> tuple[Type, ...]:
    return given.members if isinstance(given, Union) else (given,)


def join(types: Iterable[Type]) -> Type:
    """What is one of these; nothing at all is Anything. Anything swallows all but null."""
    found = dict.fromkeys(member for given in types for member in members(given))
    if ANYTHING in found:
        return Union((ANYTHING, NULL)) if NULL in found else ANYTHING
    plain = {
        member.kind for member in found if isinstance(member, ScalarType) and not member.values
    }
    kept = tuple(
        member
        for member in found
        if not (isinstance(member, ScalarType) and member.values and member.kind in plain)
    )
    if not kept or len(kept) > MAXIMUM_MEMBERS:
        return ANYTHING
    return kept[0] if len(kept) == 1 else Union(kept)


def optional(given: Type) -> Type:
    """The same, or null: a step that may be skipped, an input that may be left out."""
    return join((given, NULL))


def may_be_null(given: Type) -> bool:
    return any(
        isinstance(member, ScalarType) and member.kind == "null" for member in members(given)
    )


def without_null(given: Type) -> Type:
    """What is left when it is known not to be null."""
    if isinstance(
        given, Object | ListOf
    ):  # as it is: to compare it with itself takes as long as it is large
        return given
    return join(
        member
        for member in members(given)
        if not (isinstance(member, ScalarType) and member.kind == "null")
    )


def group(member: Type) -> Group | None:
    """What the operators tell apart: integers and decimals are numbers. None: could be any."""
    match member:
        case ScalarType(kind="integer"):
            return "number"
        case ScalarType(kind=("null" | "boolean" | "number" | "text" | "secret") as kind):
            return kind
        case ListOf():
            return "list"
        case Object():
            return "object"
    return None


def groups(given: Type) -> frozenset[Group] | None:
    """The groups a value may be of, or None when it may be of any."""
    found = [group(member) for member in members(given)]
    return None if None in found else frozenset(one for one in found if one is not None)


def shared_groups(left: Type, right: Type, wanted: frozenset[Group]) -> frozenset[Group]:
    """The wanted groups both may be of."""
    for given in (left, right):
        found = groups(given)
        wanted = wanted if found is None else wanted & found
    return wanted


def surely_equal(left: Type, right: Type) -> bool | None:
    """Whether two values are surely equal (True) or surely not (False)."""
    answers = {_members_equal(one, other) for one in members(left) for other in members(right)}
    return answers.pop() if len(answers) == 1 else None


def _members_equal(left: Type, right: Type) -> bool | None:
    one, other = group(left), group(right)
    if one is None or other is None:
        return None
    if one != other:
        return False
    if isinstance(left, ScalarType) and isinstance(right, ScalarType):
        if one == "null":
            return True
        if left.values and right.values:
            equal = {first == second for first in left.values for second in right.values}
            return equal.pop() if len(equal) == 1 else None
    return None


def describe(given: Type) -> str:
    """The type in words, for a message."""
    match given:
        case Anything():
            return "anything"
        case ScalarType(kind=kind):
            return next(words for name, words in _WORDS if name == kind)
        case ListOf(item=Anything()):
            return "a list"
        case ListOf(item=item):
            return f"a list of {_plural(item)}"
        case Object():
            return "an object"
        case Union(members=several):
            words = list(dict.fromkeys(describe(member) for member in several))
            return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


_WORDS: tuple[tuple[Kind, str], ...] = (
    ("null", "null"),
    ("boolean", "true or false"),
    ("integer", "a whole number"),
    ("number", "a number"),
    ("text", "text"),
    ("secret", "a secret"),
)


def _plural(item: Type) -> str:
    match item:
        case ScalarType(kind="integer" | "number"):
            return "numbers"
        case ScalarType(kind="text"):
            return "texts"
        case ListOf():
            return "lists"
        case Object():
            return "objects"
    return f"({describe(item)})"


def type_of(value: Json) -> Type:
    """The type of a value that is known."""
    match value:
        case None:
            return NULL
        case bool():
            return ScalarType("boolean", (value,))
        case int():
            return ScalarType("integer", (value,))
        case Decimal():
            return ScalarType("number", (value,)) if value.is_finite() else NUMBER
        case str():
            return ScalarType("text", (value,))
        case list():
            return ListOf(widen(join(type_of(item) for item in value)))
        case dict():
            fields = tuple((name, widen(type_of(item))) for name, item in value.items())
            return Object(fields, closed=True, required=frozenset(value))


def widen(given: Type) -> Type:
    """The type without the values it was known to have."""
    return join(
        ScalarType(member.kind) if isinstance(member, ScalarType) else member
        for member in members(given)
    )


def from_schema(schema: Json, *, levels: int = MAXIMUM_LEVELS) -> Type:
    """The type a JSON Schema describes, or Anything where it is silent or beyond this."""
    if not isinstance(schema, dict) or levels <= 0 or "$ref" in schema:
        return ANYTHING
    if schema.get("secret") is True:
        return SECRET
    if "const" in schema:
        return type_of(schema["const"])
    found = _described(schema, levels - 1)
    return optional(found) if schema.get("nullable") is True else found


def _described(schema: dict[str, Json], levels: int) -> Type:
    match schema:
        case {"enum": list(values)} if 0 < len(values) <= MAXIMUM_MEMBERS:
            return join(type_of(value) for value in values)
        case {"anyOf": list(choices)} | {"oneOf": list(choices)} if "properties" not in schema:
            return join(from_schema(choice, levels=levels) for choice in choices)
        case {"allOf": list(parts)}:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            own = [rest] if "properties" in rest or "type" in rest else []
            return _all_of([from_schema(part, levels=levels) for part in (*own, *parts)])
        case {"type": str(name)}:
            return _named(name, schema, levels)
        case {"type": list(names)} if names:
            return join(_named(str(name), schema, levels) for name in names)
        case {"properties": dict()}:
            return _object(schema, levels)
    return ANYTHING


def _named(name: str, schema: dict[str, Json], levels: int) -> Type:
    match name:
        case "array":
            return ListOf(from_schema(schema.get("items"), levels=levels))
        case "object":
            return _object(schema, levels)
        case _ if name.endswith("?"):
            return optional(_named(name[:-1], schema, levels))
    return SCALARS.get(name, ANYTHING)


def _object(schema: dict[str, Json], levels: int) -> Type:
    """A schema that lists properties and is silent about others has these: so reading is checked."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    fields = tuple((name, from_schema(kept, levels=levels)) for name, kept in properties.items())
    required = schema.get("required")
    named = (
        {name for name in required if isinstance(name, str)}
        if isinstance(required, list)
        else set()
    )
    with_default = {
        name for name, kept in properties.items() if isinstance(kept, dict) and "default" in kept
    }
    others = schema.get("additionalProperties", not properties)
    closed = others is False and "patternProperties" not in schema
    return Object(fields, closed, frozenset(named | with_default))


def _all_of(parts: list[Type]) -> Type:
    objects = [part for part in parts if isinstance(part, Object)]
    if len(objects) != len(parts) or not parts:
        return parts[0] if len(parts) == 1 else ANYTHING
    fields = {name: kept for part in objects for name, kept in part.fields}
    required = frozenset[str]().union(*(part.required for part in objects))
    return Object(tuple(fields.items()), all(part.closed for part in objects), required)
