"""The small parts that stand in many places: names, durations, retries, promises of keys."""

from __future__ import annotations

from decimal import Decimal

from flowdsl.language.parse.reader import Reader, seconds_of
from flowdsl.language.parse.workflow import (
    File,
    Name,
    Seconds,
    WrittenDefaults,
    WrittenIdempotency,
    WrittenRetry,
)
from flowdsl.language.text.located import Located, Mapping, Scalar, Sequence
from flowdsl.plan.template import Template

SUFFIXES = (".yaml", ".yml", ".json")
LONGEST_SECONDS = 366 * 86400.0


def word(node: Located | None) -> str:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""


def name_of(node: Located | None) -> Name | None:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Name(node.text, node.span)
    return None


def names_of(node: Located | None) -> tuple[Name, ...]:
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(name for item in items if (name := name_of(item)) is not None)


def named(reader: Reader, node: Located | None) -> tuple[tuple[Name, Template], ...]:
    """A mapping of names to values: headers, query, `set`, outputs."""
    entries = node.entries if isinstance(node, Mapping) else ()
    return tuple((Name(key.text, key.span), reader.template(value)) for key, value in entries)


def seconds(reader: Reader, node: Located | None) -> Seconds | None:
    """A duration that is longer than nothing."""
    if not isinstance(node, Scalar):
        return None
    value = seconds_of(node.text)
    if value is None:
        return None
    if not 0 < value <= LONGEST_SECONDS:
        reader.refuse(node.span, "a duration must be longer than nothing and at most 366d")
        return None
    return Seconds(value, node.span)


def habits(reader: Reader, node: Located | None) -> WrittenDefaults:
    if not isinstance(node, Mapping):
        return WrittenDefaults()
    return WrittenDefaults(
        timeout=seconds(reader, node.get("timeout")),
        retry=patience(reader, node.get("retry")),
        idempotency=_promise(reader, node.get("idempotency")),
        settle=seconds(reader, node.get("settle")),
    )


def patience(reader: Reader, node: Located | None) -> WrittenRetry | None:
    match node:
        case Scalar(value=int() as attempts, span=span) if not isinstance(attempts, bool):
            return WrittenRetry(attempts=attempts, span=span)
        case Mapping(span=span):
            delay, most = seconds(reader, node.get("delay")), seconds(reader, node.get("max_delay"))
            attempts_node, backoff = node.get("attempts"), node.get("backoff")
            return WrittenRetry(
                attempts=_integer(attempts_node),
                delay_seconds=delay.value if delay else None,
                backoff=_number(backoff),
                max_delay_seconds=most.value if most else None,
                span=span,
            )
        case _:
            return None


def _promise(reader: Reader, node: Located | None) -> WrittenIdempotency | None:
    if isinstance(node, Mapping):
        ttl = seconds(reader, node.get("ttl"))
        header, as_string = (
            word(node.get("header")) or None,
            word(node.get("format")) == "sf-string",
        )
        return WrittenIdempotency(ttl.value, header, as_string) if ttl else None
    ttl = seconds(reader, node)
    return WrittenIdempotency(ttl.value) if ttl else None


def file_of(reader: Reader, node: Located | None) -> File | None:
    """The path of another file. It stays below no other roof: neither absolute nor a URL."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
        return None
    path = node.text
    if "${" in path:
        hint = "write it out; which of several files is used, a `switch` says"
        message = "the path of another file must be fixed: it cannot hold an expression"
        reader.refuse(node.span, message, hint=hint)
        return None
    if path.startswith(("/", "~")) or "://" in path or "\\" in path:
        hint = "write it relative to this file, such as ./ship.yaml"
        reader.refuse(node.span, "the path of another file must be relative", hint=hint)
        return None
    if not path.endswith(SUFFIXES):
        reader.refuse(node.span, f"the path of another file must end with {' or '.join(SUFFIXES)}")
        return None
    return File(path, node.span)


def whole(node: Located | None) -> int | None:
    return _integer(node)


def _integer(node: Located | None) -> int | None:
    match node:
        case Scalar(value=bool()):
            return None
        case Scalar(value=int() as value):
            return value
        case _:
            return None


def _number(node: Located | None) -> float | None:
    match node:
        case Scalar(value=bool()):
            return None
        case Scalar(value=int() | Decimal() as value):
            return float(value)
        case _:
            return None
