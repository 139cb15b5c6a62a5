"""Event ⇄ one line of JSON: `{"t":"started","call":"flight","attempt":1,"at":1767225600.1,…}`.

What stands in it is decided by `records.py`. A line is ASCII, so no byte of it can be taken for anything else. Texts that
hold a secret's stand-in are written with their marks, and a table beside the fields says where those stand.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.plan.json import from_bytes, to_bytes, writer
from flowdsl.plan.masked import Masked, StandIn
from flowdsl.plan.values import Json
from flowdsl.saga.events import Event, Unrecognised
from flowdsl.saga.records import (
    BY_TAG,
    SHAPES,
    object_of,
    read_list,
    read_text,
    read_whole,
    record_of,
)


def encode(event: Event) -> bytes:
    """One line without its end. Raises StoreError for what JSON cannot say (NaN, a body nested too deeply)."""
    shape = SHAPES.get(type(event))
    if shape is None:
        raise TypeError(f"{event!r} is kept as it was read, never written again")
    try:
        line = _line(record_of(event, shape))
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
    shape = BY_TAG.get(kind) if isinstance(kind, str) else None
    if shape is None:
        return _unrecognised(kind, record)
    try:
        if MASKED in record:
            _put_back(record)
        event: Event = object_of(record, shape)
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
        read_text(record["secret"]),
        read_text(record.get("as", "")),
        inner,
        read_whole(record.get("part", 0)),
    )


def _put_back(record: dict[str, Any]) -> None:
    """The texts of the table, masked as they were."""
    for path, lengths, seal in read_list(record[MASKED]):
        around: Any = record
        for step in path[:-1]:
            around = around[step]
        text, parts = read_text(around[path[-1]]), []
        for one in lengths:
            if isinstance(one, int):
                part: str | StandIn = text[:one]
                text = text[one:]
            else:
                part = _read_stand_in(one)
                text = text.removeprefix(part.mark)
            parts.append(part)
        around[path[-1]] = Masked.of(tuple(parts), read_text(seal))
