"""One call in one direction: given its attempts so far, what now?

The same few rules serve `do`, `undo`, `confirm` and `probe` (contract.md, "One step: the join over its attempts"):
unknown stays unknown; a request is sent again only where that is harmless; nobody is asked for ever.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal, TypeAlias

from msgspec import Struct

from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import READS, RESENDABLE, Action, Service
from flowdsl.saga.commands import Command, Invoke, Sleep
from flowdsl.saga.events import Ok, Outcome, Refused, Unknown
from flowdsl.saga.state import CallState, State, entry_of

Landing: TypeAlias = Literal["running", "ok", "refused", "unknown"]

RESEND_SECONDS = 24 * 3600.0  # PUT and DELETE, on a service that declares nothing
RETRY_AFTER_MAX_SECONDS = 300.0
JITTER = 0.5  # up to this share is added to a delay


class Standing(Struct, frozen=True):
    landing: Landing
    command: Command | None = None


OK = Standing("ok")
REFUSED = Standing("refused")
UNKNOWN = Standing("unknown")


def attempt(state: State, call: CallId, action: Action, service: Service) -> Standing:
    """Where the call stands, and the command that gets it further, if any."""
    entry = entry_of(state, call)
    if entry.flying:
        return Standing("running", invoke(call, entry.attempt, entry, action, service))
    if entry.answer is not None:
        return OK
    if entry.failed is not None:
        return UNKNOWN if entry.unsure else REFUSED
    forgotten = entry.unsure and entry.expired
    if (entry.attempt == 0 or entry.granted) and not forgotten:
        return _next(call, entry, action, service)
    if not may_go_on(entry, action, service):
        return _over(entry, action)
    delay = delay_seconds(state, call, entry, action)
    timer = pause_before(call, entry.attempt + 1)
    if delay == 0 or timer in state.fired:
        return _next(call, entry, action, service)
    return Standing("running", Sleep(timer, delay, entry.ended_at))


def pause_before(call: CallId, number: int) -> str:
    """The timer of the pause before an attempt."""
    return f"{call}#{number}"


def may_resend(action: Action, service: Service) -> bool:
    """Whether a request that may have arrived can be sent once more without a second effect."""
    return action.method in RESENDABLE or service.idempotency is not None


def may_go_on(entry: CallState, action: Action, service: Service) -> bool:
    """Whether the last outcome leaves room for another attempt, and attempts are left."""
    if entry.attempt - entry.spent >= action.retry.attempts:
        return False
    if entry.unsure and (entry.expired or not may_resend(action, service)):
        return False
    match entry.outcome:
        case Refused(again=again):
            return again
        case Unknown():
            return entry.unsure
        case Ok() | None:
            return False


def invoke(call: CallId, number: int, entry: CallState, action: Action, service: Service) -> Invoke:
    not_after = None
    resendable = may_resend(action, service)
    if entry.unsure and resendable and action.method not in READS:
        ttl = service.idempotency.ttl_seconds if service.idempotency else RESEND_SECONDS
        not_after = entry.first_at + ttl
    return Invoke(call, number, action.timeout_seconds, not resendable, not_after)


def delay_seconds(state: State, call: CallId, entry: CallState, action: Action) -> float:
    """The pause before the next attempt: what the service asked for, else growing, with jitter that is not chance."""
    asked = _asked_for(entry.outcome)
    if asked is not None:
        return min(asked, RETRY_AFTER_MAX_SECONDS)
    if isinstance(entry.outcome, Unknown) and entry.outcome.interrupted:
        return 0.0  # the time it took to come back was pause enough
    retry = action.retry
    made = entry.attempt - entry.spent
    delay = min(retry.delay_seconds * retry.backoff ** (made - 1), retry.max_delay_seconds)
    run = state.created.run if state.created else ""
    return delay * (1 + JITTER * _share(f"{run} {call} {entry.attempt}"))


def _next(call: CallId, entry: CallState, action: Action, service: Service) -> Standing:
    return Standing("running", invoke(call, entry.attempt + 1, entry, action, service))


def _over(entry: CallState, action: Action) -> Standing:
    # A read leaves nothing behind: that its answer is lost is as good as a "no".
    return UNKNOWN if entry.unsure and not action.is_read else REFUSED


def _asked_for(outcome: Outcome | None) -> float | None:
    match outcome:
        case Refused(retry_after_seconds=seconds) | Unknown(retry_after_seconds=seconds):
            return seconds
        case Ok() | None:
            return None


def _share(text: str) -> float:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") / 2**32
