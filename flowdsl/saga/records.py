"""Fact ⇄ JSON object: the fields of the events are the format, and their annotations choose how a field is written.

A field that has its default is left out, and one that a newer flowdsl added is passed over. Old journals replay for ever: a
tag or a field is never renamed, and a new field has a default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import NODEFAULT, Struct

from flowdsl.plan.masked import Masked
from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.values import Json, Sealed, Secret
from flowdsl.saga import events
from flowdsl.saga.events import Failure, Fingerprint, Ok, Refused, Unknown

Write: TypeAlias = "Callable[[Any], Any] | None"  # None: as it is
Read: TypeAlias = Callable[[Any], Any]


class _Field(Struct, frozen=True):
    name: str
    default: object  # NODEFAULT where it has none
    write: Write
    read: Read


class Shape(Struct, frozen=True):
    make: type[Any]
    tag: str
    fields: tuple[_Field, ...]
    must: bool = False  # a flowdsl that does not know this kind of record must not go on


def record_of(value: object, shape: Shape) -> dict[str, Any]:
    record: dict[str, Any] = {"t": shape.tag} if shape.tag else {}
    if shape.must:
        record["must"] = True
    for each in shape.fields:
        item = getattr(value, each.name)
        default = each.default
        if item is default or (type(item) is type(default) and item == default):
            continue
        record[each.name] = item if each.write is None else each.write(item)
    return record


def object_of(record: dict[str, Any], shape: Shape) -> Any:
    values: dict[str, Any] = {}
    for each in shape.fields:
        if each.name in record:
            values[each.name] = each.read(record[each.name])
        elif each.default is NODEFAULT:
            raise KeyError(each.name)
    return shape.make(**values)


def _exactly(wanted: type) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not wanted and not (wanted is str and type(value) is Masked):
            raise TypeError(f"{wanted.__name__} expected, not {type(value).__name__}")
        return value

    return read


read_text, read_whole, _truth, read_list = (
    _exactly(str),
    _exactly(int),
    _exactly(bool),
    _exactly(list),
)


def _as_is(value: Any) -> Any:
    return value


def _seconds(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a time has to be finite")
    return value


def _read_seconds(value: Any) -> float:
    if type(value) is not int and type(value) is not Decimal:
        raise TypeError("a number expected")
    return _seconds(float(value))


def _mapping(read: Read) -> Read:
    def read_mapping(value: Any) -> dict[str, Any]:
        return {name: read(item) for name, item in value.items()}

    return read_mapping


def _maybe(inner: Read) -> Read:
    return lambda value: None if value is None else inner(value)


def _write_sealed(parts: Sealed) -> Json:
    texts = [part for part in parts if type(part) is str]
    if len(texts) == len(parts):
        return "".join(texts)
    return [part if isinstance(part, str) else {"secret": part.name} for part in parts]


def _read_sealed(value: Any) -> Sealed:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(
        part if isinstance(part, str) else Secret(read_text(part["secret"]))
        for part in read_list(value)
    )


def _write_headers(headers: tuple[tuple[str, Sealed], ...]) -> list[Json]:
    return [[name, _write_sealed(value)] for name, value in headers]


def _read_headers(value: Any) -> tuple[tuple[str, Sealed], ...]:
    return tuple((read_text(name), _read_sealed(text)) for name, text in read_list(value))


def _write_outcome(outcome: events.Outcome) -> dict[str, Any]:
    return record_of(outcome, SHAPES[type(outcome)])


def _read_outcome(value: Any) -> events.Outcome:
    shape = _OUTCOMES_BY_TAG[value["t"]]
    outcome: events.Outcome = object_of(value, shape)
    return outcome


def _nested(make: type[Any]) -> tuple[Callable[[Any], Any], Read]:
    def write(value: Any) -> Any:
        return record_of(value, SHAPES[make])

    def read(value: Any) -> Any:
        return object_of(value, SHAPES[make])

    return write, read


def _write_fingerprints(found: tuple[Fingerprint, ...]) -> list[Json]:
    return [[one.name, one.length, one.seal] for one in found]


def _read_fingerprints(value: Any) -> tuple[Fingerprint, ...]:
    return tuple(
        Fingerprint(read_text(name), read_whole(length), read_text(seal))
        for name, length, seal in read_list(value)
    )


def _nested_or_none(make: type[Any]) -> tuple[Write, Read]:
    write, read = _nested(make)
    return _maybe(write), _maybe(read)


# How a field is written and read, by its annotation. An annotation that is not here fails at import.
_FORMS: Mapping[str, tuple[Write, Read]] = MappingProxyType(
    {
        "str": (None, read_text),
        "Address": (None, read_text),
        "CallId": (None, read_text),
        "int": (None, read_whole),
        "bool": (None, _truth),
        "float": (_seconds, _read_seconds),
        "int | None": (None, _maybe(read_whole)),
        "str | None": (None, _maybe(read_text)),
        "float | None": (_maybe(_seconds), _maybe(_read_seconds)),
        "Json": (None, _as_is),
        "dict[str, Json]": (None, _mapping(_as_is)),
        "dict[str, Json] | None": (None, _maybe(_mapping(_as_is))),
        "dict[str, str]": (None, _mapping(read_text)),
        "dict[str, str] | None": (None, _maybe(_mapping(read_text))),
        "dict[str, str | None]": (None, _mapping(_maybe(read_text))),
        "tuple[Json, ...]": (list, lambda value: tuple(read_list(value))),
        "tuple[int, ...]": (list, lambda value: tuple(map(read_whole, read_list(value)))),
        "tuple[str, ...] | None": (
            _maybe(list),
            _maybe(lambda value: tuple(map(read_text, read_list(value)))),
        ),
        "tuple[Address, ...]": (list, lambda value: tuple(map(read_text, read_list(value)))),
        "Sealed": (_write_sealed, _read_sealed),
        "Sealed | None": (_maybe(_write_sealed), _maybe(_read_sealed)),
        "tuple[tuple[str, Sealed], ...]": (_write_headers, _read_headers),
        "Outcome": (_write_outcome, _read_outcome),
        "tuple[Fingerprint, ...]": (_write_fingerprints, _read_fingerprints),
        "Failure": _nested(Failure),
        "Failure | None": _nested_or_none(Failure),
        "Ok | None": _nested_or_none(Ok),
        "BasicCredentials | None": _nested_or_none(BasicCredentials),
        "Request | None": _nested_or_none(Request),
    }
)


def _shape(make: type[Any], tag: str, *, must: bool = False) -> Shape:
    names, defaults = make.__struct_fields__, make.__struct_defaults__
    without = len(names) - len(defaults)
    kept = tuple(
        _Field(name, default, *_FORMS[make.__annotations__[name]])
        for name, default in zip(names, (*[NODEFAULT] * without, *defaults), strict=True)
    )
    return Shape(make, tag, kept, must)


# --- the tags ----------------------------------------------------------------------------------------

_EVENTS = (
    _shape(events.Created, "created"),
    _shape(events.Started, "started"),
    _shape(events.Finished, "finished"),
    _shape(events.Armed, "armed"),
    _shape(events.Fired, "fired"),
    _shape(events.Expired, "expired"),
    _shape(events.Resumed, "resumed"),
    _shape(events.Paused, "paused"),
    _shape(events.Stopped, "stopped"),
    _shape(events.CancelRequested, "cancel_requested"),
    _shape(events.Retried, "retried"),
    _shape(events.Resolved, "resolved"),
    _shape(events.Waived, "waived"),
    _shape(events.Skipped, "skipped"),
    _shape(events.Done, "done"),
    _shape(events.Failed, "failed"),
    _shape(events.Turned, "turned"),
    _shape(events.Planned, "planned"),
    _shape(events.Committed, "committed"),
    _shape(events.Alerted, "alerted"),
    _shape(events.Parked, "parked"),
    _shape(events.Ended, "ended"),
    _shape(events.Admitted, "admitted", must=True),
    _shape(events.Begun, "begun", must=True),
    _shape(events.Signalled, "signalled", must=True),
    _shape(events.Expanded, "expanded", must=True),
    _shape(events.Chosen, "chosen", must=True),
    _shape(events.Received, "received", must=True),
    _shape(events.Detached, "spawned", must=True),
)
_OUTCOMES = (_shape(Ok, "ok"), _shape(Refused, "refused"), _shape(Unknown, "unknown"))
_PARTS = (_shape(Failure, ""), _shape(BasicCredentials, ""), _shape(Request, ""))

SHAPES: Mapping[type, Shape] = MappingProxyType(
    {shape.make: shape for shape in (*_EVENTS, *_OUTCOMES, *_PARTS)}
)
BY_TAG: Mapping[str, Shape] = MappingProxyType({shape.tag: shape for shape in _EVENTS})
_OUTCOMES_BY_TAG: Mapping[str, Shape] = MappingProxyType({s.tag: s for s in _OUTCOMES})
