"""What a validator found, in words that go on from the name of the value: "must be at least 1, not 0".

The one place that knows how a complaint of JSON Schema reads, be it about a workflow file, the schema of a signal, an
input or an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

from flowdsl.plan.json import to_text
from flowdsl.plan.values import Json
from flowdsl.plan.words import listed

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SHOWN_CHARACTERS_MAX = 60
SHOWN_WORDS_MAX = 30  # of an `enum`

KINDS = MappingProxyType(
    {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list",
        "object": "an object",
        "null": "null",
    }
)
_BOUNDS = MappingProxyType(
    {
        "minimum": "at least",
        "maximum": "at most",
        "exclusiveMinimum": "more than",
        "exclusiveMaximum": "less than",
        "multipleOf": "a multiple of",
    }
)
_SIZES = MappingProxyType({"Length": "character", "Items": "item", "Properties": "field"})


def must(error: ValidationError, *, secret: bool = False) -> str:
    """What must be, and what was found; of a secret, only what must be."""
    wanted, found = _be(error), "" if secret else f", not {found_words(error.instance)}"
    return f"must be {wanted}{found}" if wanted else f"must {_otherwise(error, secret=secret)}"


def must_be(wanted: str, found: object) -> str:
    is_another_object = isinstance(found, dict) and "{" in wanted
    return f"must be {wanted}" + ("" if is_another_object else f", not {found_words(found)}")


def where(error: ValidationError) -> str:
    """The way to a part of a value, as an expression writes it; "" is the whole."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
    return path.removeprefix(".")


def asked(error: ValidationError) -> Json:
    """What the keyword of the schema asks for."""
    value: Json = error.validator_value  # type: ignore[assignment]  # set on every error that is raised
    return value


def is_empty(error: ValidationError) -> bool:
    """Whether nothing is there where something must be."""
    at_least_one = error.validator in ("minLength", "minItems", "minProperties")
    return at_least_one and asked(error) == 1


def _be(error: ValidationError) -> str:
    """What it must be; "" where that is said with another verb."""
    value, keyword = asked(error), str(error.validator)
    match keyword:
        case "type":
            return kinds([value] if isinstance(value, str) else value)
        case "anyOf" | "oneOf":
            return _one_of_the_forms(error)
        case "enum" if isinstance(value, list):
            return either(value)
        case "const":
            return f"`{shown(value)}`"
    return f"{_BOUNDS[keyword]} {value}" if keyword in _BOUNDS else ""


def _otherwise(error: ValidationError, *, secret: bool) -> str:
    value, given, keyword = asked(error), error.instance, str(error.validator)
    if is_empty(error):
        return "not be empty"
    match keyword[:3], value:
        case (("min" | "max"), int()) if keyword[3:] in _SIZES and isinstance(
            given, str | list | dict
        ):
            thing = f"{value} {_SIZES[keyword[3:]]}{'' if value == 1 else 's'}"
            most = "at least" if keyword[:3] == "min" else "at most"
            return f"have {most} {thing}" + ("" if secret else f", not {len(given)}")
    match keyword:
        case "required" if isinstance(value, list) and isinstance(given, dict):
            return f"have {listed(name for name in map(str, value) if name not in given)}"
        case "additionalProperties" | "unevaluatedProperties":
            return "have no other field" + ("" if secret else _others(error))
        case "pattern":
            return f"match `{shown(value)}`" + (
                "" if secret else f", and `{shown(given)}` does not"
            )
        case "uniqueItems":
            return "not hold an item twice"
    return "be as its schema describes it"


def kinds(names: object) -> str:
    """The kinds of JSON Schema in words; every whole number is a number."""
    known = [kind for kind in KINDS if isinstance(names, list) and kind in names]
    if "number" in known and "integer" in known:
        known.remove("integer")
    return in_a_row(KINDS[kind] for kind in known)


def either(values: list[Json]) -> str:
    """`a` or `b`: the first of them, and how many more there are."""
    known = [f"`{shown(value)}`" for value in values[:SHOWN_WORDS_MAX]]
    more = len(values) - SHOWN_WORDS_MAX
    return in_a_row([*known, f"one of {more} more"] if more > 0 else known)


def in_a_row(words: Iterable[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} or {last}" if before else last


def _one_of_the_forms(error: ValidationError) -> str:
    """Where every form wants another kind of value, the kinds; else no more than that none fits."""
    parts = error.context or []
    if parts and all(part.validator == "type" and not part.path for part in parts):
        lists = [value if isinstance(value := asked(part), list) else [value] for part in parts]
        return kinds([kind for each in lists for kind in each])
    return "one of the forms that its schema describes"


def _others(error: ValidationError) -> str:
    schema, given = error.schema, error.instance
    if not isinstance(schema, dict) or not isinstance(given, dict) or "patternProperties" in schema:
        return ""
    return f", and has {listed(name for name in given if name not in schema.get('properties', {}))}"


def found_words(given: object) -> str:
    """What was found instead."""
    match given:
        case None | bool():
            return to_text(given)
        case str():
            return f"the text `{shown(given)}`" if given else "an empty text"
        case int() | Decimal() | float():
            return shown(given)
        case list():
            return "a list"
    return "an object"


def shown(value: object) -> str:
    text = to_text(value) if isinstance(value, bool) or value is None else str(value)
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 1] + "…"
