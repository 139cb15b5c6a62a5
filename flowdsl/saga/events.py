"""The facts of a run, in the past tense. A fact is never taken back.

Three sources: what the world did (`Finished`, `Fired`, …), what a person said (`CancelRequested`, `Resolved`, …), and what
was decided for good (`Decision`): whatever could come out differently if it were computed again later (another
order of arrival, a newer flowdsl) is written down once. Everything else is recomputed by `progress`.

Times are seconds since the epoch, stamped by the loop. The core only adds recorded times and durations; it has no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from flowdsl.plan.address import Address, CallId
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json


class Failure(Struct, frozen=True):
    """What went wrong, as `error` in the language: `{code, step, message, status, response}`.

    `reason`: of a request that was not sent or not answered, why; the message says it with what came of it.
    """

    code: str
    message: str
    step: Address = ""
    status: int | None = None
    response: Json = None
    reason: str = ""


# --- how one attempt ended ---------------------------------------------------------------------------


class Ok(Struct, frozen=True):
    """It happened, and this is the answer. `misfit`: what in it is not as the service's contract describes."""

    status: int
    headers: dict[str, str]
    body: Json
    misfit: str = ""


class Refused(Struct, frozen=True):
    """The service said no, or nothing was sent: this attempt did nothing.

    `again`: it may be tried again (not sent, or refused for now), after `retry_after_seconds` if the service said so.
    `definite`: the answer speaks for the earlier attempts with this key as well.
    `absent`: a probe that found nothing.
    """

    failure: Failure
    again: bool = False
    retry_after_seconds: float | None = None
    definite: bool = False
    absent: bool = False
    sent: bool = True
    headers: dict[str, str] | None = None  # of the answer that said so


class Unknown(Struct, frozen=True):
    """It may have happened. `answer`: a 2xx whose body was read but could not be judged, kept for the undo."""

    failure: Failure
    answer: Ok | None = None
    interrupted: bool = False  # the process died while it was out
    retry_after_seconds: float | None = None
    spared: bool = False  # one that a crash interrupted, and that need not count against `attempts`
    headers: dict[str, str] | None = None  # of an answer that decides nothing


Outcome: TypeAlias = Ok | Refused | Unknown


class Fingerprint(Struct, frozen=True):
    """Of a secret, as one drive of the run had it: enough to know it again, too little to say it."""

    name: str
    length: int  # in characters
    seal: str  # HMAC with the store's key


# --- what the world did ------------------------------------------------------------------------------


class Created(Struct, frozen=True):
    """The first fact of every run; pins all it depends on from outside."""

    run: str
    workflow: str
    digest: str  # of the definition
    at: float
    inputs: dict[str, Json]  # secret ones left out
    env: dict[str, str | None]
    services: dict[str, str]  # base URLs that replace those of the file (`--env`)
    started: str = ""  # `at` as people write it, for `run.started`
    key: str = ""  # runs with the same key go one at a time
    parent: str = ""  # the run that started this one
    fingerprints: tuple[Fingerprint, ...] = ()
    claim: str = ""  # what an id is claimed with, where the inputs are kept masked
    # those that were given; None: there are none, or it was not kept yet
    secret_inputs: tuple[str, ...] | None = None
    trace: str = ""  # the `traceparent` that its caller had


class Started(Struct, frozen=True):
    """The intent: durable before a byte is sent. Key and request are in a call's first one only, and hold for all."""

    call: CallId
    attempt: int
    at: float
    key: str = ""
    request: Request | None = None
    seal: str = ""  # HMAC of the body with its secrets in place; empty where it holds none


class Finished(Struct, frozen=True):
    call: CallId
    attempt: int
    at: float
    outcome: Outcome


class Armed(Struct, frozen=True):
    """A timer's due time, kept before anybody sleeps."""

    timer: str
    due: float


class Fired(Struct, frozen=True):
    timer: str
    at: float


class Admitted(Struct, frozen=True):
    """It is this run's turn among those with its key."""

    at: float


class Begun(Struct, frozen=True):
    """The detached run that `Detached` speaks of is created, durably."""

    node: Address
    at: float


class Expired(Struct, frozen=True):
    """The service no longer remembers the call's key: it must not be sent again."""

    call: CallId


class Resumed(Struct, frozen=True):
    """Another process, or the same file again, took the run over. Counted before the run is touched."""

    epoch: int
    at: float
    by: str = ""
    fingerprints: tuple[Fingerprint, ...] = ()


class Paused(Struct, frozen=True):
    """A person stopped the driver: nobody adopts the run unattended."""

    at: float


class Stopped(Struct, frozen=True):
    """The driver was told to end, and the run was saved: that was not a crash, and the next process may go on with it."""

    at: float


# --- what a person said ------------------------------------------------------------------------------


class CancelRequested(Struct, frozen=True):
    at: float
    actor: str = ""
    reason: str = ""


class Retried(Struct, frozen=True):
    """A fresh set of attempts, with the same key. `call` is empty for all that are stuck."""

    call: CallId
    at: float
    actor: str = ""


class Resolved(Struct, frozen=True):
    """A person supplies the lost answer (`ok`), or says that it never happened."""

    call: CallId
    at: float
    ok: bool
    body: Json = None
    actor: str = ""
    reason: str = ""


class Waived(Struct, frozen=True):
    """A person's word that this is dealt with (`--skip`). The run may end; the residue keeps it."""

    call: CallId
    at: float
    actor: str = ""
    reason: str = ""


class Signalled(Struct, frozen=True):
    """Somebody answered a `wait_for`, perhaps before the run came there. `id` tells a repetition from a second one."""

    id: str
    name: str
    payload: Json
    at: float
    actor: str = ""


# --- what was decided for good -----------------------------------------------------------------------


class Skipped(Struct, frozen=True):
    """`when` was false."""

    node: Address


class Done(Struct, frozen=True):
    """A node without a request has its value (`set`, `status`, a signal), or a `switch` the place of its branch."""

    node: Address
    value: Json
    is_place: bool = False


class Failed(Struct, frozen=True):
    """It cannot be done and nothing was sent: an expression raised, or the step is `fail`."""

    node: CallId
    failure: Failure


class Expanded(Struct, frozen=True):
    """The items of a `for_each`, once and for ever."""

    each: Address
    items: tuple[Json, ...]


class Chosen(Struct, frozen=True):
    """The items that won; whatever else took effect in it is undone."""

    each: Address
    winners: tuple[int, ...]


class Received(Struct, frozen=True):
    """The signal that a `wait_for` took; no other wait gets it."""

    node: Address
    signal: str  # its id


class Detached(Struct, frozen=True):
    """A run of its own is to be started: the intent, kept before it is created."""

    node: Address
    run: str
    digest: str
    inputs: dict[str, Json]


class Turned(Struct, frozen=True):
    """Forward → backward, never forward again.

    `scope` is what turns: the whole run, a block that is not critical, or an item of a `for_each` that lost.
    """

    scope: Address
    cause: str  # refused | cancelled | deadline | lost
    failure: Failure


class Planned(Struct, frozen=True):
    """What will be undone: every call of the scope that is ok or unknown once nothing is in flight any more."""

    scope: Address
    calls: tuple[Address, ...]


class Committed(Struct, frozen=True):
    """Nothing is undone any more."""


class Alerted(Struct, frozen=True):
    """`on_failure` runs, once, because the run first became this. `failure` is the `error` that its steps see."""

    state: str
    failure: Failure | None = None


class Parked(Struct, frozen=True):
    """The run crashed its driver too often without getting on."""

    failure: Failure


class Ended(Struct, frozen=True):
    """`outputs` are kept of a run whose data are kept masked: from those they could not be computed again."""

    state: str  # succeeded | compensated | cancelled
    outputs: dict[str, Json] | None = None


# --- what only a newer flowdsl knows -----------------------------------------------------------------


class Unrecognised(Struct, frozen=True):
    """A record of a later version that may be passed over. Its bytes stay as they were written."""

    kind: str


Decision: TypeAlias = (
    Skipped
    | Done
    | Failed
    | Expanded
    | Chosen
    | Received
    | Detached
    | Turned
    | Planned
    | Committed
    | Alerted
    | Parked
    | Ended
)
Event: TypeAlias = (
    Created
    | Started
    | Finished
    | Armed
    | Fired
    | Admitted
    | Begun
    | Expired
    | Resumed
    | Paused
    | Stopped
    | Signalled
    | CancelRequested
    | Retried
    | Resolved
    | Waived
    | Decision
    | Unrecognised
)


def event_time(event: Event, otherwise: float) -> float:
    """When it happened; a decision has no time of its own."""
    at = getattr(event, "at", None)
    return at if isinstance(at, float | int) else otherwise


def last_time(events: Iterable[Event], otherwise: float) -> float:
    """When the last of them happened."""
    return max((event_time(event, otherwise) for event in events), default=otherwise)
