"""What the operators do to JSON values: exact, total (a value or a `Fault`), and paid for.

true and false are not numbers here, `1 == true` is false and `1 == 1.0` is true. Nothing looks at a
secret: it can only be handed on.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from json import dumps
from operator import ge, gt, le, lt
from types import MappingProxyType
from typing import TypeAlias, TypeGuard

from flowdsl.plan.expression.budget import CHARACTERS_AN_OPERATION, LARGEST_EXPONENT, Frame, Value
from flowdsl.plan.expression.fault import Fault
from flowdsl.plan.values import Secret

Number: TypeAlias = "int | Decimal"
MAXIMUM_BITS = 14_284  # every integer of so many bits has at most 4,300 digits
MAXIMUM_BYTES = 4_096  # in memory, of a decimal: some 9,000 digits, more than any JSON of ours has
BITS_AN_OPERATION = 256  # long integers are multiplied and divided in long strides


def kind(value: Value) -> str:
    """The word for the type of a value, as messages say it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"
        case Secret() | tuple():
            return "a secret"
        case _:  # the types exclude it; data from outside may not know them
            return f"not a JSON value ({type(value).__name__})"  # type: ignore[unreachable]


def refuse_secret(value: Value, doing: str) -> None:
    if isinstance(value, Secret | tuple):
        raise Fault(f"a secret can only be handed on as it is, it cannot be {doing}")


def is_number(value: Value) -> TypeGuard[Number]:
    if type(value) is not Decimal:
        return type(value) is int
    if value.__sizeof__() > MAXIMUM_BYTES:  # known at once, where counting the digits would not be
        raise too_long()
    return value.is_finite()


def truth(value: Value) -> bool:
    """Python's truth: null, false, 0, and empty text, lists and objects are false."""
    if value is True or value is False:
        return value
    refuse_secret(value, "tested")
    return bool(value)


def plus(frame: Frame, left: Value, right: Value) -> Value:
    if type(left) is int and type(right) is int:
        return bounded(left + right)
    match left, right:
        case str(), str():
            frame.take_text(len(left) + len(right))
            return left + right
        case list(), list():
            frame.take_list(len(left) + len(right))
            return left + right
    if isinstance(left, Decimal | int) and isinstance(right, Decimal | int):
        one, other = _numbers("+", left, right)
        return frame.decimals.add(one, other)
    help_text = ""
    if isinstance(left, str) or isinstance(right, str):
        help_text = "; turn a value into text with `str(x)`"
    _refuse("+", left, right, help_text)
    raise AssertionError


def minus(frame: Frame, left: Value, right: Value) -> Value:
    one, other = _numbers("-", left, right)
    if type(one) is int and type(other) is int:
        return bounded(one - other)
    return frame.decimals.subtract(one, other)


def times(frame: Frame, left: Value, right: Value) -> Value:
    one, other = _numbers("*", left, right)
    _pay_for_digits(frame, one, other)
    if type(one) is int and type(other) is int:
        if one.bit_length() + other.bit_length() > MAXIMUM_BITS + 1:
            raise too_long()
        return bounded(one * other)
    return unsigned_zero(frame.decimals.multiply(one, other))


def divide(frame: Frame, left: Value, right: Value) -> Value:
    one, other = _divisible(frame, "/", left, right)
    if type(one) is int and type(other) is int and one % other == 0:
        return one // other
    return unsigned_zero(frame.decimals.divide(one, other))


def divide_down(frame: Frame, left: Value, right: Value) -> Value:
    one, other = _divisible(frame, "//", left, right)
    if type(one) is int and type(other) is int:
        return one // other
    context = frame.decimals
    quotient = context.divide_int(one, other)
    rest = context.remainder(one, other)
    if rest and (rest < 0) != (other < 0):  # decimals cut towards zero, integers round down
        quotient = context.subtract(quotient, 1)
    return unsigned_zero(quotient)


def modulo(frame: Frame, left: Value, right: Value) -> Value:
    one, other = _divisible(frame, "%", left, right)
    if type(one) is int and type(other) is int:
        return one % other
    context = frame.decimals
    rest = context.remainder(one, other)
    if rest and (rest < 0) != (other < 0):
        rest = context.add(rest, other)
    return unsigned_zero(rest)


Operator: TypeAlias = Callable[[Frame, Value, Value], Value]
OPERATORS: MappingProxyType[str, Operator] = MappingProxyType(
    {"+": plus, "-": minus, "*": times, "/": divide, "//": divide_down, "%": modulo}
)


def negate(_frame: Frame, value: Value) -> Value:
    refuse_secret(value, "computed with")
    if not is_number(value):
        raise Fault(f"`-` needs a number, and this is {kind(value)}")
    return unsigned_zero(value.copy_negate()) if isinstance(value, Decimal) else -value


def affirm(_frame: Frame, value: Value) -> Value:
    refuse_secret(value, "computed with")
    if is_number(value):
        return value
    raise Fault(f"`+` needs a number, and this is {kind(value)}")


def equal(frame: Frame, left: Value, right: Value) -> bool:
    """Equality of JSON, over any depth without recursion."""
    if type(left) is int and type(right) is int:
        return left == right
    pairs: list[tuple[Value, Value]] = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        frame.spend(1)
        refuse_secret(one, "compared")
        refuse_secret(other, "compared")
        if isinstance(one, dict) and isinstance(other, dict):
            frame.spend(len(one) + len(other))
            if one.keys() != other.keys():
                return False
            pairs.extend((value, other[key]) for key, value in one.items())
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            frame.spend(len(one))
            pairs.extend(zip(one, other, strict=True))
        elif not _equal_scalars(frame, one, other):
            return False
    return True


def _equal_scalars(frame: Frame, one: Value, other: Value) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        frame.spend(len(one) // CHARACTERS_AN_OPERATION)
        return one == other
    if is_number(one) and is_number(other):
        return one == other
    return type(one) is type(other) and one == other


def contains(frame: Frame, item: Value, container: Value) -> bool:
    """`item in container`: an item of a list, a part of a text, a key of an object."""
    refuse_secret(item, "compared")
    match container:
        case list():
            frame.spend(len(container))
            return any(equal(frame, item, other) for other in container)
        case str() if isinstance(item, str):
            frame.spend((len(item) + len(container)) // CHARACTERS_AN_OPERATION)
            return item in container
        case dict() if isinstance(item, str):
            return item in container
        case str() | dict():
            raise Fault(f"`in` looks for text in {kind(container)}, and this is {kind(item)}")
    refuse_secret(container, "compared")
    raise Fault(f"`in` needs a list, text or an object on its right, and this is {kind(container)}")


def check_order(frame: Frame, left: Value, right: Value, operator: str) -> None:
    """Numbers are ordered, and texts; nothing else is."""
    if isinstance(left, str) and isinstance(right, str):
        frame.spend(min(len(left), len(right)) // CHARACTERS_AN_OPERATION)
    elif not (is_number(left) and is_number(right)):
        _refuse(operator, left, right, "")


def _ordered(operator: str, holds: Callable[..., bool]) -> Callable[[Frame, Value, Value], bool]:
    def compare(frame: Frame, left: Value, right: Value) -> bool:
        if not (type(left) is int and type(right) is int):
            check_order(frame, left, right, operator)
        return holds(left, right)

    return compare


def _differ(frame: Frame, left: Value, right: Value) -> bool:
    return not equal(frame, left, right)


def _lacks(frame: Frame, item: Value, container: Value) -> bool:
    return not contains(frame, item, container)


COMPARISONS: MappingProxyType[str, Callable[[Frame, Value, Value], bool]] = MappingProxyType(
    {
        "==": equal,
        "!=": _differ,
        "<": _ordered("<", lt),
        "<=": _ordered("<=", le),
        ">": _ordered(">", gt),
        ">=": _ordered(">=", ge),
        "in": contains,
        "not in": _lacks,
    }
)


def bounded(number: int) -> int:
    if number.bit_length() > MAXIMUM_BITS:
        raise too_long()
    return number


def unsigned_zero(number: Decimal) -> Decimal:
    """There is one zero in JSON's numbers, as people read them."""
    return number or number.copy_abs()


def text_of(frame: Frame, value: Value) -> str:
    """A value as text: text as it is, everything else as compact JSON."""
    if isinstance(value, str):
        return value
    pieces: list[str] = []
    _write(frame, value, pieces.append)
    return "".join(pieces)


def _write(frame: Frame, value: Value, put: Callable[[str], None]) -> None:
    match value:
        case None:
            piece = "null"
        case bool():
            piece = "true" if value else "false"
        case int():
            piece = str(bounded(value))
        case Decimal() if value.is_finite():
            piece = format(short_enough(value), "f")
        case str():
            piece = dumps(value, ensure_ascii=False)
        case list():
            frame.spend(len(value))
            _write_all("[", "]", [("", item) for item in value], frame, put)
            return
        case dict():
            frame.spend(len(value))
            fields = [(f"{dumps(key, ensure_ascii=False)}:", item) for key, item in value.items()]
            _write_all("{", "}", fields, frame, put)
            return
        case _:
            refuse_secret(value, "turned into text")
            raise Fault(f"{kind(value)} cannot be turned into text")
    frame.take_text(len(piece))
    put(piece)


def _write_all(
    opening: str,
    closing: str,
    parts: list[tuple[str, Value]],
    frame: Frame,
    put: Callable[[str], None],
) -> None:
    put(opening)
    for position, (name, item) in enumerate(parts):
        frame.take_text(1 + len(name))
        if position:
            put(",")
        put(name)
        _write(frame, item, put)
    frame.take_text(1)
    put(closing)


def short_enough(number: Decimal) -> Decimal:
    """A decimal that can be written out without filling the memory with zeros."""
    if not is_number(number):
        raise Fault("this is not a finite number")
    exponent = number.as_tuple().exponent
    if abs(number.adjusted()) > LARGEST_EXPONENT or abs(int(exponent)) > 2 * LARGEST_EXPONENT:
        raise too_long()
    return number


def _numbers(operator: str, left: Value, right: Value) -> tuple[Number, Number]:
    if is_number(left) and is_number(right):
        return left, right
    _refuse(operator, left, right, "")
    raise AssertionError


def _pay_for_digits(frame: Frame, one: Number, other: Number) -> None:
    for number in (one, other):
        if isinstance(number, int):
            frame.spend(number.bit_length() // BITS_AN_OPERATION)


def _divisible(frame: Frame, operator: str, left: Value, right: Value) -> tuple[Number, Number]:
    one, other = _numbers(operator, left, right)
    if not other:
        raise Fault("division by zero")
    _pay_for_digits(frame, one, other)
    return one, other


def _refuse(operator: str, left: Value, right: Value, help_text: str) -> None:
    refuse_secret(left, "computed with")
    refuse_secret(right, "computed with")
    raise Fault(f"`{operator}` cannot take {kind(left)} and {kind(right)}{help_text}")


def too_long() -> Fault:
    return Fault("this number is too large: at most 4,300 digits")
