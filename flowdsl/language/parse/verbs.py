"""`for_each`, `uses`, `emit`, and what waits."""

from __future__ import annotations

import re
from typing import Literal

from flowdsl.language.parse.parts import file_of, name_of, named, seconds, whole
from flowdsl.language.parse.reader import Reader
from flowdsl.language.parse.signal_schema import parse_schema
from flowdsl.language.parse.workflow import (
    EmitVerb,
    Name,
    UsesVerb,
    WaitForVerb,
    WaitVerb,
    WrittenForEach,
    WrittenRequest,
)
from flowdsl.language.text.located import Located, Mapping, Scalar, align
from flowdsl.plan.body import EventBody
from flowdsl.plan.expression.compiled import parse
from flowdsl.plan.template import Constant

EVENTS = "events"  # the service that events are sent to

_FOR_EACH = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s+in\s+(?P<items>\S.*?)\s*", re.DOTALL)

_ANY_LIST = parse("default([], [])")  # stands for a list that could not be read: its name is known


def parse_for_each(reader: Reader, node: Mapping) -> WrittenForEach | None:
    key, value = node.key("for_each"), node.get("for_each")
    if key is None or not isinstance(value, Scalar) or not isinstance(value.value, str):
        return None
    found = _FOR_EACH.fullmatch(value.text)
    if found is None:
        hint = "such as `for_each: wh in inputs.warehouses`"
        reader.refuse(value.span, "`for_each` is `NAME in LIST`", hint=hint)
        return None
    alignment = align(value)
    start = found.start("items")
    items = reader.expression(value, alignment, found["items"], start) or _ANY_LIST
    variable = Name(found["name"], alignment.locate(found.start("name"), len(found["name"])))
    collect, quorum = _collect(node.get("collect"))
    return WrittenForEach(
        variable, items, collect, quorum, whole(node.get("max_parallel")), key.span
    )


def _collect(
    node: Located | None,
) -> tuple[Literal["all", "settled", "first_success", "quorum"], int]:
    match node:
        case Mapping():
            return "quorum", whole(node.get("quorum")) or 1
        case Scalar(value="settled"):
            return "settled", 0
        case Scalar(value="first_success"):
            return "first_success", 1
        case _:
            return "all", 0


def parse_uses(reader: Reader, node: Mapping) -> UsesVerb | None:
    file, detach = file_of(reader, node.get("uses")), node.get("detach")
    arguments = named(reader, node.get("with"))
    is_detached = isinstance(detach, Scalar) and detach.value is True
    return UsesVerb(file, arguments, is_detached) if file is not None else None


def parse_emit(reader: Reader, node: Mapping) -> EmitVerb | None:
    event, data = name_of(node.get("emit")), node.get("data")
    if event is None:
        return None
    body = EventBody(event.text, reader.template(data) if data is not None else None)
    request = WrittenRequest("POST", Name(EVENTS, event.span), Constant(""), event.span, body=body)
    return EmitVerb(event, request)


def parse_wait(reader: Reader, node: Mapping) -> WaitVerb | None:
    duration = seconds(reader, node.get("wait"))
    return WaitVerb(duration) if duration is not None else None


def parse_wait_for(reader: Reader, node: Mapping) -> WaitForVerb | None:
    signal = name_of(node.get("wait_for"))
    timeout = seconds(reader, node.get("timeout"))
    expect = reader.condition(node.get("expect"))
    schema = parse_schema(reader, node.get("schema"))
    return WaitForVerb(signal, schema, timeout, expect) if signal is not None else None
