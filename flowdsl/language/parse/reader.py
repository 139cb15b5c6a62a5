"""Texts of the file → templates and expressions, each with its exact place; problems are collected, not raised."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from msgspec import Struct, field

from flowdsl.codes import Code
from flowdsl.language.parse.workflow import Unaligned
from flowdsl.language.text.diagnostics import Diagnostic, fix_line
from flowdsl.language.text.located import Alignment, Located, Mapping, Scalar, Sequence, align
from flowdsl.language.text.source import BREAK, Source
from flowdsl.plan.expression.compiled import Expression, ExpressionError, parse
from flowdsl.plan.span import NOWHERE, Span
from flowdsl.plan.template import Constant, Fields, Items, Template, assembled, split

_UNITS = (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0))
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_WRAPPED = re.compile(r"\s*\$\{(.*)\}\s*", re.DOTALL)
_COMMENT = re.compile(r"\s+#")


class Reader(Struct, frozen=True):
    source: Source
    problems: list[Diagnostic] = field(default_factory=list)
    written: dict[Span, Unaligned] = field(default_factory=dict)

    def template(self, node: Located) -> Template:
        """Any value; what cannot be read is reported and stands as null."""
        match node:
            case Scalar(value=str()):
                return self.text(node)
            case Scalar(value=value):
                return Constant(value)
            case Sequence(items=items):
                return Items(tuple(self.template(item) for item in items))
            case Mapping(entries=entries):
                return Fields(tuple((key.text, self.template(value)) for key, value in entries))

    def text(self, scalar: Scalar, start: int = 0) -> Template:
        """The text of `scalar` from `start` on."""
        text = scalar.text[start:]
        if "$" not in text:
            return Constant(text)
        alignment = align(scalar)
        try:
            pieces = split(text)
        except ExpressionError as error:
            cut = self.cut_by_comment(scalar, partial(_closes, text))
            self.problems.append(_complaint(alignment, start, error, cut))
            return Constant(None)
        parts: list[str | Expression] = []
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            blanks = len(piece.text) - len(piece.text.lstrip())
            offset = start + piece.start + blanks
            expression = self.expression(scalar, alignment, piece.text.strip(), offset, closed=True)
            if expression is None:
                return Constant(None)
            parts.append(expression)
        return assembled(parts)

    def condition(self, node: Located | None) -> Expression | None:
        """A bare expression, as `when` and `expect` have."""
        if not isinstance(node, Scalar):
            return None
        wrapped = _WRAPPED.fullmatch(node.text)
        if wrapped is not None and "${" not in wrapped[1]:
            line = node.span.line
            fixed = self.source.line(line).replace("${" + wrapped[1] + "}", wrapped[1])
            message = "an expression stands bare here, without `${ }`"
            fix = fix_line(line, fixed) if node.style not in ("|", ">") else None
            hint = f"write {wrapped[1].strip()}"
            self.problems.append(
                Diagnostic(Code.UNREADABLE_EXPRESSION, node.span, message, help=hint, fix=fix)
            )
            return None
        return self.expression(node, align(node), node.text, 0)

    def expression(
        self, scalar: Scalar, alignment: Alignment, text: str, offset: int, *, closed: bool = False
    ) -> Expression | None:
        """`closed`: its `}` is there, so that no comment cut it."""
        span = alignment.locate(offset, len(text))
        try:
            expression = parse(text, span=span)
        except ExpressionError as error:
            cut = None if closed else self.cut_by_comment(scalar, partial(_reads_on, text))
            self.problems.append(_complaint(alignment, offset, error, cut))
            return None
        if not alignment.is_spelled_out:
            self.written[span] = Unaligned(alignment, offset)
        return expression

    def cut_by_comment(self, scalar: Scalar, belongs: Callable[[str], bool]) -> Span | None:
        """Where a comment follows an unquoted text on its line, and the rest of the line belongs to the text."""
        if scalar.style:
            return None
        told = BREAK.split(scalar.raw)
        line = scalar.span.line + len(told) - 1
        column = len(told[-1]) + (scalar.span.column - 1 if len(told) == 1 else 0)
        comment = _COMMENT.match(self.source.line(line), column)
        if comment is None or not belongs(self.source.line(line)[column:]):
            return None
        return Span(line, comment.end())

    def refuse(self, span: Span, message: str, label: str = "", hint: str = "") -> None:
        self.problems.append(Diagnostic(Code.WRONG_KIND, span, message, label, hint))


def _complaint(
    alignment: Alignment, offset: int, error: ExpressionError, cut: Span | None
) -> Diagnostic:
    if cut is not None:
        message = "a # after a blank begins a comment: it cuts the expression"
        return Diagnostic(Code.CUT_BY_COMMENT, cut, message, help="put the value in quotes")
    span = alignment.locate(offset + error.start, error.length)
    return Diagnostic(error.code, span, error.message, help=error.help)


def _closes(text: str, rest: str) -> bool:
    """Whether every `${` has its `}` once the rest of the line is taken in."""
    try:
        split(text + rest)
    except ExpressionError:
        return False
    return True


def _reads_on(text: str, rest: str) -> bool:
    """Whether a bare expression can be read past its end, and past the #, once the rest of the line is taken in."""
    try:
        parse(text + rest, span=NOWHERE)
    except ExpressionError as error:
        return error.start > len(text) + rest.index("#")
    return True


def seconds_of(text: str) -> float | None:
    """`250ms`, `30s`, `10m`, `24h`, `2d`."""
    match = _DURATION.fullmatch(text)
    return float(match[1]) * dict(_UNITS)[match[2]] if match else None
