"""A workflow as it is written: every name, number and expression with its place, nothing resolved yet.

What was not said is None, so that `lower` can tell a default from a choice. `broken` marks a step about which an
error was reported already: rules that speak of what is missing leave it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flowdsl.language.located import Alignment
from flowdsl.plan.expression import Expression
from flowdsl.plan.nodes import Input
from flowdsl.plan.span import Span
from flowdsl.plan.template import Template


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Seconds:
    value: float
    span: Span


@dataclass(frozen=True, slots=True)
class Patience:
    """`retry:`, as far as it was said."""

    attempts: int | None = None
    delay_seconds: float | None = None
    backoff: float | None = None
    max_delay_seconds: float | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """`idempotency:`, as written."""

    ttl_seconds: float
    header: str | None = None


@dataclass(frozen=True, slots=True)
class Habits:
    """What `defaults` and a service may both say."""

    timeout: Seconds | None = None
    retry: Patience | None = None
    idempotency: Promise | None = None
    settle: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Service:
    name: Name
    url: Template
    auth: Template | None = None
    headers: tuple[tuple[Name, Template], ...] = ()
    habits: Habits = Habits()
    tombstone: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """`[METHOD] service/path` and what stands beside it. `span` is that of the call string."""

    method: str
    service: Name
    path: Template
    span: Span
    query: tuple[tuple[Name, Template], ...] = ()
    headers: tuple[tuple[Name, Template], ...] = ()
    body: Template | None = None
    timeout: Seconds | None = None
    retry: Patience | None = None
    expect: Expression | None = None
    gone_is_done: bool = False


@dataclass(frozen=True, slots=True)
class Undo:
    """`compensate:`. Without a request it is `none`: said on purpose."""

    key: Span
    request: Request | None


@dataclass(frozen=True, slots=True)
class Confirmation:
    key: Span
    request: Request


@dataclass(frozen=True, slots=True)
class Probing:
    key: Span
    request: Request
    found: Expression
    result: Expression | None


@dataclass(frozen=True, slots=True)
class Call:
    request: Request
    compensate: Undo | None = None
    confirm: Confirmation | None = None
    probe: Probing | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """`parallel:` or `steps:`."""

    kind: Literal["parallel", "steps"]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Status:
    text: Template


@dataclass(frozen=True, slots=True)
class Assignment:
    values: tuple[tuple[Name, Template], ...]


@dataclass(frozen=True, slots=True)
class Wait:
    duration: Seconds


@dataclass(frozen=True, slots=True)
class Fail:
    message: Template


@dataclass(frozen=True, slots=True)
class Commit:
    """The word alone."""


Verb: TypeAlias = Call | Group | Status | Assignment | Wait | Fail | Commit


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of `steps`, `parallel` or `on_failure`. `span` is that of its verb."""

    verb: Verb
    span: Span
    id: Name | None = None
    when: Expression | None = None
    critical: bool = True
    after: tuple[Name, ...] = ()
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """Where an expression begins in a text that cannot be placed by counting columns: escapes, several lines."""

    alignment: Alignment
    offset: int


@dataclass(frozen=True, slots=True)
class Workflow:
    name: str
    span: Span
    steps: tuple[Step, ...]
    description: str = ""
    timeout: Seconds | None = None
    inputs: tuple[Input, ...] = ()
    services: tuple[Service, ...] = ()
    defaults: Habits = Habits()
    on_failure: tuple[Step, ...] = ()
    outputs: tuple[tuple[Name, Template], ...] = ()
    written: Mapping[Span, Written] = field(default_factory=dict, repr=False)

    def locate(self, expression: Expression, start: int, length: int) -> Span:
        """Where a stretch of an expression's text stands in the file."""
        written = self.written.get(expression.span)
        if written is not None:
            return written.alignment.locate(written.offset + start, length)
        return Span(expression.span.line, expression.span.column + start, max(1, length))
