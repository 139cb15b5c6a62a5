"""Values in a URL: percent-encoded (RFC 3986 §2), so that data can never change which path is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.expression.operations import kind
from flowdsl.plan.template import Constant, Rendered, Template, Text, error_in, text_from
from flowdsl.plan.values import Json, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowdsl.plan.expression.budget import Value


def encode_path(value: Rendered) -> str:
    """A value as one segment of a path: nothing but unreserved characters, and a name for something."""
    text = encode_query(value)
    if not text:
        raise EvaluationError("an empty text cannot be a part of a path")
    if text in {".", ".."}:
        raise EvaluationError(f"`{text}` cannot be a part of a path: it would name another one")
    return text


def encode_query(value: Rendered) -> str:
    """A value as a part of a query, where it may be empty."""
    if isinstance(value, Secret | tuple):
        if isinstance(value, tuple) and all(isinstance(piece, str) for piece in value):
            return encode_query("".join(cast("tuple[str, ...]", value)))
        raise EvaluationError("a secret cannot be a part of a URL, which is written to logs")
    if value is None or isinstance(value, list | dict):
        message = f"{kind(cast('Value', value))} cannot be a part of a URL"
        raise EvaluationError(message)
    try:
        return quote(text_from(value), safe="")
    except UnicodeEncodeError:
        raise EvaluationError("this text has half a surrogate pair and no encoding") from None


def render_path(template: Template, scope: Mapping[str, Json]) -> str:
    """The path of a request, and its query if it has one: literal text as it is, values encoded."""
    path = ""
    for part in _parts(template):
        if isinstance(part, str):
            path += part
            continue
        encode = encode_query if "?" in path else encode_path
        value = cast("Rendered", evaluate(part, scope))
        try:
            path += encode(value)
        except EvaluationError as error:
            raise error_in(part, f"`{part.text}`: {error.message}") from None
    # `.${x}` with a dot in x: no value is `..`, and yet the segment is
    if {".", ".."} & set(path.partition("?")[0].split("/")):
        raise EvaluationError("`.` and `..` cannot be segments of a path")
    return path


def _parts(template: Template) -> tuple[str | Expression, ...]:
    match template:
        case Text(parts=parts):
            return parts
        case Expression():
            return (template,)
        case Constant(value=str() as text):
            return (text,)
    raise EvaluationError("a path is text")
