"""What a validator found, in words: `price` is a number, not text."""

from __future__ import annotations

from decimal import Decimal

from jsonschema.exceptions import ValidationError

from flowdsl.language.parse.schema import asked
from flowdsl.language.parse.vocabulary import listed
from flowdsl.plan.values import Json

LIMIT_SHOWN = 60

_KINDS = (
    ("string", "text"),
    ("integer", "a whole number"),
    ("number", "a number"),
    ("boolean", "true or false"),
    ("array", "a list"),
    ("object", "an object"),
    ("null", "null"),
)


def where(error: ValidationError) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
    return f"`{path.removeprefix('.')}`" if path else "the body"


def told(error: ValidationError) -> str:
    value, given = asked(error), error.instance
    match error.validator:
        case "type":
            wanted: list[Json] = value if isinstance(value, list) else [value]
            return f"is {kinds(wanted)}, not {_found(given)}"
        case "required":
            names = [str(name) for name in value] if isinstance(value, list) else []
            there = given if isinstance(given, dict) else {}
            return f"needs {listed(name for name in names if name not in there)}"
        case "additionalProperties":
            return "has a field that is not described"
        case "enum" if isinstance(value, list):
            return f"is one of {listed(_shown(item) for item in value)}, not {_found(given)}"
        case "const":
            return f"is `{_shown(value)}`, not {_found(given)}"
        case "minimum":
            return f"is at least {value}, not {_found(given)}"
        case "maximum":
            return f"is at most {value}, not {_found(given)}"
        case "exclusiveMinimum":
            return f"is more than {value}, not {_found(given)}"
        case "exclusiveMaximum":
            return f"is less than {value}, not {_found(given)}"
        case "minLength" | "minItems" | "minProperties":
            return f"is too short: at least {value}"
        case "maxLength" | "maxItems" | "maxProperties":
            return f"is too long: at most {value}"
        case "pattern":
            return f"does not match the pattern {_shown(value)}"
        case "anyOf":
            return _none_of(error)
    return "is not as described"


def kinds(wanted: list[Json]) -> str:
    """The kinds of JSON Schema in words; every whole number is a number."""
    names = [words for kind, words in _KINDS if kind in wanted]
    if "number" in wanted and "integer" in wanted:
        names.remove("a whole number")
    return " or ".join(names)


def _none_of(error: ValidationError) -> str:
    """Where every form wants another kind of value, the kinds; else no more than that none fits."""
    told_of = [part for part in error.context or () if part.validator == "type" and not part.path]
    if len(told_of) == len(error.context or ()) > 0:
        lists = [value if isinstance(value := asked(part), list) else [value] for part in told_of]
        return (
            f"is {kinds([kind for each in lists for kind in each])}, not {_found(error.instance)}"
        )
    return "is none of the forms that are described"


def _found(given: object) -> str:
    match given:
        case None:
            return "null"
        case bool():
            return str(given).lower()
        case str():
            return f"the text `{_shown(given)}`"
        case int() | Decimal():
            return _shown(given)
        case list():
            return "a list"
    return "an object"


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= LIMIT_SHOWN else text[: LIMIT_SHOWN - 1] + "…"
