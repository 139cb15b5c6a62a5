"""The facts of a run, in the past tense. A fact is never taken back.

Three sources: what the world did (`Finished`, `Fired`, …), what a person said (`CancelRequested`, `Resolved`, …), and what
was decided for good (`Decision`): whatever could come out differently if it were computed again later (another
order of arrival, a newer flowdsl) is written down once. Everything else is recomputed by `progress`.

Times are seconds since the epoch, stamped by the loop. The core only adds recorded times and durations; it has no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from flowdsl.plan.address import Address, CallId
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, as `error` in the language: `{code, step, message, status, response}`."""

    code: str
    message: str
    step: Address = ""
    status: int | None = None
    response: Json = None


# --- how one attempt ended ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ok:
    """It happened, and this is the answer. `misfit`: what in it is not as the service's contract describes."""

    status: int
    headers: dict[str, str]
    body: Json
    misfit: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
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


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened. `answer`: a 2xx whose body was read but could not be judged, kept for the undo."""

    failure: Failure
    answer: Ok | None = None
    interrupted: bool = False  # the process died while it was out
    retry_after_seconds: float | None = None
    spared: bool = False  # one that a crash interrupted, and that need not count against `attempts`
    headers: dict[str, str] | None = None  # of an answer that decides nothing


Outcome: TypeAlias = Ok | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of a secret, as one drive of the run had it: enough to know it again, too little to say it."""

    name: str
    length: int  # in characters
    seal: str  # HMAC with the store's key


# --- what the world did ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Created:
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


@dataclass(frozen=True, slots=True)
class Started:
    """The intent: durable before a byte is sent. Key and request are in a call's first one only, and hold for all."""

    call: CallId
    attempt: int
    at: float
    key: str = ""
    request: Request | None = None
    seal: str = ""  # HMAC of the body with its secrets in place; empty where it holds none


@dataclass(frozen=True, slots=True)
class Finished:
    call: CallId
    attempt: int
    at: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Armed:
    """A timer's due time, kept before anybody sleeps."""

    timer: str
    due: float


@dataclass(frozen=True, slots=True)
class Fired:
    timer: str
    at: float


@dataclass(frozen=True, slots=True)
class Admitted:
    """It is this run's turn among those with its key."""

    at: float


@dataclass(frozen=True, slots=True)
class Begun:
    """The detached run that `Detached` speaks of is created, durably."""

    node: Address
    at: float


@dataclass(frozen=True, slots=True)
class Expired:
    """The service no longer remembers the call's key: it must not be sent again."""

    call: CallId


@dataclass(frozen=True, slots=True)
class Resumed:
    """Another process, or the same file again, took the run over. Counted before the run is touched."""

    epoch: int
    at: float
    by: str = ""
    fingerprints: tuple[Fingerprint, ...] = ()


@dataclass(frozen=True, slots=True)
class Paused:
    """A person stopped the driver: nobody adopts the run unattended."""

    at: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The driver was told to end, and the run was saved: that was not a crash, and the next process may go on with it."""

    at: float


# --- what a person said ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CancelRequested:
    at: float
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Retried:
    """A fresh set of attempts, with the same key. `call` is empty for all that are stuck."""

    call: CallId
    at: float
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A person supplies the lost answer (`ok`), or says that it never happened."""

    call: CallId
    at: float
    ok: bool
    body: Json = None
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Waived:
    """A person's word that this is dealt with (`--skip`). The run may end; the residue keeps it."""

    call: CallId
    at: float
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Signalled:
    """Somebody answered a `wait_for`, perhaps before the run came there. `id` tells a repetition from a second one."""

    id: str
    name: str
    payload: Json
    at: float
    actor: str = ""


# --- what was decided for good -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Skipped:
    """`when` was false."""

    node: Address


@dataclass(frozen=True, slots=True)
class Done:
    """A node without a request has its value (`set`, `status`, a signal), or a `switch` the place of its branch."""

    node: Address
    value: Json
    is_place: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot be done and nothing was sent: an expression raised, or the step is `fail`."""

    node: CallId
    failure: Failure


@dataclass(frozen=True, slots=True)
class Expanded:
    """The items of a `for_each`, once and for ever."""

    each: Address
    items: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The items that won; whatever else took effect in it is undone."""

    each: Address
    winners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """The signal that a `wait_for` took; no other wait gets it."""

    node: Address
    signal: str  # its id


@dataclass(frozen=True, slots=True)
class Detached:
    """A run of its own is to be started: the intent, kept before it is created."""

    node: Address
    run: str
    digest: str
    inputs: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Turned:
    """Forward → backward, never forward again.

    `scope` is what turns: the whole run, a block that is not critical, or an item of a `for_each` that lost.
    """

    scope: Address
    cause: str  # refused | cancelled | deadline | lost
    failure: Failure


@dataclass(frozen=True, slots=True)
class Planned:
    """What will be undone: every call of the scope that is ok or unknown once nothing is in flight any more."""

    scope: Address
    calls: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """Nothing is undone any more."""


@dataclass(frozen=True, slots=True)
class Alerted:
    """`on_failure` runs, once, because the run first became this. `failure` is the `error` that its steps see."""

    state: str
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """The run crashed its driver too often without getting on."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Ended:
    """`outputs` are kept of a run whose data are kept masked: from those they could not be computed again."""

    state: str  # succeeded | compensated | cancelled
    outputs: dict[str, Json] | None = None


# --- what only a newer flowdsl knows -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unrecognised:
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
