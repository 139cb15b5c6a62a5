"""The functions expressions may call. Each takes values and gives a value or a `Fault`, and pays.

`default` is listed for its number of arguments only: it decides whether its first argument is
evaluated to an end, so it is a closure of its own.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from flowdsl.plan.expression.budget import LARGEST_EXPONENT, PRECISION, Frame, Value
from flowdsl.plan.expression.fault import Fault
from flowdsl.plan.expression.operations import (
    Number,
    bounded,
    check_order,
    is_number,
    kind,
    plus,
    refuse_secret,
    short_enough,
    text_of,
    truth,
    unsigned_zero,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MAXIMUM_ARGUMENTS = 64


class Function(Struct, frozen=True):
    """`least` and `most`: how many arguments it takes."""

    least: int
    most: int
    usage: str
    apply: Callable[[Frame, list[Value]], Value]


def arity_problem(name: str, given: int) -> str | None:
    """What is wrong with calling `name` with so many arguments, if anything is."""
    function = FUNCTIONS[name]
    if function.least <= given <= function.most:
        return None
    return f"`{function.usage}` was given {given} argument{'' if given == 1 else 's'}"


def _length(_frame: Frame, arguments: list[Value]) -> Value:
    value = arguments[0]
    if isinstance(value, str | list | dict):
        return len(value)
    raise _unfit("len", "text, a list or an object", value)


def _sum(frame: Frame, arguments: list[Value]) -> Value:
    total: Value = 0
    for item in _list("sum", arguments[0], frame):
        if not is_number(item):
            raise _unfit("sum", "a list of numbers", item, "an item")
        total = plus(frame, total, item)
    return total


def _extreme(name: str, frame: Frame, arguments: list[Value]) -> Value:
    items = _list(name, arguments[0], frame) if len(arguments) == 1 else arguments
    if not items:
        raise Fault(f"`{name}` of an empty list has no value")
    best = items[0]
    check_order(frame, best, best, name)
    for item in items[1:]:
        check_order(frame, best, item, name)
        if (item < best) if name == "min" else (item > best):  # type: ignore[operator]
            best = item
    return best


def _absolute(_frame: Frame, arguments: list[Value]) -> Value:
    value = _number("abs", arguments[0])
    return abs(value) if isinstance(value, int) else value.copy_abs()


def _round(frame: Frame, arguments: list[Value]) -> Value:
    value = _number("round", arguments[0])
    if len(arguments) == 1:
        return value if isinstance(value, int) else int(_quantize(frame, value, 0))
    digits = arguments[1]
    if type(digits) is not int or not 0 <= digits <= PRECISION:
        raise Fault(f"`round` rounds to 0 to {PRECISION} digits after the point")
    return value if isinstance(value, int) else _quantize(frame, value, digits)


def _quantize(frame: Frame, value: Decimal, digits: int) -> Decimal:
    exponent = short_enough(value).as_tuple().exponent
    if int(exponent) >= -digits:
        return value
    if value.adjusted() + digits >= PRECISION:
        raise Fault(f"`round` cannot keep more than {PRECISION} digits")
    return unsigned_zero(frame.decimals.quantize(value, Decimal(1).scaleb(-digits)))


def _string(frame: Frame, arguments: list[Value]) -> Value:
    return text_of(frame, arguments[0])


_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_NUMBER = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,5})?\s*")
_LONGEST_NUMBER = 4_300


def _integer(frame: Frame, arguments: list[Value]) -> Value:
    value = arguments[0]
    if isinstance(value, str):
        if not _INTEGER.fullmatch(_short(frame, value)):
            raise Fault("`int` was given text that is not a whole number")
        return bounded(int(value))
    number = _number("int", value)
    return number if isinstance(number, int) else bounded(int(short_enough(number)))


def _to_number(frame: Frame, arguments: list[Value]) -> Value:
    value = arguments[0]
    if not isinstance(value, str):
        return _number("number", value)
    if not _NUMBER.fullmatch(_short(frame, value)):
        raise Fault("`number` was given text that is not a number")
    if _INTEGER.fullmatch(value):
        return bounded(int(value))
    return short_enough(Decimal(value.strip()))


def _short(frame: Frame, text: str) -> str:
    if len(text) > _LONGEST_NUMBER:
        raise Fault(f"a number is at most {_LONGEST_NUMBER:,} digits long")
    frame.take_text(len(text))
    return text


def _any(frame: Frame, arguments: list[Value]) -> Value:
    return any(truth(item) for item in _list("any", arguments[0], frame))


def _all(frame: Frame, arguments: list[Value]) -> Value:
    return all(truth(item) for item in _list("all", arguments[0], frame))


def _sorted(frame: Frame, arguments: list[Value]) -> Value:
    items = _list("sorted", arguments[0], frame)
    frame.take_list(len(items))
    frame.spend(len(items) * len(items).bit_length())
    for item in items:
        check_order(frame, items[0], item, "sorted")
    return sorted(items)  # type: ignore[type-var]


def _keys(frame: Frame, arguments: list[Value]) -> Value:
    fields = _object("keys", arguments[0])
    frame.take_list(len(fields))
    return list(fields)


def _values(frame: Frame, arguments: list[Value]) -> Value:
    fields = _object("values", arguments[0])
    frame.take_list(len(fields))
    return list(fields.values())


def _default(_frame: Frame, arguments: list[Value]) -> Value:
    return arguments[0] if arguments[0] is not None else arguments[1]


def _chunks(frame: Frame, arguments: list[Value]) -> Value:
    items = _list("chunks", arguments[0], frame)
    size = arguments[1]
    if type(size) is not int or size < 1:
        raise Fault("`chunks(list, n)` needs a whole number of at least 1 as its second argument")
    frame.take_list(2 * len(items))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _lower(frame: Frame, arguments: list[Value]) -> Value:
    text = _text("lower", arguments[0])
    frame.take_text(3 * len(text))  # one letter becomes three at most
    return text.lower()


def _upper(frame: Frame, arguments: list[Value]) -> Value:
    text = _text("upper", arguments[0])
    frame.take_text(3 * len(text))
    return text.upper()


def _join(frame: Frame, arguments: list[Value]) -> Value:
    items = _list("join", arguments[0], frame)
    separator = _text("join", arguments[1])
    texts: list[str] = []
    for item in items:
        frame.spend(1)
        if not isinstance(item, str):
            raise _unfit("join", "a list of texts", item, "an item")
        texts.append(item)
    frame.take_text(sum(map(len, texts)) + len(separator) * max(0, len(texts) - 1))
    return separator.join(texts)


def _list(name: str, value: Value, frame: Frame) -> list[Value]:
    if not isinstance(value, list):
        raise _unfit(name, "a list", value)
    frame.spend(len(value))
    return value


def _object(name: str, value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise _unfit(name, "an object", value)
    return value


def _text(name: str, value: Value) -> str:
    if not isinstance(value, str):
        raise _unfit(name, "text", value)
    return value


def _number(name: str, value: Value) -> Number:
    if is_number(value):
        return value
    raise _unfit(name, "a number", value)


def _unfit(name: str, wanted: str, value: Value, what: str = "this") -> Fault:
    refuse_secret(value, f"given to `{name}`")
    return Fault(f"`{name}` needs {wanted}, and {what} is {kind(value)}")


FUNCTIONS: MappingProxyType[str, Function] = MappingProxyType(
    {
        "len": Function(1, 1, "len(x)", _length),
        "sum": Function(1, 1, "sum(list)", _sum),
        "min": Function(
            1, MAXIMUM_ARGUMENTS, "min(list) or min(a, b, …)", partial(_extreme, "min")
        ),
        "max": Function(
            1, MAXIMUM_ARGUMENTS, "max(list) or max(a, b, …)", partial(_extreme, "max")
        ),
        "abs": Function(1, 1, "abs(number)", _absolute),
        "round": Function(1, 2, "round(number, digits)", _round),
        "str": Function(1, 1, "str(x)", _string),
        "int": Function(1, 1, "int(x)", _integer),
        "number": Function(1, 1, "number(x)", _to_number),
        "any": Function(1, 1, "any(list)", _any),
        "all": Function(1, 1, "all(list)", _all),
        "sorted": Function(1, 1, "sorted(list)", _sorted),
        "keys": Function(1, 1, "keys(object)", _keys),
        "values": Function(1, 1, "values(object)", _values),
        "default": Function(2, 2, "default(x, otherwise)", _default),
        "chunks": Function(2, 2, "chunks(list, n)", _chunks),
        "lower": Function(1, 1, "lower(text)", _lower),
        "upper": Function(1, 1, "upper(text)", _upper),
        "join": Function(2, 2, "join(list, separator)", _join),
    }
)

assert LARGEST_EXPONENT < _LONGEST_NUMBER
