"""What makes two situations the same to the explorer: every field counts, or says why it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from types import NoneType, UnionType
from typing import Any, TypeGuard, Union, get_args, get_origin, get_type_hints

import pytest
from msgspec import Struct
from msgspec.structs import replace

from flowdsl.explorer.sameness import IN_SHORT, LEFT_OUT, Sameness, known_as
from flowdsl.saga.state import State


class AnyJson:
    """Stands for `Json`, which is made of itself."""


def hints_of(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, localns={"Json": AnyJson})


def is_record(kind: Any) -> TypeGuard[type[Struct]]:
    return isinstance(kind, type) and issubclass(kind, Struct)


def kinds_in(kind: Any) -> Iterator[type[Struct]]:
    """Every record that an annotation speaks of, itself included."""
    if is_record(kind):
        yield kind
    else:
        for inner in get_args(kind):
            yield from kinds_in(inner)


def reachable(kind: type[Struct]) -> list[type[Struct]]:
    found = [kind]
    for one in found:
        for name in one.__struct_fields__:
            if name in LEFT_OUT.get(one, {}):
                continue
            found += [k for k in kinds_in(hints_of(one)[name]) if k not in found]
    return found


def sample(kind: Any, number: int) -> Any:
    """A value of this type; with another number, another one."""
    if kind in (AnyJson, int, float):
        return number
    if kind is str:
        return str(number)
    if kind is bool:
        return bool(number)
    if is_record(kind):
        hints = hints_of(kind)
        left_out = LEFT_OUT.get(kind, {})
        return kind(
            **{
                name: None if name in left_out else sample(hints[name], number)
                for name in kind.__struct_fields__
            }
        )
    arguments = [each for each in get_args(kind) if each not in (NoneType, None)]
    origin = get_origin(kind)
    if origin in (UnionType, Union):
        is_optional = len(arguments) < len(get_args(kind))
        return None if is_optional and number else sample(arguments[0], number)
    if origin is Mapping and len(arguments) == 1:  # to nothing
        return {sample(arguments[0], number): None}
    if origin in (dict, Mapping):
        return {sample(arguments[0], 0): sample(arguments[1], number)}
    if origin is tuple:
        return (sample(arguments[0], number),) * (number + 1)
    assert origin is frozenset
    return frozenset({sample(arguments[0], number)})


def says_nothing(kind: Any) -> bool:
    """Whether every field of it is left out."""
    return kind in LEFT_OUT and LEFT_OUT[kind].keys() == set(kind.__struct_fields__)


KINDS = reachable(State)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_another_value_in_any_field_is_another_situation(kind: type[Struct]) -> None:
    # given a value of this kind
    one, hints = sample(kind, 0), hints_of(kind)
    for name in kind.__struct_fields__:
        if name not in LEFT_OUT.get(kind, {}) and not says_nothing(hints[name]):
            # when one field is another one, then so is what the explorer takes it for
            other = replace(one, **{name: sample(hints[name], 1)})
            assert known_as(other) != known_as(one), name


def test_a_state_has_another_number_exactly_if_it_is_another_situation() -> None:
    # given states that differ in one field each, what counts or not, and each of them twice
    one, hints = sample(State, 0), hints_of(State)
    others = [replace(one, **{n: sample(hints[n], 1)}) for n in State.__struct_fields__]
    states = [one, *others, sample(State, 0), *(replace(other) for other in others)]
    # when they are numbered
    same = Sameness()
    numbers = [same.number(state) for state in states]
    # then two numbers are equal exactly if what counts is
    known = [known_as(state) for state in states]
    for i, j in combinations(range(len(states)), 2):
        assert (numbers[i] == numbers[j]) == (known[i] == known[j])
    assert len(set(numbers)) == 1 + len(State.__struct_fields__) - len(LEFT_OUT[State])


def test_what_is_left_out_is_there_and_has_a_reason() -> None:
    for kind, reasons in LEFT_OUT.items():
        assert kind in KINDS, kind
        assert reasons.keys() <= set(kind.__struct_fields__), kind
        assert all(reasons.values()), kind
    for kind, name in IN_SHORT:
        assert name in kind.__struct_fields__
