"""A workflow as it is written: every name, number and expression with its place, nothing resolved yet.

What was not said is None, so that `lower` can tell a default from a choice. `broken` marks a step about which an
error was reported already: rules that speak of what is missing leave it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias, get_args

from msgspec import Struct

from flowdsl.language.text.located import Alignment
from flowdsl.plan.body import Body
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.nodes import Auth, Input
from flowdsl.plan.span import Span
from flowdsl.plan.template import Template
from flowdsl.plan.values import Json


class Name(Struct, frozen=True):
    text: str
    span: Span


class Seconds(Struct, frozen=True):
    value: float
    span: Span


class WrittenRetry(Struct, frozen=True):
    """`retry:`, as far as it was said."""

    attempts: int | None = None
    delay_seconds: float | None = None
    backoff: float | None = None
    max_delay_seconds: float | None = None
    span: Span | None = None


class WrittenIdempotency(Struct, frozen=True):
    """`idempotency:`, as written."""

    ttl_seconds: float
    header: str | None = None
    as_string: bool = False  # `format: sf-string`


class WrittenDefaults(Struct, frozen=True):
    """What `defaults` and a service may both say."""

    timeout: Seconds | None = None
    retry: WrittenRetry | None = None
    idempotency: WrittenIdempotency | None = None
    settle: Seconds | None = None


class File(Struct, frozen=True):
    """The path of another file, as written: relative to the one it is written in."""

    path: str
    span: Span


class WrittenService(Struct, frozen=True):
    name: Name
    url: Template
    auth: Auth | None = None
    auth_span: Span | None = None
    headers: tuple[tuple[Name, Template], ...] = ()
    habits: WrittenDefaults = WrittenDefaults()
    tombstone: bool = False
    max_concurrent: int | None = None
    openapi: File | None = None
    strict: bool = False


class WrittenRequest(Struct, frozen=True):
    """`[METHOD] service/path` and what stands beside it. `span` is that of the call string."""

    method: str
    service: Name
    path: Template
    span: Span
    query: tuple[tuple[Name, Template], ...] = ()
    headers: tuple[tuple[Name, Template], ...] = ()
    body: Body | None = None
    timeout: Seconds | None = None
    retry: WrittenRetry | None = None
    expect: Expression | None = None
    gone_is_done: bool = False
    operation: Name | None = None  # `service.operationId`, until its contract says method and path


class WrittenCompensation(Struct, frozen=True):
    """`compensate:`. Without a request it is `none`: said on purpose."""

    key: Span
    request: WrittenRequest | None


class WrittenConfirm(Struct, frozen=True):
    key: Span
    request: WrittenRequest


class WrittenProbe(Struct, frozen=True):
    key: Span
    request: WrittenRequest
    found: Expression
    result: Expression | None


class CallVerb(Struct, frozen=True):
    kind: ClassVar = "call"
    request: WrittenRequest
    compensate: WrittenCompensation | None = None
    confirm: WrittenConfirm | None = None
    probe: WrittenProbe | None = None
    fallback: tuple[Step, ...] = ()
    holds_for: Seconds | None = None


class GroupVerb(Struct, frozen=True):
    """`parallel:` or `steps:`."""

    kind: Literal["parallel", "steps"]
    steps: tuple[Step, ...]


class SwitchVerb(Struct, frozen=True):
    """Each branch is a step whose verb is a `steps` group."""

    kind: ClassVar = "switch"
    branches: tuple[Step, ...]


class UsesVerb(Struct, frozen=True):
    """`uses`: another workflow file, run as part of this one or, detached, as a run of its own."""

    kind: ClassVar = "uses"
    file: File
    arguments: tuple[tuple[Name, Template], ...] = ()
    detach: bool = False


class EmitVerb(Struct, frozen=True):
    """`emit`, as the request it is: a POST to the service `events`, with the data as its body."""

    kind: ClassVar = "emit"
    event: Name
    request: WrittenRequest


class LocalVerb(Struct, frozen=True):
    """A verb that the run carries out itself: no step is in it, and nothing is sent."""


class WaitVerb(LocalVerb, frozen=True):
    kind: ClassVar = "wait"
    duration: Seconds


class WaitUntilVerb(LocalVerb, frozen=True):
    kind: ClassVar = "wait_until"
    moment: Template


class WaitForVerb(LocalVerb, frozen=True):
    kind: ClassVar = "wait_for"
    signal: Name
    schema: Json = None
    timeout: Seconds | None = None
    expect: Expression | None = None


class SetVerb(LocalVerb, frozen=True):
    kind: ClassVar = "set"
    values: tuple[tuple[Name, Template], ...]


class StatusVerb(LocalVerb, frozen=True):
    kind: ClassVar = "status"
    text: Template


class FailVerb(LocalVerb, frozen=True):
    kind: ClassVar = "fail"
    message: Template


class CommitVerb(LocalVerb, frozen=True):
    """The word alone."""

    kind: ClassVar = "commit"


Verb: TypeAlias = (
    CallVerb
    | GroupVerb
    | SwitchVerb
    | UsesVerb
    | WaitVerb
    | WaitUntilVerb
    | WaitForVerb
    | EmitVerb
    | SetVerb
    | StatusVerb
    | FailVerb
    | CommitVerb
)
GROUPS = ("parallel", "steps")
# The keys that a step may begin with, in the order in which a message lists them. `commit` is a word alone.
VERBS: tuple[str, ...] = tuple(
    kind
    for verb in get_args(Verb)
    for kind in (GROUPS if verb is GroupVerb else (verb.kind,))
    if verb is not CommitVerb
)


class WrittenForEach(Struct, frozen=True):
    """`for_each: VARIABLE in ITEMS` beside a verb."""

    variable: Name
    items: Expression
    collect: Literal["all", "settled", "first_success", "quorum"] = "all"
    quorum: int = 0
    max_parallel: int | None = None
    span: Span | None = None


class Step(Struct, frozen=True):
    """One entry of `steps`, `parallel` or `on_failure`. `span` is that of its verb."""

    verb: Verb
    span: Span
    id: Name | None = None
    when: Expression | None = None
    critical: bool = True
    after: tuple[Name, ...] = ()
    for_each: WrittenForEach | None = None
    broken: bool = False


class Unaligned(Struct, frozen=True):
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
    services: tuple[WrittenService, ...] = ()
    defaults: WrittenDefaults = WrittenDefaults()
    on_failure: tuple[Step, ...] = ()
    outputs: tuple[tuple[Name, Template], ...] = ()
    key: Template | None = None
    trigger: Name | None = None  # the type of the event
    written: Mapping[Span, Unaligned] = field(default_factory=dict, repr=False)
    by_service: Mapping[str, WrittenService] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_service = {service.name.text: service for service in reversed(self.services)}
        object.__setattr__(self, "by_service", by_service)

    def locate(self, expression: Expression, start: int, length: int) -> Span:
        """Where a stretch of an expression's text stands in the file."""
        written = self.written.get(expression.span)
        if written is not None:
            return written.alignment.locate(written.offset + start, length)
        return Span(expression.span.line, expression.span.column + start, max(1, length))
