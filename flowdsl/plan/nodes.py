"""What is to be done: frozen data, the hinge between the language and the core.

A `Plan` is a tree of blocks whose children carry `needs`: the positions of the siblings that must have ended before
they start. A Plan that exists is correct: names resolve, needs point backwards, nothing is below `commit` that could
be undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from msgspec import Struct

from flowdsl.plan.address import Address
from flowdsl.plan.body import Body, EventBody
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.span import NOWHERE, Span
from flowdsl.plan.template import Template
from flowdsl.plan.values import Json

READS = frozenset({"GET", "HEAD", "OPTIONS"})  # leave nothing behind
RESENDABLE = READS | {"PUT", "DELETE"}  # may be sent again whatever the service declares


class Retry(Struct, frozen=True):
    """`attempts` counts all of them; delays are before the second attempt and grow from there."""

    attempts: int = 3
    delay_seconds: float = 0.5
    backoff: float = 2.0
    max_delay_seconds: float = 30.0


class Idempotency(Struct, frozen=True):
    """What a service promises of keys: for how long, in which header."""

    ttl_seconds: float
    header: str = "Idempotency-Key"
    as_string: bool = False  # `format: sf-string`: in quotes, as a structured field


class Basic(Struct, frozen=True):
    """`auth: { basic: … }`: a user and a password, or none."""

    user: Template
    password: Template | None = None


Auth: TypeAlias = "Template | Basic"  # the Authorization header


def templates_of(auth: Auth | None) -> tuple[Template, ...]:
    if isinstance(auth, Basic):
        return (auth.user,) if auth.password is None else (auth.user, auth.password)
    return () if auth is None else (auth,)


class Service(Struct, frozen=True):
    """A named base URL and its habits. `url` reads `env` only; `auth` is the Authorization header."""

    name: str
    url: Template
    auth: Auth | None = None
    headers: tuple[tuple[str, Template], ...] = ()
    idempotency: Idempotency | None = None  # None: keys are sent, and not relied on
    settle_seconds: float | None = None  # None: the timeout of the call
    tombstone: bool = False
    max_concurrent: int | None = None  # requests in flight at once, over all runs of the process
    contract: str = ""  # the path of its OpenAPI document, among `Plan.files`
    strict: bool = False  # an answer that does not fit the contract is refused, not only warned of
    span: Span = NOWHERE


class Action(Struct, frozen=True):
    """One HTTP request as a template, with its own patience. `path` begins with "/"."""

    method: str
    service: str
    path: Template
    query: tuple[tuple[str, Template], ...] = ()
    headers: tuple[tuple[str, Template], ...] = ()
    body: Body | None = None
    timeout_seconds: float = 10.0
    retry: Retry = Retry()
    expect: Expression | None = None
    gone_is_done: bool = False  # `gone: ok`, on an undo
    span: Span = NOWHERE

    @property
    def data(self) -> Template | None:
        """What its body says."""
        return None if self.body is None else self.body.data

    @property
    def event(self) -> str | None:
        """The type of the event that it emits."""
        return self.body.type if isinstance(self.body, EventBody) else None

    @property
    def is_read(self) -> bool:
        return self.method in READS


class Compensation(Struct, frozen=True):
    """How a call is undone. `needs_answer`: the undo reads what its step answered, not only its key."""

    action: Action
    needs_answer: bool


class NothingToUndo(Struct, frozen=True):
    """`compensate: none`: said on purpose."""


class Probe(Struct, frozen=True):
    """Asks what became of a call whose answer was lost. `result` stands in for the answer when `found`."""

    action: Action
    found: Expression
    result: Expression | None = None


class Node(Struct, frozen=True, kw_only=True):
    """What every node has. The base classes share data and say what kind of node it is; they do nothing."""

    address: Address
    name: str | None = None  # the step's id as written
    when: Expression | None = None
    critical: bool = True
    needs: tuple[int, ...] = ()  # positions of siblings, all smaller than its own
    span: Span = NOWHERE


class Call(Node, frozen=True, kw_only=True):
    action: Action
    compensation: Compensation | NothingToUndo | None = None
    confirm: Action | None = None
    probe: Probe | None = None
    fallback: Block | None = None  # run when the call is refused; at the call's own address
    holds_seconds: float | None = None  # `holds_for`: how long the service keeps what it reserved


class Confirm(Node, frozen=True, kw_only=True):
    """The `confirm:` of the call at `of`; stands in a block after the commit line."""

    of: Address
    action: Action


class Local(Node, frozen=True, kw_only=True):
    """A node that the run carries out itself: nothing is sent and nothing is in it, so nothing of it has to be undone.

    Who walks the plan for what is sent, or for what is in what, need not know them one by one.
    """


class Wait(Local, frozen=True, kw_only=True):
    """`wait: 30s`, or `wait_until`: an expression that says when, as RFC 3339 or seconds since the epoch."""

    seconds: float = 0.0
    until: Expression | None = None


class WaitFor(Local, frozen=True, kw_only=True):
    """`wait_for`: a signal of this name; its payload is the value. `schema` is a JSON Schema for it."""

    signal: str
    schema: Json = None
    timeout_seconds: float | None = None
    expect: Expression | None = None


class Set(Local, frozen=True, kw_only=True):
    """`set:`: names that hold a value from here on."""

    values: tuple[tuple[str, Template], ...]


class Status(Local, frozen=True, kw_only=True):
    """`status:`: the one public label of the run."""

    text: Template


class Fail(Local, frozen=True, kw_only=True):
    message: Template


class Commit(Local, frozen=True, kw_only=True):
    """No way back from here. A workflow without the line has one after its last step (`written` is False)."""

    written: bool = True


class Block(Node, frozen=True, kw_only=True):
    """A group of nodes. Order is in the children's `needs`."""

    kind: Literal["steps", "parallel", "confirms", "uses", "items"]
    children: tuple[AnyNode, ...]


class Switch(Node, frozen=True, kw_only=True):
    """The first branch whose `when` holds is walked; a branch without one always holds."""

    branches: tuple[Block, ...]


Collect: TypeAlias = Literal["all", "settled", "first_success", "quorum"]


class ForEach(Node, frozen=True, kw_only=True):
    """`for_each`. `body` is the template of an item, at `ADDRESS[]`; `branches` are the items, once they are known.

    `quorum`: how many must succeed (1 for `first_success`). `mirrors`: the `ForEach` above the commit line whose items
    these confirms belong to; such a node has no items of its own.
    """

    variable: str = ""
    items: Expression | None = None
    body: AnyNode
    collect: Collect = "all"
    quorum: int = 0
    max_parallel: int | None = None
    mirrors: Address | None = None
    branches: tuple[AnyNode, ...] | None = None


class Detach(Node, frozen=True, kw_only=True):
    """`uses` with `detach: true`: starts a run of its own, of the plan at `Plan.detached[digest]`."""

    digest: str
    workflow: str
    arguments: tuple[tuple[str, Template], ...] = ()


AnyNode: TypeAlias = (
    Call
    | Confirm
    | Wait
    | WaitFor
    | Set
    | Status
    | Fail
    | Commit
    | Block
    | Switch
    | ForEach
    | Detach
)


class Input(Struct, frozen=True):
    """One declared input. `schema` is a JSON Schema for its value."""

    name: str
    schema: Json
    optional: bool = False
    default: Json = None
    has_default: bool = False
    secret: bool = False
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Child:
    """What the names inside a used workflow mean: the file's own names, and its inputs as the parent gives them."""

    workflow: str
    inputs: tuple[Input, ...] = ()
    arguments: tuple[tuple[str, Template], ...] = ()  # `with`, in the names of the parent
    outputs: tuple[tuple[str, Template], ...] = ()
    names: dict[str, Address] = field(default_factory=dict)
    path: str = ""  # the file, for messages
    source: str = ""  # its text, for code frames


class Trigger(Struct, frozen=True):
    event: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A workflow, resolved. `digest` names the pinned definition (SHA-256 of it and of all files it uses).

    Addresses with `[]` in them are templates of items. `unfold` and `grown` put the items in once they are known; `folded` is then
    the plan as it was.
    """

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
    nodes: Mapping[Address, AnyNode] = field(
        default_factory=dict
    )  # every node, confirms and on_failure too
    names: dict[str, Address] = field(
        default_factory=dict
    )  # ids → the step; `set` names and variables of `for_each` → their step
    key: Template | None = None  # runs with the same key go one at a time
    trigger: Trigger | None = None
    children: dict[Address, Child] = field(default_factory=dict)  # by the address of the `uses`
    detached: dict[str, Plan] = field(default_factory=dict)  # by digest
    files: tuple[tuple[str, str], ...] = ()  # every other file it is made of: path, text
    folded: Plan | None = None
    unfolded: dict[frozenset[tuple[Address, int]], Plan] = field(
        default_factory=dict, compare=False, repr=False
    )  # what `unfold` has made already
