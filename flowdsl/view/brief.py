"""JSON in little room: one line, many lines, or the two or three words of an answer that a reader looks for."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from flowdsl.codes import Code
from flowdsl.plan.json import from_bytes, to_text
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json, Sealed
from flowdsl.saga.events import Failure, Ok
from flowdsl.view.paint import ELLIPSIS, counted, cut

MASK = "••••••"
DEPTH_MAX = 24  # deeper levels are shown as `…`
WORD_MAX = 32  # columns of one value in a summary


def answer_summary(answer: Ok) -> str:
    """`F-1 · price 420`: what identifies the result, and one thing about it."""
    return summary(answer.body)


def summary(body: Json, values_max: int = 2) -> str:
    match body:
        case None:
            return ""
        case dict():
            return " · ".join(_facts(body, values_max))
        case list():
            return counted(len(body), "item")
        case _:
            return cut(scalar(body), WORD_MAX)


def failure_summary(failure: Failure) -> str:
    """`card_declined`, if the service said such a word; else what went wrong."""
    said = "" if failure.code == Code.BROKEN_CONTRACT else reason(failure.response)
    return said or failure.message


def beside_status(failure: Failure) -> str:
    """The same, where the status stands beside it: an answer that says no such word has said all by its status."""
    is_answer = failure.status is not None
    said = failure_summary(failure)
    return "" if is_answer and said == failure.message else said


def reason(body: Json) -> str:
    """The word of an error body: of `{"error": "card_declined"}`, and of the usual variations."""
    match body:
        case str() if body.strip() and len(body) <= 200 and not body.lstrip().startswith("<"):
            return cut(body.strip(), WORD_MAX)
        case dict():
            for name in ("error", "code", "reason", "title", "message", "detail"):
                value = body.get(name)
                if isinstance(value, dict):
                    return reason(value)
                if isinstance(value, str) and value:
                    return cut(value, WORD_MAX)
    return ""


def one_line(value: Json) -> str:
    """JSON with a blank after each comma and colon."""
    return "".join(_compact(value, DEPTH_MAX))


def many_lines(value: Json) -> list[str]:
    """JSON as in a book: an object or list that fits in one line stays there."""
    return list(_pretty(value, "", DEPTH_MAX))


def sealed_text(sealed: Sealed) -> str:
    """The text, with dots where a secret stands."""
    return "".join(part if isinstance(part, str) else MASK for part in sealed)


def sent_body(request: Request | None) -> Json:
    """What the body of a request says, secrets masked."""
    if request is None or request.body is None:
        return None
    text = sealed_text(request.body)
    try:
        return from_bytes(text)
    except ValueError:
        return text


def scalar(value: Json) -> str:
    """A value as people write it: texts bare, the rest as JSON."""
    return value if isinstance(value, str) else one_line(value)


def _facts(body: dict[str, Json], values_max: int) -> list[str]:
    facts = []
    identity = next(
        (name for name in ("id", "key", "code", "status") if _is_short(body, name)), None
    )
    if identity is not None:
        facts.append(cut(scalar(body[identity]), WORD_MAX))
    for name in sorted(body, key=lambda name: name not in ("price", "amount", "total")):
        if len(facts) >= values_max:
            break
        if name != identity and _is_short(body, name):
            facts.append(f"{name} {cut(scalar(body[name]), WORD_MAX)}")
    return facts


def _is_short(body: dict[str, Json], name: str) -> bool:
    value = body.get(name)
    return isinstance(value, str | int | Decimal) and value != ""


def _compact(value: Json, depth: int) -> Iterator[str]:
    if isinstance(value, dict | list) and value and depth == 0:
        yield ELLIPSIS
    elif isinstance(value, dict):
        for index, (name, item) in enumerate(value.items()):
            yield f"{', ' if index else '{'}{_json(name)}: "
            yield from _compact(item, depth - 1)
        yield "}" if value else "{}"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield ", " if index else "["
            yield from _compact(item, depth - 1)
        yield "]" if value else "[]"
    else:
        yield _json(value)


def _pretty(value: Json, indent: str, depth: int) -> Iterator[str]:
    short = one_line(value)
    if not isinstance(value, dict | list) or len(indent) + len(short) <= 80 or depth == 0:
        yield short
        return
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    yield opening
    members = (
        [(f"{_json(name)}: ", item) for name, item in value.items()]
        if isinstance(value, dict)
        else [("", item) for item in value]
    )
    for index, (name, item) in enumerate(members):
        comma = "," if index < len(members) - 1 else ""
        lines = list(_pretty(item, indent + "  ", depth - 1))
        lines[0] = name + lines[0]
        lines[-1] += comma
        yield from (f"{indent}  {line}" if i == 0 else line for i, line in enumerate(lines))
    yield indent + closing


def _json(value: Json) -> str:
    try:
        return to_text(value)
    except ValueError:
        return str(value)
