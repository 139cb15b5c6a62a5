"""Event ⇄ one line of JSON: `{"t":"started","call":"flight","attempt":1,"at":1767225600.1,…}`.

The fields of the events are the format; their annotations choose how a field is written. A field that has its default is
left out, and one that a newer flowdsl added is passed over. A line is ASCII, so no byte of it can be taken for
anything else. Old journals replay for ever: a tag or a field is never renamed, and a new field has a default.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NoReturn, TypeAlias

from msgspec import NODEFAULT, Struct

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.plan.json import from_bytes, to_bytes, writer
from flowdsl.plan.masked import Masked, StandIn
from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.values import Json, Sealed, Secret
from flowdsl.saga import events
from flowdsl.saga.events import Event, Failure, Fingerprint, Ok, Refused, Unknown, Unrecognised


def encode(event: Event) -> bytes:
    """One line without its end. Raises StoreError for what JSON cannot say (NaN, a body nested too deeply)."""
    shape = _SHAPES.get(type(event))
    if shape is None:
        raise TypeError(f"{event!r} is kept as it was read, never written again")
    try:
        line = _line(_record(event, shape))
        if (
            b"NaN" in line or b"Infinity" in line
        ):  # maybe in a text; a number could not be read again
            from_bytes(line)
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(f"this fact cannot be stored: {error}", code=Code.UNSTORABLE) from error
    return line


def decode(line: bytes) -> Event:
    """Raises StoreError for anything that is not an event, and nothing else."""
    record = _parsed(line)
    kind = record.get("t")
    shape = _TAGGED.get(kind) if isinstance(kind, str) else None
    if shape is None:
        return _unrecognised(kind, record)
    try:
        if MASKED in record:
            _put_back(record)
        event: Event = _object(record, shape)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise StoreError(
            f"a record of kind {kind!r} cannot be read: {error}",
            code=Code.DAMAGED,
            help="flowdsl fsck says which runs it concerns",
        ) from error
    return event


def _unrecognised(kind: Json, record: dict[str, Json]) -> Unrecognised:
    if not isinstance(kind, str):
        raise StoreError(
            "a record does not say of what kind it is", code=Code.DAMAGED, help="flowdsl fsck"
        )
    if record.get("must"):
        raise StoreError(
            f"made by a newer flowdsl: the record {kind!r} has to be understood",
            code=Code.NEWER_FLOWDSL,
            help="install the flowdsl that wrote it, or a later one",
        )
    return Unrecognised(kind)


def as_json(event: Event) -> dict[str, Json]:
    """The fact as `encode` keeps it, for views."""
    return _parsed(encode(event))


# --- bytes -------------------------------------------------------------------------------------------

_FOREIGN = re.compile("[^\x00-\x7f]+")


class _HoldsMasked(Exception):
    """Of a record that cannot be written as it is."""


def _refuse_masked(_: object) -> NoReturn:
    raise _HoldsMasked


_to_bytes = writer(_refuse_masked)


def _line(record: dict[str, Any]) -> bytes:
    try:
        line = _to_bytes(record)
    except UnicodeError:
        line = _spelled_out(_taken_apart(record))
    except _HoldsMasked:
        return _line(_taken_apart(record))
    if line.isascii():
        return line
    return _FOREIGN.sub(lambda run: json.dumps(run[0])[1:-1], line.decode()).encode()


def _parsed(line: bytes) -> dict[str, Json]:
    try:
        try:
            record = from_bytes(line)
        except ValueError:  # half a surrogate pair is refused there, and understood here
            record = json.loads(line, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise StoreError(
            f"a record is not JSON: {error}", code=Code.DAMAGED, help="flowdsl fsck"
        ) from error
    if not isinstance(record, dict):
        raise StoreError("a record is not a JSON object", code=Code.DAMAGED, help="flowdsl fsck")
    return record


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _spelled_out(value: Json | float) -> bytes:
    """The slow way, for texts with half a surrogate pair (an argument that was not UTF-8)."""
    match value:
        case str():
            return json.dumps(value).encode()
        case list():
            return b"[" + b",".join(_spelled_out(item) for item in value) + b"]"
        case dict():
            pairs = (json.dumps(k).encode() + b":" + _spelled_out(v) for k, v in value.items())
            return b"{" + b",".join(pairs) + b"}"
        case _:
            return to_bytes(value)  # type: ignore[arg-type]  # a time is a float


# --- what is masked ----------------------------------------------------------------------------------

# Beside a record's fields, which hold the texts with their marks: `[path, parts, seal]` of each. A part is how many
# characters stand as they are, or the stand-in of a secret, whose mark comes there.
MASKED = "masked"


def _taken_apart(record: dict[str, Any]) -> dict[str, Any]:
    """The record in plain texts."""
    table: list[Json] = []
    plain: dict[str, Any] = _plain(record, [], table)
    return {**plain, MASKED: table} if table else plain


def _plain(value: Any, path: list[Json], table: list[Json]) -> Any:
    match value:
        case Masked():
            lengths: list[Json] = [
                len(part) if isinstance(part, str) else _write_stand_in(part)
                for part in value.parts
            ]
            table.append([path, lengths, value.seal])
            return str.__str__(value)
        case dict():
            return {name: _plain(item, [*path, name], table) for name, item in value.items()}
        case list():
            return [_plain(item, [*path, place], table) for place, item in enumerate(value)]
        case _:
            return value


def _write_stand_in(one: StandIn) -> dict[str, Json]:
    record: dict[str, Json] = {"secret": one.secret}
    if one.spelling:
        record["as"] = one.spelling
    if one.part:
        record["part"] = one.part
    if one.inner:
        record["of"] = [
            part if isinstance(part, str) else _write_stand_in(part) for part in one.inner
        ]
    return record


def _read_stand_in(record: Any) -> StandIn:
    inner = tuple(
        part if isinstance(part, str) else _read_stand_in(part) for part in record.get("of", ())
    )
    return StandIn(
        _text(record["secret"]), _text(record.get("as", "")), inner, _whole(record.get("part", 0))
    )


def _put_back(record: dict[str, Any]) -> None:
    """The texts of the table, masked as they were."""
    for path, lengths, seal in _list(record[MASKED]):
        around: Any = record
        for step in path[:-1]:
            around = around[step]
        text, parts = _text(around[path[-1]]), []
        for one in lengths:
            if isinstance(one, int):
                part: str | StandIn = text[:one]
                text = text[one:]
            else:
                part = _read_stand_in(one)
                text = text.removeprefix(part.mark)
            parts.append(part)
        around[path[-1]] = Masked.of(tuple(parts), _text(seal))


# --- fields ------------------------------------------------------------------------------------------

Write: TypeAlias = "Callable[[Any], Any] | None"  # None: as it is
Read: TypeAlias = Callable[[Any], Any]


class _Field(Struct, frozen=True):
    name: str
    default: object  # NODEFAULT where it has none
    write: Write
    read: Read


class _Shape(Struct, frozen=True):
    make: type[Any]
    tag: str
    fields: tuple[_Field, ...]
    must: bool = False  # a flowdsl that does not know this kind of record must not go on


def _record(value: object, shape: _Shape) -> dict[str, Any]:
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


def _object(record: dict[str, Any], shape: _Shape) -> Any:
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


_text, _whole, _truth, _list = _exactly(str), _exactly(int), _exactly(bool), _exactly(list)


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
        part if isinstance(part, str) else Secret(_text(part["secret"])) for part in _list(value)
    )


def _write_headers(headers: tuple[tuple[str, Sealed], ...]) -> list[Json]:
    return [[name, _write_sealed(value)] for name, value in headers]


def _read_headers(value: Any) -> tuple[tuple[str, Sealed], ...]:
    return tuple((_text(name), _read_sealed(text)) for name, text in _list(value))


def _write_outcome(outcome: events.Outcome) -> dict[str, Any]:
    return _record(outcome, _SHAPES[type(outcome)])


def _read_outcome(value: Any) -> events.Outcome:
    shape = _TAGGED_OUTCOMES[value["t"]]
    outcome: events.Outcome = _object(value, shape)
    return outcome


def _nested(make: type[Any]) -> tuple[Callable[[Any], Any], Read]:
    def write(value: Any) -> Any:
        return _record(value, _SHAPES[make])

    def read(value: Any) -> Any:
        return _object(value, _SHAPES[make])

    return write, read


def _write_fingerprints(found: tuple[Fingerprint, ...]) -> list[Json]:
    return [[one.name, one.length, one.seal] for one in found]


def _read_fingerprints(value: Any) -> tuple[Fingerprint, ...]:
    return tuple(
        Fingerprint(_text(name), _whole(length), _text(seal)) for name, length, seal in _list(value)
    )


def _nested_or_none(make: type[Any]) -> tuple[Write, Read]:
    write, read = _nested(make)
    return _maybe(write), _maybe(read)


# How a field is written and read, by its annotation. An annotation that is not here fails at import.
_FORMS: Mapping[str, tuple[Write, Read]] = MappingProxyType(
    {
        "str": (None, _text),
        "Address": (None, _text),
        "CallId": (None, _text),
        "int": (None, _whole),
        "bool": (None, _truth),
        "float": (_seconds, _read_seconds),
        "int | None": (None, _maybe(_whole)),
        "str | None": (None, _maybe(_text)),
        "float | None": (_maybe(_seconds), _maybe(_read_seconds)),
        "Json": (None, _as_is),
        "dict[str, Json]": (None, _mapping(_as_is)),
        "dict[str, Json] | None": (None, _maybe(_mapping(_as_is))),
        "dict[str, str]": (None, _mapping(_text)),
        "dict[str, str] | None": (None, _maybe(_mapping(_text))),
        "dict[str, str | None]": (None, _mapping(_maybe(_text))),
        "tuple[Json, ...]": (list, lambda value: tuple(_list(value))),
        "tuple[int, ...]": (list, lambda value: tuple(map(_whole, _list(value)))),
        "tuple[str, ...] | None": (
            _maybe(list),
            _maybe(lambda value: tuple(map(_text, _list(value)))),
        ),
        "tuple[Address, ...]": (list, lambda value: tuple(map(_text, _list(value)))),
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


def _shape(make: type[Any], tag: str, *, must: bool = False) -> _Shape:
    names, defaults = make.__struct_fields__, make.__struct_defaults__
    without = len(names) - len(defaults)
    kept = tuple(
        _Field(name, default, *_FORMS[make.__annotations__[name]])
        for name, default in zip(names, (*[NODEFAULT] * without, *defaults), strict=True)
    )
    return _Shape(make, tag, kept, must)


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

_SHAPES: Mapping[type, _Shape] = MappingProxyType(
    {shape.make: shape for shape in (*_EVENTS, *_OUTCOMES, *_PARTS)}
)
_TAGGED: Mapping[str, _Shape] = MappingProxyType({shape.tag: shape for shape in _EVENTS})
_TAGGED_OUTCOMES: Mapping[str, _Shape] = MappingProxyType({s.tag: s for s in _OUTCOMES})
