"""A workflow as it is written: every name, number and expression with its place, nothing resolved yet.

What was not said is None, so that `lower` can tell a default from a choice. `broken` marks a step about which an
error was reported already: rules that speak of what is missing leave it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flowdsl.language.text.located import Alignment
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.nodes import Auth, Input
from flowdsl.plan.span import Span
from flowdsl.plan.template import Template
from flowdsl.plan.values import Json


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
    as_string: bool = False  # `format: sf-string`


@dataclass(frozen=True, slots=True)
class Habits:
    """What `defaults` and a service may both say."""

    timeout: Seconds | None = None
    retry: Patience | None = None
    idempotency: Promise | None = None
    settle: Seconds | None = None


@dataclass(frozen=True, slots=True)
class File:
    """The path of another file, as written: relative to the one it is written in."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Service:
    name: Name
    url: Template
    auth: Auth | None = None
    auth_span: Span | None = None
    headers: tuple[tuple[Name, Template], ...] = ()
    habits: Habits = Habits()
    tombstone: bool = False
    max_concurrent: int | None = None
    openapi: File | None = None
    strict: bool = False


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
    operation: Name | None = None  # `service.operationId`, until its contract says method and path


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
    fallback: tuple[Step, ...] = ()
    holds_for: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """Each branch is a step whose verb is a `steps` group."""

    branches: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class WaitUntil:
    moment: Template


@dataclass(frozen=True, slots=True)
class WaitFor:
    signal: Name
    schema: Json = None
    timeout: Seconds | None = None
    expect: Expression | None = None


@dataclass(frozen=True, slots=True)
class Emit:
    """`emit`, as the request it is: a POST to the service `events`, with the data as its body."""

    event: Name
    request: Request


@dataclass(frozen=True, slots=True)
class Uses:
    """`uses`: another workflow file, run as part of this one or, detached, as a run of its own."""

    file: File
    arguments: tuple[tuple[Name, Template], ...] = ()
    detach: bool = False


@dataclass(frozen=True, slots=True)
class Multiplied:
    """`for_each: VARIABLE in ITEMS` beside a verb."""

    variable: Name
    items: Expression
    collect: Literal["all", "settled", "first_success", "quorum"] = "all"
    quorum: int = 0
    max_parallel: int | None = None
    span: Span | None = None


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


Verb: TypeAlias = (
    Call
    | Group
    | Switch
    | Status
    | Assignment
    | Wait
    | WaitUntil
    | WaitFor
    | Emit
    | Uses
    | Fail
    | Commit
)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of `steps`, `parallel` or `on_failure`. `span` is that of its verb."""

    verb: Verb
    span: Span
    id: Name | None = None
    when: Expression | None = None
    critical: bool = True
    after: tuple[Name, ...] = ()
    for_each: Multiplied | None = None
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
    key: Template | None = None
    trigger: Name | None = None  # the type of the event
    written: Mapping[Span, Written] = field(default_factory=dict, repr=False)
    by_service: Mapping[str, Service] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_service = {service.name.text: service for service in reversed(self.services)}
        object.__setattr__(self, "by_service", by_service)

    def locate(self, expression: Expression, start: int, length: int) -> Span:
        """Where a stretch of an expression's text stands in the file."""
        written = self.written.get(expression.span)
        if written is not None:
            return written.alignment.locate(written.offset + start, length)
        return Span(expression.span.line, expression.span.column + start, max(1, length))
