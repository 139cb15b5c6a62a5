"""The inputs of a run against what the workflow declares: unknown, missing, ill-typed; all problems at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from jsonschema.exceptions import ValidationError

from flowdsl.language.conformance.value import Uncheckable, errors_of
from flowdsl.language.parse.schema import asked
from flowdsl.language.parse.vocabulary import did_you_mean, listed
from flowdsl.plan.json import exact
from flowdsl.plan.nodes import Input
from flowdsl.plan.values import Json

DIGITS_MAX = 4_300  # of a number written out
WORDS_MAX = 30  # of an `enum` that are told
LEVELS_MAX = 100  # of lists and objects in each other, as in a file


@dataclass(frozen=True, slots=True)
class InputProblem:
    """`name` is the input it is about."""

    name: str
    message: str
    help: str = ""


def read_inputs(
    inputs: tuple[Input, ...], given: Mapping[str, Json]
) -> dict[str, Json] | list[InputProblem]:
    """The value of every input, defaults filled in and null where an optional one is left out."""
    problems = [_unknown(name, inputs) for name in given if name not in {i.name for i in inputs}]
    values: dict[str, Json] = {}
    for declared in inputs:
        if given.get(declared.name) is not None:
            value = given[declared.name]
            problems += problems_of(declared, value)
            values[declared.name] = value
        elif declared.has_default:
            values[declared.name] = declared.default
        elif declared.optional:
            values[declared.name] = None
        else:
            hint = f"add -i {declared.name}=…"
            problems.append(
                InputProblem(declared.name, f"the input `{declared.name}` is missing", hint)
            )
    return problems or values


def from_text(declared: Input, text: str) -> Json | InputProblem:
    """What `-i NAME=TEXT` means: a text stays one, everything else is read by the input's type."""
    kind = declared.schema.get("type") if isinstance(declared.schema, dict) else None
    match kind:
        case "boolean":
            words = {"true": True, "false": False}
            return words[text] if text in words else _unread(declared, "true or false", text)
        case "integer" | "number":
            return _number(declared, text, whole=kind == "integer")
        case "array" | "object":
            return _structure(declared, text, list if kind == "array" else dict)
        case _:
            return text


def problems_of(declared: Input, value: Json) -> list[InputProblem]:
    """Where `value` is not what the schema of the input asks for."""
    if unsendable := _unsendable(value):
        return [InputProblem(declared.name, f"the input `{declared.name}` holds {unsendable}")]
    schema = declared.schema if isinstance(declared.schema, dict) else {}
    try:
        errors = errors_of(schema, value)
    except Uncheckable as error:
        message = f"the input `{declared.name}` cannot be checked: {error}"
        return [InputProblem(declared.name, message, "say less in its schema, or give it less")]
    return [
        InputProblem(declared.name, f"the input `{declared.name}`{_where(error)} {_what(error)}")
        for error in errors
    ]


def _unsendable(value: Json, levels: int = LEVELS_MAX) -> str:
    """What no request could carry: found before the run starts."""
    match value:
        case list() | dict() if levels == 0:
            return f"more than {LEVELS_MAX} levels"
        case str() if any("\ud800" <= letter <= "\udfff" for letter in value):
            return "half a surrogate pair, which is no character"
        case Decimal() if value and abs(value.adjusted()) >= DIGITS_MAX:
            return f"a number of more than {DIGITS_MAX:,} digits"
        case list():
            return next(filter(None, (_unsendable(item, levels - 1) for item in value)), "")
        case dict():
            return _unsendable([*value, *value.values()], levels)
        case _:
            return ""


def _unknown(name: str, inputs: tuple[Input, ...]) -> InputProblem:
    names = [declared.name for declared in inputs]
    hint = did_you_mean(name, names) or (
        f"the inputs are {listed(names)}" if names else "this workflow has no inputs"
    )
    return InputProblem(name, f"there is no input `{name}`", hint)


def _number(declared: Input, text: str, *, whole: bool) -> Json | InputProblem:
    if len(text) > 1000:
        return _unread(declared, "a number of at most 1,000 digits", f"{text[:20]}…")
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    wanted = "a whole number" if whole else "a number"
    if not number.is_finite() or "_" in text or not text.isascii() or abs(number.adjusted()) > 1000:
        return _unread(declared, wanted, text)
    if number == number.to_integral_value() and number.as_tuple().exponent == 0:
        return int(number)
    return _unread(declared, wanted, text) if whole else number


def _structure(
    declared: Input, text: str, wanted: type[list[Json] | dict[str, Json]]
) -> Json | InputProblem:
    what = "a JSON list" if wanted is list else "a JSON object"
    try:
        value: Json = json.loads(text, parse_float=exact, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _unread(declared, what, text)
    return value if isinstance(value, wanted) else _unread(declared, what, text)


def _refuse_constant(word: str) -> Json:
    raise ValueError(word)


def _unread(declared: Input, wanted: str, text: str) -> InputProblem:
    shown = "a secret" if declared.secret else f"`{text[:60]}`"
    return InputProblem(declared.name, f"the input `{declared.name}` is {wanted}, not {shown}")


def _where(error: ValidationError) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
    return f" at `{path.removeprefix('.')}`" if path else ""


def _first(values: list[Json]) -> str:
    """All of them, or how many more there are."""
    known = [f"{value!s:.100}" for value in values[:WORDS_MAX]]
    more = [f"{len(values) - WORDS_MAX} more"] if len(values) > WORDS_MAX else []
    return ", ".join([*known, *more])


_KINDS = (
    ("string", "a text"),
    ("integer", "a whole number"),
    ("number", "a number"),
    ("boolean", "true or false"),
    ("array", "a list"),
    ("object", "an object"),
    ("null", "null"),
)


def _what(error: ValidationError) -> str:
    value = asked(error)
    match error.validator:
        case "type":
            kinds = value if isinstance(value, list) else [value]
            return "is " + " or ".join(dict(_KINDS)[str(kind)] for kind in kinds)
        case "required":
            wanted = [str(name) for name in value] if isinstance(value, list) else []
            there = error.instance if isinstance(error.instance, dict) else {}
            return f"needs {listed(name for name in wanted if name not in there)}"
        case "additionalProperties":
            return "has a field that is not declared"
        case "enum" if isinstance(value, list):
            return f"is one of {_first(value)}"
        case "const":
            return f"is {value!s:.200}"
        case "minimum" | "exclusiveMinimum":
            return f"is {'at least' if error.validator == 'minimum' else 'more than'} {value}"
        case "maximum" | "exclusiveMaximum":
            return f"is {'at most' if error.validator == 'maximum' else 'less than'} {value}"
        case "minLength" | "minItems":
            return f"is too short: at least {value}"
        case "maxLength" | "maxItems":
            return f"is too long: at most {value}"
        case "pattern":
            return f"does not match {value}"
        case _:
            return "is not what was declared"
