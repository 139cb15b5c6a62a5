"""What is wrong with a text that Python cannot read as an expression, in the words of the language."""

from __future__ import annotations

from flowdsl.plan.expression.fault import ExpressionError
from flowdsl.plan.expression.token import Token, tokenize


def mistake(text: str, error: SyntaxError) -> ExpressionError:
    said = error.msg
    if "expected 'else'" in said:
        start = max(0, (error.offset or 2) - 2)
        length = max(1, min(len(text), (error.end_offset or 0) - 2) - start)
        message = "`if` without `else`: every branch needs a value"
        return ExpressionError(message, start, length, help="write `x if condition else y`")
    tokens = tokenize(text)
    if "forgot a comma" in said:
        return ExpressionError(
            "two values with nothing between them",
            max(0, (error.offset or 2) - 2),
            max(1, (error.end_offset or 0) - (error.offset or 0)),
            help="an operator or a comma is missing",
        )
    offset = (error.offset or 2) - 2
    wrong = next((token for token in tokens if token.start >= offset), None)
    if wrong is None:
        last = tokens[-1]
        message = f"the expression ends after `{last.text}`, where a value should follow"
        return ExpressionError(message, last.start, len(last.text), help="write the missing value")
    return ExpressionError(
        f"unexpected `{wrong.text}`", wrong.start, len(wrong.text), help=_hint(tokens, wrong)
    )


def _hint(tokens: list[Token], wrong: Token) -> str:
    position = tokens.index(wrong)
    before = tokens[position - 1] if position else None
    if wrong.text in {
        "*",
        "/",
        "//",
        "%",
        "and",
        "or",
        "in",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
    } and (before is None or not before.ends_operand):
        return f"a value is missing before `{wrong.text}`"
    if wrong.text in {")", "]", "}", "else", ","}:
        return f"a value is missing before `{wrong.text}`"
    if wrong.kind == "number":
        return "write numbers as 1000 or 10.5"
    if wrong.text == ":":
        return "write `x if condition else y` for a choice"
    if wrong.text == "for":
        return "write a list comprehension in brackets: `[x.price for x in items]`"
    return ""
