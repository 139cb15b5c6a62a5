"""The inputs of a run against what the workflow declares: unknown, missing, ill-typed; all problems at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from flowdsl.language.conformance.words import KINDS, must, shown, where
from flowdsl.plan.json import exact
from flowdsl.plan.nodes import Input
from flowdsl.plan.values import Json
from flowdsl.plan.words import did_you_mean, listed

DIGITS_MAX = 4_300  # of a number written out
LEVELS_MAX = 100  # of lists and objects in each other, as in a file


class InputProblem(Struct, frozen=True):
    """`name` is the input it is about; `is_missing`: that it was not given is all that is wrong."""

    name: str
    message: str
    help: str = ""
    is_missing: bool = False


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
            message = f"the input `{declared.name}` is missing"
            problems.append(InputProblem(declared.name, message, is_missing=True))
    return problems or values


def from_text(declared: Input, text: str) -> Json | InputProblem:
    """What `-i NAME=TEXT` means: a text stays one, everything else is read by the input's type."""
    kind = declared.schema.get("type") if isinstance(declared.schema, dict) else None
    match kind:
        case "boolean":
            words = {"true": True, "false": False}
            return words[text] if text in words else _unread(declared, KINDS["boolean"], text)
        case "integer" | "number":
            return _number(declared, text, whole=kind == "integer")
        case "array" | "object":
            return _structure(declared, text, list if kind == "array" else dict)
        case _:
            return text


def problems_of(declared: Input, value: Json, called: str = "") -> list[InputProblem]:
    """Where `value` is not what the schema of the input asks for. `called`: what messages call it."""
    called = called or f"the input `{declared.name}`"
    if unsendable := _unsendable(value):
        return [InputProblem(declared.name, f"{called} holds {unsendable}")]
    schema = declared.schema if isinstance(declared.schema, dict) else {}
    if _is_plainly(schema, value):
        return []
    from flowdsl.language.conformance.value import Uncheckable, errors_of

    try:
        errors = errors_of(schema, value)
    except Uncheckable as error:
        message = f"{called} cannot be checked: {error}"
        return [InputProblem(declared.name, message, "say less in its schema, or give it less")]
    return [
        InputProblem(
            declared.name,
            f"{called}{f' at `{path}`' if (path := where(error)) else ''} "
            + must(error, secret=declared.secret),
        )
        for error in errors
    ]


def _is_plainly(schema: dict[str, Json], value: Json) -> bool:
    """Whether the schema says no more than a type, and the value is of it: most are, and jsonschema is not loaded for them."""
    if not schema.keys() <= {"type"}:
        return False
    match schema.get("type"), value:
        case ("boolean", bool()) | ("string", str()) | ("array", list()) | ("object", dict()):
            return True
        case ("integer", int()) | ("number", int() | Decimal()):
            return not isinstance(value, bool)
        case _:
            return False


def _unsendable(value: Json, levels: int = LEVELS_MAX) -> str:
    """What no request could carry: found before the run starts."""
    match value:
        case list() | dict() if levels == 0:
            return f"more than {LEVELS_MAX} levels"
        case str() if any("\ud800" <= letter <= "\udfff" for letter in value):
            return "half a surrogate pair, which is not a character"
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
    wanted = KINDS["integer" if whole else "number"]
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
    found = "" if declared.secret else f", not `{shown(text)}`"
    return InputProblem(declared.name, f"the input `{declared.name}` must be {wanted}{found}")
