"""YAML's own complaints, turned into what a person meant: the traps of writing `${…}` in YAML, with the patch."""

from __future__ import annotations

import re

from flowdsl.codes import Code
from flowdsl.language.text.diagnostics import Diagnostic, Fix
from flowdsl.language.text.source import Source
from flowdsl.plan.span import Span

_BARE_EXPRESSION = re.compile(r"\$\{[^{}]*\}")
_TEXT_IN_BRACES = re.compile(r"[{\[,]\s*(?:[\w.-]+:\s+)?(?P<text>[^\s,{}\[\]'\"][^,{}\[\]'\"]*)$")
_LIST_AND_REST = re.compile(r"\[[^\[\]]*\][^,{}\[\]]*")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_KEY_AND_VALUE = re.compile(r"(?P<head>\s*(?:-\s+)*[\w.-]+:\s+)(?P<value>\S.*?)\s*$")
_QUOTE_THEN_MORE = re.compile(r"\s*(?:-\s+)*(?:[\w.-]+:\s+)?(['\"]).*?\1\s*\S")


def explain_yaml_error(source: Source, problem: str, at: Span, began: Span | None) -> Diagnostic:
    line = source.line(at.line)
    flow = began is not None and "flow" in problem and "block" not in problem
    if flow and (found := _expression_in_braces(source, at, began)) is not None:
        return found
    if flow and "expected ','" in problem and (found := _list_in_braces(line, at)) is not None:
        return found
    match = _KEY_AND_VALUE.match(line)
    if "mapping values" in problem and match is not None and at.column > match.end("head"):
        return _colon_in_text(at, match)
    if "did not find expected key" in problem and _QUOTE_THEN_MORE.match(line) is not None:
        return _quote_then_more(at, line)
    return _plain_error(source, problem, at, began)


def _expression_in_braces(source: Source, at: Span, began: Span | None) -> Diagnostic | None:
    """`{ id: ${x} }`: inside braces and brackets YAML takes the expression's own brace for one of its."""
    line = source.line(at.line)
    hidden = _QUOTED.sub(lambda quoted: "." * len(quoted.group()), line)
    start = hidden.rfind("${", 0, at.column + 1)
    if start < 0:
        return None
    whole = _BARE_EXPRESSION.search(hidden, start)
    length = len(whole.group()) if whole and whole.start() == start else 2
    fixed = _quote_expressions(
        line, hidden, began.column - 1 if began and began.line == at.line else 0
    )
    return Diagnostic(
        Code.UNQUOTED_EXPRESSION,
        Span(at.line, start + 1, length),
        "inside { } and [ ] an expression needs quotes",
        "YAML reads its brace as one of the list's or mapping's own",
        help="put it in quotes, or write it on a line of its own",
        fix=Fix(at.line, (fixed,)) if fixed != line else None,
    )


def _list_in_braces(line: str, at: Span) -> Diagnostic | None:
    """`{ for_each: x in [1, 2] }`: a list in the middle of a text that has no quotes. `at` is where it begins."""
    begins = _TEXT_IN_BRACES.search(line[: at.column - 1])
    if begins is None or not line.startswith("[", at.column - 1):
        return None
    start = begins.start("text")
    ends = _LIST_AND_REST.match(line, at.column - 1)
    text = line[start : ends.end() if ends else at.column].rstrip()
    fixed = f'{line[:start]}"{text}"{line[start + len(text) :]}'
    return Diagnostic(
        Code.UNQUOTED_EXPRESSION,
        Span(at.line, start + 1, len(text)),
        "inside { } and [ ] a text with a list in it needs quotes",
        "YAML takes its brackets for a list of its own",
        help="put it in quotes, or write it on a line of its own",
        fix=Fix(at.line, (fixed,)) if ends and '"' not in text else None,
    )


def _quote_expressions(line: str, hidden: str, start: int) -> str:
    """Every value of a flow collection that holds a bare `${…}`, put in double quotes."""
    parts: list[str] = []
    done = 0
    for found in re.finditer(
        r"(?<=[\s\[:,])[^\s\[\]{},:][^\[\]{},:]*\$\{[^{}]*\}[^,\]}]*?(?=\s*[,\]}])|\$\{[^{}]*\}",
        hidden,
    ):
        if found.start() < start or '"' in line[found.start() : found.end()]:
            continue
        parts += [line[done : found.start()], '"', line[found.start() : found.end()], '"']
        done = found.end()
    return "".join([*parts, line[done:]])


def _colon_in_text(at: Span, match: re.Match[str]) -> Diagnostic:
    value = match["value"]
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return Diagnostic(
        Code.UNQUOTED_COLON,
        at,
        "this text needs quotes: it contains `: `",
        "YAML reads a second key here",
        help="put it in quotes",
        fix=Fix(at.line, (f'{match["head"]}"{quoted}"',)),
    )


def _quote_then_more(at: Span, line: str) -> Diagnostic:
    match = _KEY_AND_VALUE.match(line)
    fix = None
    if match is not None and '"' not in match["value"]:
        fix = Fix(at.line, (f'{match["head"]}"{match["value"]}"',))
    return Diagnostic(
        Code.UNCLOSED_QUOTE,
        at,
        "a value that begins with a quote ends with it",
        "YAML expects the end of the value here",
        help="quote the whole value, or put the quoted word last",
        fix=fix,
    )


def _plain_error(source: Source, problem: str, at: Span, began: Span | None) -> Diagnostic:
    line = source.line(at.line)
    indent = line[: len(line) - len(line.lstrip())]
    if "cannot start any token" in problem and "\t" in indent:
        column = indent.index("\t") + 1
        spaces = Fix(at.line, (indent.replace("\t", "  ") + line.lstrip(),))
        span = Span(at.line, column)
        return Diagnostic(
            Code.NOT_YAML, span, "a tab is used to indent", help="indent with spaces", fix=spaces
        )
    if "cannot start any token" in problem:
        sign = line[at.column - 1 : at.column]
        message = f"a value cannot begin with `{sign}`"
        return Diagnostic(Code.NOT_YAML, at, message, help="put it in quotes")
    if "unexpected end of stream" in problem and began is not None:
        return Diagnostic(
            Code.NOT_YAML, began, "this quote is never closed", help="close it on this line"
        )
    if "could not find expected ':'" in problem and began is not None:
        message = "this line is neither a `key: value` nor a part of the one above"
        return Diagnostic(
            Code.NOT_YAML, began, message, help="a key has a `:` and a blank after it"
        )
    if "mapping values" in problem:
        message = "this line is indented below a value that is already complete"
        hint = "line it up with the keys it belongs to"
        return Diagnostic(Code.NOT_YAML, Span(at.line, len(indent) + 1), message, help=hint)
    if "expected key" in problem or "'-' indicator" in problem:
        message = "this line does not line up with the ones above it"
        related = ((began, "what it should belong to begins here"),) if began else ()
        return Diagnostic(
            Code.NOT_YAML, at, message, help="give it the same indent", related=related
        )
    if "expected ','" in problem and began is not None:
        sign = source.at(began)
        return Diagnostic(Code.NOT_YAML, began, f"this `{sign}` is never closed", help="close it")
    return Diagnostic(Code.NOT_YAML, _inside(source, at), problem)


def _inside(source: Source, at: Span) -> Span:
    """The end of the file is shown at its last line."""
    if at.line <= len(source.lines):
        return at
    return Span(max(1, len(source.lines)), max(1, len(source.lines[-1])))
