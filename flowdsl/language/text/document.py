"""YAML 1.2 core, read into a `Located` tree: the only importer of the YAML library.

The event stream goes into an iterative builder, since the library's own loading recurses (a file of 50,000 `[`
kills the process), keeps the last of two equal keys and reads YAML 1.1. Limits are checked while events arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Protocol

import yaml
from msgspec import Struct, field

from flowdsl.codes import Code
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.language.text.located import Located, Mapping, Scalar, Sequence
from flowdsl.language.text.source import Source
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json

LIMIT_BYTES = 1 << 20
LIMIT_DEPTH = 100
LIMIT_NODES = 50_000
LIMIT_DIGITS = 1_000
LIMIT_EXPONENT = 1_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile(
    r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffc\U00010000-\U0010ffff]"
)
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TOO_DEEP = "maximum nesting depth"  # the library has a limit of its own, and may come to it before it tells of the first level
_DEEP = f"more than {LIMIT_DEPTH} levels deep"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})


def load_document(source: Source) -> tuple[Located | None, list[Diagnostic]]:
    """The tree, or None where there is none to speak of; and what is wrong with the YAML."""
    if len(source.text.encode("utf-8", errors="replace")) > LIMIT_BYTES:
        return None, [_limit(Span(1, 1), "the file is larger than 1 MiB")]
    if (character := _unreadable_character(source)) is not None:
        return None, [character]
    builder = _Builder(source)
    try:
        for event in _events(source.text):
            builder.take(event)
    except _Refused as refused:
        return None, [*builder.problems, refused.diagnostic]
    except yaml.YAMLError as error:
        problem, stopped, began = _told(error)
        if _TOO_DEEP in problem:
            return None, [*builder.problems, _limit(stopped, _DEEP)]
        from flowdsl.language.text.traps import explain_yaml_error

        return None, [*builder.problems, explain_yaml_error(source, problem, stopped, began)]
    if builder.root is None and not builder.problems:
        builder.problems.append(Diagnostic(Code.NOT_YAML, Span(1, 1), "the file is empty"))
    return builder.root, builder.problems


def _unreadable_character(source: Source) -> Diagnostic | None:
    """A character that no YAML file holds: control characters, halves of a pair, what did not decode."""
    found = _CONTROL.search(source.text)
    if found is None:
        return None
    before = Source("", source.text[: found.start()] + ".").lines
    span = Span(len(before), len(before[-1]))
    hint = "save the file as UTF-8" if found.group() == "\ufffd" else "delete it"
    name = f"U+{ord(found.group()):04X}"
    return Diagnostic(Code.NOT_YAML, span, f"the character {name} cannot stand in YAML", help=hint)


class _Mark(Protocol):
    """Where the library stands: lines and columns from 0, `index` in characters of the whole text."""

    line: int
    column: int
    index: int


class _Refused(Exception):
    """Stops the reading: nothing after this can be trusted, or afforded."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class _Frame(Struct):
    """A collection that is still open."""

    is_mapping: bool
    span: Span
    anchor: str | None
    items: list[Located] = field(default_factory=list)
    entries: list[tuple[Scalar, Located]] = field(default_factory=list)
    seen: dict[str, Span] = field(default_factory=dict)
    key: Scalar | None = None
    key_is_ours: bool = True  # False: refused, its value is dropped
    size: int = 1
    height: int = 1


class _Anchored(Struct, frozen=True):
    node: Located
    size: int
    height: int


class _Builder:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: Located | None = None
        self.problems: list[Diagnostic] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored] = {}
        self.nodes = 0
        self.documents = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    span = self.span(event)
                    raise _Refused(
                        _unused(span, "one file holds one workflow", "split it at `---`")
                    )
            case yaml.ScalarEvent():
                self.refuse_tag(event)
                self.count(1, self.span(event))
                self.add(self.scalar(event), event.anchor, size=1, height=0)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self.refuse_tag(event)
                self.open(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self.close(event)
            case yaml.AliasEvent():
                self.alias(event)

    def open(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        if len(self.stack) >= LIMIT_DEPTH:
            raise _Refused(_limit(self.span(event), _DEEP))
        self.count(1, self.span(event))
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.stack.append(_Frame(is_mapping, self.span(event), event.anchor))

    def close(self, event: yaml.CollectionEndEvent) -> None:
        frame = self.stack.pop()
        span = frame.span
        end = _mark(event.end_mark)
        if end.line + 1 == span.line:
            span = Span(span.line, span.column, max(1, end.column + 1 - span.column))
        node: Located = (
            Mapping(tuple(frame.entries), span)
            if frame.is_mapping
            else Sequence(tuple(frame.items), span)
        )
        self.add(node, frame.anchor, size=frame.size, height=frame.height)

    def alias(self, event: yaml.AliasEvent) -> None:
        anchored = self.anchors.get(event.anchor or "")
        if anchored is None:
            around = any(frame.anchor == event.anchor for frame in self.stack)
            what = "stands inside what it names" if around else "names nothing above it"
            message = f"`*{event.anchor}` {what}"
            hint = "a text that begins with `*` needs quotes"
            raise _Refused(_unused(self.span(event), message, hint))
        if len(self.stack) + anchored.height > LIMIT_DEPTH:
            raise _Refused(_limit(self.span(event), _DEEP))
        self.count(anchored.size, self.span(event))
        self.add(anchored.node, None, size=anchored.size, height=anchored.height)

    def add(self, node: Located, anchor: str | None, *, size: int, height: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = _Anchored(node, size, height)
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if not frame.is_mapping:
            frame.items.append(node)
        elif frame.key is None:
            self.add_key(frame, node)
        else:
            if frame.key_is_ours:
                frame.entries.append((frame.key, node))
            frame.key = None

    def count(self, values: int, span: Span) -> None:
        self.nodes += values
        if self.nodes > LIMIT_NODES:
            raise _Refused(_limit(span, f"more than {LIMIT_NODES:,} values, aliases expanded"))

    def add_key(self, frame: _Frame, node: Located) -> None:
        problem = _key_problem(node, frame.seen)
        if problem is not None:
            self.problems.append(problem)
        frame.key_is_ours = problem is None
        if isinstance(node, Scalar):
            frame.key = node
            frame.seen.setdefault(node.text, node.span)
        else:
            frame.key = Scalar(None, "", node.span, "", "")

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        start, end = _mark(event.start_mark), _mark(event.end_mark)
        style = event.style if event.style in ("'", '"', "|", ">") else ""
        span = self.span(event)
        value: Json = event.value
        if not style:
            value = self.resolve(event.value, span)
        return Scalar(value, event.value, span, style, self.source.text[start.index : end.index])

    def resolve(self, text: str, span: Span) -> Json:
        """What a plain scalar means in YAML 1.2: `no`, `on` and `12:30` are text."""
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INTEGER.fullmatch(text):
            if len(text) > LIMIT_DIGITS:
                raise _Refused(_limit(span, f"a number of more than {LIMIT_DIGITS:,} digits"))
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _DECIMAL.fullmatch(text):
            if len(text) > LIMIT_DIGITS or _exponent(text) > LIMIT_EXPONENT:
                raise _Refused(_limit(span, "a number with too many digits"))
            return Decimal(text)
        return text

    def refuse_tag(
        self, event: yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent
    ) -> None:
        if event.tag is not None:
            message = "a word that begins with `!` is a YAML tag, and workflows have none"
            hint = "for the opposite of x write `not x`; a text that begins with `!` needs quotes"
            raise _Refused(_unused(self.span(event), message, hint))

    def span(self, event: yaml.Event) -> Span:
        start, end = _mark(event.start_mark), _mark(event.end_mark)
        line, column = start.line + 1, start.column + 1
        if end.line == start.line:
            return Span(line, column, max(1, end.column - start.column))
        return Span(line, column, max(1, len(self.source.line(line).rstrip()) - start.column))


def _mark(mark: _Mark | None) -> _Mark:
    assert mark is not None, "the library marks every event"
    return mark


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=_LOADER)


def _exponent(text: str) -> int:
    _, _, exponent = text.lower().partition("e")
    return abs(int(exponent)) if exponent else 0


def _key_problem(node: Located, seen: dict[str, Span]) -> Diagnostic | None:
    if not isinstance(node, Scalar):
        hint = "a text that begins with `{` or `[` needs quotes; an expression is written `${…}`"
        return _unused(node.span, "a key must be text, not a list or an object", hint)
    if node.text == "<<" and not node.style:
        hint = "write the keys out; `&name` and `*name` may share whole values"
        return _unused(node.span, "merge keys (`<<`) are not read", hint)
    if not isinstance(node.value, str):
        hint = f'write it in quotes: "{node.text}"'
        return _unused(node.span, f"the key `{node.text}` is not text", hint)
    if node.text in seen:
        first = seen[node.text]
        message = f"`{node.text}` is given twice"
        return Diagnostic(
            Code.REPEATED_KEY,
            node.span,
            message,
            "again here",
            related=((first, "first given here"),),
        )
    return None


def _told(error: yaml.YAMLError) -> tuple[str, Span, Span | None]:
    """The library's words, where it stopped, and where the thing it was reading began."""
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    stopped = Span(mark.line + 1, mark.column + 1) if mark is not None else Span(1, 1)
    began = Span(context.line + 1, context.column + 1) if context is not None else None
    words = getattr(error, "context", None) or ""
    return f"{words}: {problem}" if words else problem, stopped, began


def _limit(span: Span, message: str) -> Diagnostic:
    return Diagnostic(Code.FILE_OVER_LIMIT, span, message)


def _unused(span: Span, message: str, hint: str) -> Diagnostic:
    return Diagnostic(Code.UNUSED_YAML, span, message, help=hint)
