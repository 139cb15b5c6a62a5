"""Every fact that can be written is read back as it was, and nothing that is read can do more than be refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, TypeVar, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from flowdsl.errors import StoreError
from flowdsl.plan.masked import Masked, StandIn
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json, Sealed, Secret
from flowdsl.saga import events
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import (
    Armed,
    Committed,
    Created,
    Done,
    Event,
    Failure,
    Fingerprint,
    Finished,
    Ok,
    Refused,
    Started,
    Unknown,
    Unrecognised,
)

TEXT = st.text(st.characters(exclude_categories=()), max_size=12)  # half surrogate pairs as well
PLAIN = st.text(max_size=12)
TIMES = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**70), 2**70)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.sampled_from(
    [Decimal("1E+400"), Decimal("-0.00"), Decimal("1e-9")]
)


def _no_pairs(text: str) -> bool:
    """Two halves side by side are one character in JSON: nobody can tell them apart."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == text


HALVES = TEXT.filter(_no_pairs)
T = TypeVar("T")


def made(
    kind: Callable[..., T], *values: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]
) -> st.SearchStrategy[T]:
    """`st.builds` without a look at the annotations of a record, which name what is not in its module."""

    def make(*given: Any, **by_name: Any) -> T:
        return kind(*given, **by_name)

    return st.builds(make, *values, **named)


STAND_INS = made(
    StandIn, PLAIN, PLAIN, st.lists(PLAIN | made(StandIn, PLAIN), max_size=2).map(tuple), WHOLE
)
MASKED: st.SearchStrategy[str] = made(
    Masked.of, st.tuples(HALVES.filter(bool), STAND_INS, STAND_INS, HALVES.filter(bool)), PLAIN
)
JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | WHOLE | DECIMALS | HALVES | MASKED,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HALVES, inner, max_size=3),
    max_leaves=12,
)
SECRETS = made(Secret, PLAIN)
SEALED: st.SearchStrategy[Sealed] = (
    st.just(())
    | PLAIN.filter(bool).map(lambda text: (text,))
    | st.tuples(PLAIN.filter(bool), MASKED)
    | st.tuples(PLAIN, SECRETS, PLAIN)
    | st.tuples(SECRETS)
)
REQUESTS = made(
    Request,
    PLAIN,
    HALVES | MASKED,
    st.lists(st.tuples(PLAIN, SEALED), max_size=2).map(tuple),
    st.none() | SEALED,
)
FAILURES = made(Failure, PLAIN, HALVES | MASKED, PLAIN, st.none() | st.integers(100, 599), JSON)
ANSWERS = made(Ok, st.integers(100, 599), st.dictionaries(PLAIN, HALVES, max_size=2), JSON)
SECONDS = st.none() | TIMES
OUTCOMES = (
    ANSWERS
    | made(Refused, FAILURES, st.booleans(), SECONDS, st.booleans(), st.booleans(), st.booleans())
    | made(Unknown, FAILURES, st.none() | ANSWERS, st.booleans(), SECONDS)
)
FORMS: dict[str, st.SearchStrategy[object]] = {
    "str": HALVES,
    "Address": PLAIN,
    "CallId": PLAIN,
    "int": WHOLE,
    "bool": st.booleans(),
    "float": TIMES,
    "Json": JSON,
    "dict[str, Json]": st.dictionaries(HALVES, JSON, max_size=2),
    "dict[str, Json] | None": st.none() | st.dictionaries(HALVES, JSON, max_size=2),
    "dict[str, str]": st.dictionaries(PLAIN, HALVES, max_size=2),
    "dict[str, str | None]": st.dictionaries(PLAIN, st.none() | HALVES, max_size=2),
    "tuple[Json, ...]": st.lists(JSON, max_size=3).map(tuple),
    "tuple[int, ...]": st.lists(WHOLE, max_size=3).map(tuple),
    "tuple[Address, ...]": st.lists(PLAIN, max_size=3).map(tuple),
    "tuple[Fingerprint, ...]": st.lists(made(Fingerprint, PLAIN, WHOLE, PLAIN), max_size=2).map(
        tuple
    ),
    "tuple[str, ...] | None": st.none() | st.lists(PLAIN, max_size=3).map(tuple),
    "Request | None": st.none() | REQUESTS,
    "Outcome": OUTCOMES,
    "Failure": FAILURES,
    "Failure | None": st.none() | FAILURES,
}


def _of(kind: type[Event]) -> st.SearchStrategy[Event]:
    fields = {name: FORMS[kind.__annotations__[name]] for name in kind.__struct_fields__}
    return made(kind, **fields)


KINDS: tuple[type[Event], ...] = tuple(k for k in get_args(events.Event) if k is not Unrecognised)
EVENTS = st.one_of([_of(kind) for kind in KINDS])


@given(EVENTS)
def test_a_fact_is_read_back_as_it_was_written(event: Event) -> None:
    line = encode(event)
    assert line.isascii()
    assert b"\n" not in line
    assert decode(line) == event
    assert encode(decode(line)) == line, "what was masked can be opened as before"


@given(EVENTS)
def test_a_line_is_json_that_any_other_reader_takes(event: Event) -> None:
    assert isinstance(json.loads(encode(event))["t"], str)


@given(EVENTS, st.data())
def test_a_line_with_a_changed_byte_is_another_fact_or_refused(
    event: Event, data: st.DataObject
) -> None:
    line = bytearray(encode(event))
    where = data.draw(st.integers(0, len(line) - 1))
    line[where] = data.draw(st.integers(0, 255))
    with suppress(StoreError):
        assert type(decode(bytes(line))) in (*KINDS, Unrecognised)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_fact_are_refused_and_nothing_else(line: bytes) -> None:
    with pytest.raises(StoreError):
        decode(line)


REFUSED = {
    "no object": b"[1]",
    "no kind": b"{}",
    "kind is not text": b'{"t":7}',
    "field missing": b'{"t":"armed","timer":"x"}',
    "text for a number": b'{"t":"armed","timer":"x","due":"1"}',
    "true for a number": b'{"t":"armed","timer":"x","due":true}',
    "a time without end": b'{"t":"armed","timer":"x","due":1e400}',
    "an exponent without end": b'{"t":"armed","timer":"x","due":1e99999999999999999999}',
    "not a number": b'{"t":"done","node":"a","value":NaN}',
    "infinity": b'{"t":"done","node":"a","value":Infinity}',
    "number of 5000 digits": b'{"t":"done","node":"a","value":' + b"9" * 5000 + b"}",
    "deep": b'{"t":"done","node":"a","value":' + b"[" * 90_000,
    "deep and whole": b'{"t":"done","node":"a","value":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
    "outcome without kind": b'{"t":"finished","call":"a","attempt":1,"at":1,"outcome":{}}',
    "outcome of no kind": b'{"t":"finished","call":"a","attempt":1,"at":1,"outcome":{"t":"x"}}',
    "outcome is a list": b'{"t":"finished","call":"a","attempt":1,"at":1,"outcome":[]}',
    "secret without name": b'{"t":"started","call":"a","attempt":1,"at":1,"request":{"method":"GET","url":"u","body":[{}]}}',
    "inputs are a list": b'{"t":"created","run":"r","workflow":"w","digest":"d","at":1,"inputs":[],"env":{},"services":{}}',
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED.keys())
def test_a_line_that_means_nothing_is_refused(line: bytes) -> None:
    with pytest.raises(StoreError):
        decode(line)


@pytest.mark.parametrize(
    "event",
    [
        Armed("t", float("nan")),
        Armed("t", float("inf")),
        Done("a", Decimal("NaN")),
        Done("a", [Decimal("-Infinity")]),
        Done("a", 10**5000),
    ],
)
def test_what_json_cannot_say_is_refused_before_it_is_written(event: Event) -> None:
    with pytest.raises(StoreError, match="cannot be stored"):
        encode(event)


def test_a_body_that_is_too_deep_is_refused_before_it_is_written() -> None:
    deep: Json = None
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(StoreError, match="cannot be stored"):
        encode(Done("a", deep))
    with pytest.raises(StoreError, match="cannot be stored"):
        encode(Done("half a pair: \ud800", deep))


def test_the_words_for_no_number_may_stand_in_a_text() -> None:
    event = Done("a", ["NaN", "Infinity"])
    assert decode(encode(event)) == event


def test_what_has_its_default_takes_no_room() -> None:
    assert encode(Committed()) == b'{"t":"committed"}'
    assert (
        encode(Started("flight", 1, 2.0)) == b'{"t":"started","call":"flight","attempt":1,"at":2.0}'
    )


def test_false_is_not_taken_for_zero() -> None:
    unknown = Unknown(Failure("F111", "lost", response=False))
    assert decode(encode(Finished("a", 1, 1.0, unknown))) == Finished("a", 1, 1.0, unknown)


def test_a_secret_stands_by_its_name_and_other_text_as_it_is() -> None:
    request = Request("POST", "u", (("a", ("bearer ", Secret("T"))), ("b", ("x",))), ("é",))
    record = json.loads(encode(Started("flight", 1, 2.0, request=request)))["request"]
    assert record["headers"] == [["a", ["bearer ", {"secret": "T"}]], ["b", "x"]]
    assert record["body"] == "é"


def test_money_stays_as_it_came_in() -> None:
    assert b'"value":10.50' in encode(Done("a", Decimal("10.50")))


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert decode(b'{"t":"armed","timer":"x","due":1,"why":"later"}') == Armed("x", 1.0)


def test_a_fact_of_a_later_version_is_passed_over_unless_it_must_be_understood() -> None:
    assert decode(b'{"t":"rested","for":7}') == Unrecognised("rested")
    with pytest.raises(StoreError, match="made by a newer flowdsl") as refusal:
        decode(b'{"t":"rested","must":true}')
    assert refusal.value.help


def test_a_fact_that_was_passed_over_is_never_written_again() -> None:
    with pytest.raises(TypeError):
        encode(Unrecognised("rested"))


def test_every_kind_of_fact_has_a_tag_of_its_own() -> None:
    tags = {json.loads(encode(_example(kind)))["t"] for kind in KINDS}
    assert len(tags) == len(KINDS)


def _example(kind: type[Event]) -> Event:
    plain: dict[str, object] = {
        "float": 1.0,
        "int": 1,
        "bool": True,
        "dict[str, Json]": {},
        "dict[str, Json] | None": None,
        "dict[str, str]": {},
        "dict[str, str | None]": {},
        "tuple[Address, ...]": (),
        "tuple[Fingerprint, ...]": (),
        "tuple[str, ...] | None": None,
        "Outcome": Ok(200, {}, None),
        "Failure": Failure("F110", "no"),
        "Json": None,
        "Failure | None": None,
        "Request | None": None,
    }
    values: dict[str, Any] = {
        n: plain.get(kind.__annotations__[n], "x") for n in kind.__struct_fields__
    }
    event: Event = kind(**values)
    return event


# One line of each kind as the first version wrote it. They are read for ever: never change one, add new ones.
FIRST_VERSION = {
    b'{"t":"created","run":"trip-1","workflow":"trip","digest":"ab","at":1767225600.5,"inputs":{"n":1.50},"env":{"A":null},"services":{"s":"http://x"}}': Created(
        "trip-1", "trip", "ab", 1767225600.5, {"n": Decimal("1.50")}, {"A": None}, {"s": "http://x"}
    ),
    b'{"t":"started","call":"a!undo","attempt":2,"at":1.5}': Started("a!undo", 2, 1.5),
    b'{"t":"started","call":"a","attempt":1,"at":1.5,"key":"fd1-x","request":{"method":"POST","url":"http://x","headers":[["h",["b ",{"secret":"T"}]]],"body":"{}"},"seal":"ff"}': Started(
        "a",
        1,
        1.5,
        "fd1-x",
        Request("POST", "http://x", (("h", ("b ", Secret("T"))),), ("{}",)),
        "ff",
    ),
    b'{"t":"finished","call":"a","attempt":1,"at":1.5,"outcome":{"t":"ok","status":201,"headers":{"h":"v"},"body":{"id":"F-1"}}}': Finished(
        "a", 1, 1.5, Ok(201, {"h": "v"}, {"id": "F-1"})
    ),
    b'{"t":"finished","call":"a","attempt":1,"at":1.5,"outcome":{"t":"refused","failure":{"code":"F110","message":"no","status":402},"again":true,"sent":false}}': Finished(
        "a", 1, 1.5, Refused(Failure("F110", "no", status=402), again=True, sent=False)
    ),
    b'{"t":"finished","call":"a","attempt":1,"at":1.5,"outcome":{"t":"unknown","failure":{"code":"F111","message":"lost"},"answer":{"t":"ok","status":200,"headers":{},"body":null}}}': Finished(
        "a", 1, 1.5, Unknown(Failure("F111", "lost"), Ok(200, {}, None))
    ),
}


@pytest.mark.parametrize(("line", "event"), FIRST_VERSION.items())
def test_lines_of_the_first_version_are_read_for_ever(line: bytes, event: Event) -> None:
    assert decode(line) == event


def test_a_default_given_in_full_means_the_same() -> None:
    assert decode(
        b'{"t":"started","call":"a","attempt":1,"at":1,"key":"","request":null}'
    ) == replace(Started("a", 1, 1.0), key="")
