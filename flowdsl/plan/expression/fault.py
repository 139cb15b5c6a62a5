"""What goes wrong in an expression: while it is read, and while it is evaluated.

Both carry an offset and a length, counted in characters of the expression's text, so that a screen
can point at the place.
"""

from __future__ import annotations

from flowdsl.codes import Code
from flowdsl.plan.span import NOWHERE, Span


class ExpressionError(Exception):
    """The text is not an expression of the language."""

    def __init__(
        self,
        message: str,
        start: int = 0,
        length: int = 1,
        code: Code = Code.UNREADABLE_EXPRESSION,
        help: str = "",  # noqa: A002
    ) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.length = length
        self.code = code
        self.help = help


class EvaluationError(Exception):
    """The expression has no value over these data. `text` and `span` say which expression it was."""

    def __init__(
        self,
        message: str,
        start: int = 0,
        length: int = 1,
        text: str = "",
        span: Span = NOWHERE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.length = length
        self.text = text
        self.span = span


class Fault(Exception):
    """An operation failed; the closure that asked for it knows the place and makes it an error."""
