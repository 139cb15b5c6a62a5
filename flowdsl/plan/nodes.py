"""What is to be done: frozen data, the hinge between the language and the core.

A `Plan` is a tree of blocks whose children carry `needs`: the positions of the siblings that must have ended before
they start. A Plan that exists is correct: names resolve, needs point backwards, nothing is below `commit` that could
be undone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flowdsl.plan.address import Address
from flowdsl.plan.expression import Expression
from flowdsl.plan.span import NOWHERE, Span
from flowdsl.plan.template import Template
from flowdsl.plan.values import Json

READS = frozenset({"GET", "HEAD", "OPTIONS"})  # leave nothing behind
RESENDABLE = READS | {"PUT", "DELETE"}  # may be sent again whatever the service declares


@dataclass(frozen=True, slots=True)
class Retry:
    """`attempts` counts all of them; delays are before the second attempt and grow from there."""

    attempts: int = 3
    delay_seconds: float = 0.5
    backoff: float = 2.0
    max_delay_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What a service promises of keys: for how long, in which header."""

    ttl_seconds: float
    header: str = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Service:
    """A named base URL and its habits. `url` reads `env` only; `auth` is the Authorization header."""

    name: str
    url: Template
    auth: Template | None = None
    headers: tuple[tuple[str, Template], ...] = ()
    idempotency: Idempotency | None = None  # None: keys are sent, and not relied on
    settle_seconds: float | None = None  # None: the timeout of the call
    tombstone: bool = False
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Action:
    """One HTTP request as a template, with its own patience. `path` begins with "/"."""

    method: str
    service: str
    path: Template
    query: tuple[tuple[str, Template], ...] = ()
    headers: tuple[tuple[str, Template], ...] = ()
    body: Template | None = None
    timeout_seconds: float = 10.0
    retry: Retry = Retry()
    expect: Expression | None = None
    gone_is_done: bool = False  # `gone: ok`, on an undo
    span: Span = NOWHERE

    @property
    def is_read(self) -> bool:
        return self.method in READS


@dataclass(frozen=True, slots=True)
class Compensation:
    """How a call is undone. `needs_answer`: the undo reads what its step answered, not only its key."""

    action: Action
    needs_answer: bool


@dataclass(frozen=True, slots=True)
class NothingToUndo:
    """`compensate: none`: said on purpose."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Asks what became of a call whose answer was lost. `result` stands in for the answer when `found`."""

    action: Action
    found: Expression
    result: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every node has. The one base class: data shared by data, no behaviour."""

    address: Address
    name: str | None = None  # the step's id as written
    when: Expression | None = None
    critical: bool = True
    needs: tuple[int, ...] = ()  # positions of siblings, all smaller than its own
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    action: Action
    compensation: Compensation | NothingToUndo | None = None
    confirm: Action | None = None
    probe: Probe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Node):
    """The `confirm:` of the call at `of`; stands in a block after the commit line."""

    of: Address
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Node):
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Node):
    """`set:`: names that hold a value from here on."""

    values: tuple[tuple[str, Template], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Node):
    """`status:`: the one public label of the run."""

    text: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Node):
    message: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit(Node):
    """No way back from here. A workflow without the line has one after its last step (`written` is False)."""

    written: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Node):
    """A group of nodes. Order is in the children's `needs`."""

    kind: Literal["steps", "parallel", "confirms"]
    children: tuple[AnyNode, ...]


AnyNode: TypeAlias = Call | Confirm | Wait | Assign | Label | Fail | Commit | Block


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input. `schema` is a JSON Schema for its value."""

    name: str
    schema: Json
    optional: bool = False
    default: Json = None
    has_default: bool = False
    secret: bool = False
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Plan:
    """A workflow, resolved. `digest` names the pinned definition (SHA-256 of it)."""

    name: str
    digest: str
    root: Block
    services: dict[str, Service]
    inputs: tuple[Input, ...] = ()
    outputs: tuple[tuple[str, Template], ...] = ()
    on_failure: Block | None = None
    timeout_seconds: float | None = None
    env: tuple[str, ...] = ()  # names of environment variables that are read, once, at the start
    secrets: tuple[str, ...] = ()
    description: str = ""
    path: str = ""  # the file as given, for messages
    source: str = ""  # its text, for code frames
    nodes: dict[Address, AnyNode] = field(
        default_factory=dict
    )  # every node, confirms and on_failure too
    names: dict[str, Address] = field(
        default_factory=dict
    )  # ids → the step; `set` names → their step
