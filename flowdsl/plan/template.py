"""Templates: what a YAML value with `${…}` in it becomes, and what it renders to.

`${x}` alone keeps its type; inside text it becomes text; `$${` is a literal `${`. Secrets stay
references: text with a secret in it renders to a `Sealed`, which only `world` opens.
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias, cast

from msgspec import Struct

from flowdsl.plan.expression.budget import Frame
from flowdsl.plan.expression.compiled import Expression, ExpressionError
from flowdsl.plan.expression.evaluate import (
    MAXIMUM_OPERATIONS,
    MAXIMUM_SIZE,
    EvaluationError,
    evaluate,
)
from flowdsl.plan.expression.fault import Fault
from flowdsl.plan.expression.operations import text_of
from flowdsl.plan.values import Json, Sealed, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from flowdsl.plan.expression.paths import Reference

Rendered: TypeAlias = (
    "bool | int | Decimal | str | Secret | Sealed | list[Rendered] | dict[str, Rendered] | None"
)


class Constant(Struct, frozen=True):
    value: Json


class Text(Struct, frozen=True, dict=True):
    """Text with expressions inside: literal pieces and expressions in their order."""

    parts: tuple[str | Expression, ...]

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(part for part in self.parts if isinstance(part, Expression))


class Items(Struct, frozen=True, dict=True):
    items: tuple[Template, ...]

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(chain.from_iterable(map(expressions, self.items)))


class Fields(Struct, frozen=True, dict=True):
    fields: tuple[tuple[str, Template], ...]

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(chain.from_iterable(expressions(value) for _, value in self.fields))


Template: TypeAlias = "Constant | Expression | Text | Items | Fields"


class Embedded(Struct, frozen=True):
    """What stands between `${` and `}`; `start` is its offset in the whole text."""

    text: str
    start: int


def split(text: str) -> list[str | Embedded]:
    """Literal text and expressions, in their order. No empty literals."""
    parts: list[str | Embedded] = []
    literal: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        literal.append(text[position:dollar])
        if text.startswith("$${", dollar):
            literal.append("${")
            position = dollar + 3
        elif text.startswith("${", dollar):
            end = _end_of_expression(text, dollar + 2)
            parts += [*_joined(literal), Embedded(text[dollar + 2 : end], dollar + 2)]
            literal = []
            position = end + 1
        else:
            literal.append("$")
            position = dollar + 1
    literal.append(text[position:])
    return [*parts, *_joined(literal)]


def _joined(literal: list[str]) -> list[str]:
    text = "".join(literal)
    return [text] if text else []


def _end_of_expression(text: str, start: int) -> int:
    """Where the `}` is that closes; braces and quotes inside the expression are passed over."""
    open_braces = 0
    quote = ""
    position = start
    while position < len(text):
        letter = text[position]
        if quote:
            if letter == "\\":
                position += 1
            elif letter == quote:
                quote = ""
        elif letter in "'\"":
            quote = letter
        elif letter == "{":
            open_braces += 1
        elif letter == "}":
            if open_braces == 0:
                return position
            open_braces -= 1
        position += 1
    what = f"; a text inside it has no closing {quote}" if quote else ""
    message = f"`${{` is never closed{what}"
    help_text = f"add the closing {quote or '`}`'}, or write `$${{` for the characters themselves"
    raise ExpressionError(message, start - 2, 2, help=help_text)


def assembled(parts: list[str | Expression]) -> Template:
    """The template of literal pieces and expressions: an expression alone keeps its type."""
    match parts:
        case []:
            return Constant("")
        case [str() as literal]:
            return Constant(literal)
        case [Expression() as expression]:
            return expression
    return Text(tuple(parts))


def render(template: Template, scope: Mapping[str, Json]) -> Rendered:
    """JSON whose leaves may be secrets by reference, or text with such references in it."""
    match template:
        case Constant(value=value):
            return cast("Rendered", value)
        case Expression():
            return cast("Rendered", evaluate(template, scope))
        case Text():
            return _plain_if_possible(render_text(template, scope))
        case Items(items=items):
            return [render(item, scope) for item in items]
        case Fields(fields=fields):
            return {name: render(value, scope) for name, value in fields}


def _plain_if_possible(sealed: Sealed) -> Rendered:
    match sealed:
        case ():
            return ""
        case (str() as text,):
            return text
    return sealed


def render_text(template: Template, scope: Mapping[str, Json]) -> Sealed:
    """Text for a header or a status: values as `str` writes them, secrets by reference."""
    pieces: list[str | Secret] = []
    for part in _parts(template):
        pieces += (part,) if isinstance(part, str) else _text_in(part, scope)
    return merged(pieces)


def _parts(template: Template) -> tuple[str | Expression, ...]:
    match template:
        case Text(parts=parts):
            return parts
        case Expression():
            return (template,)
        case Constant(value=value) if value is not None and not isinstance(value, list | dict):
            return (text_from(value),)
    raise EvaluationError("a list, an object or null cannot stand where text is needed")


def _text_in(expression: Expression, scope: Mapping[str, Json]) -> Sealed:
    value: object = evaluate(expression, scope)
    if isinstance(value, Secret):
        return (value,)
    if isinstance(value, tuple):  # a sealed text that was handed on
        return value
    if value is None:
        raise error_in(expression, f"`{expression.text}` is null, which cannot become text")
    try:
        return (text_from(cast("Rendered", value)),)
    except EvaluationError as error:
        raise error_in(expression, f"`{expression.text}`: {error.message}") from None


def text_from(value: Rendered) -> str:
    """A value as the function `str` writes it."""
    try:
        frame = Frame({}, MAXIMUM_OPERATIONS, MAXIMUM_SIZE)
        return text_of(frame, value)
    except Fault as fault:
        raise EvaluationError(str(fault)) from None
    except RecursionError:
        raise EvaluationError("this is nested too deeply to become text") from None


def merged(pieces: list[str | Secret]) -> Sealed:
    """The same text with neighbouring pieces joined."""
    joined: list[str | Secret] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, str) and isinstance(last, str):
            joined[-1] = last + piece
        elif piece != "":
            joined.append(piece)
    return tuple(joined)


def error_in(expression: Expression, message: str) -> EvaluationError:
    """An error about a whole expression."""
    return EvaluationError(
        message, 0, max(1, len(expression.text)), expression.text, expression.span
    )


def expressions(template: Template) -> tuple[Expression, ...]:
    """Every expression of the template, in the order of the text."""
    match template:
        case Constant():
            return ()
        case Expression():
            return (template,)
        case Text() | Items() | Fields():
            return template.expressions


def references(template: Template) -> tuple[tuple[Expression, Reference], ...]:
    return tuple(
        (expression, reference)
        for expression in expressions(template)
        for reference in expression.references
    )
