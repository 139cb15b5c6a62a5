"""What waits: for a time to pass, for a moment to come, for somebody to answer."""

from __future__ import annotations

from flowdsl.codes import Code
from flowdsl.plan.due import seconds_of
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.nodes import Wait, WaitFor
from flowdsl.saga.commands import Await, Decide, Sleep
from flowdsl.saga.deciding import decide_payload
from flowdsl.saga.events import Failed, Failure, Received
from flowdsl.saga.scope import Vantage, scope
from flowdsl.saga.stand import OVER_OK, RUNNING, Stand
from flowdsl.saga.walk import Walk

WAITING = Stand("waiting", over=False)


def wait(walk: Walk, node: Wait) -> Stand:
    if node.address in walk.state.fired:
        return OVER_OK
    if node.until is None:
        walk.commands.append(Sleep(node.address, node.seconds))
        return WAITING
    try:
        due = _moment(walk, node, node.until)
    except EvaluationError as error:
        message = f"`wait_until: {node.until.text}` failed: {error}"
        walk.commands.append(
            Decide(Failed(node.address, Failure(Code.FAILED_EXPRESSION, message, node.address)))
        )
        return RUNNING
    walk.commands.append(Sleep(node.address, due, since=0.0))
    return WAITING


def wait_for(walk: Walk, node: WaitFor) -> Stand:
    """The first signal of its name that no other wait has taken. What came first, it or the timeout, is decided once."""
    state = walk.state
    if node.address in state.done:
        return OVER_OK
    taken = state.received.get(node.address)
    if taken is not None:
        payload = state.signals[taken].payload
        walk.commands.append(Decide(decide_payload(walk.plan, state, node, payload)))
        return RUNNING
    waiting = _unanswered(walk, node.signal)
    if waiting is not None:
        walk.taken.add(waiting)
        walk.commands.append(Decide(Received(node.address, waiting)))
        return RUNNING
    if node.address in state.fired:
        message = f"no signal `{node.signal}` came in time"
        failure = Failure(Code.SIGNAL_TIMEOUT, message, node.address)
        walk.commands.append(Decide(Failed(node.address, failure)))
        return RUNNING
    walk.commands.append(Await(node.address, node.signal))
    if node.timeout_seconds is not None:
        walk.commands.append(Sleep(node.address, node.timeout_seconds))
    return WAITING


def _unanswered(walk: Walk, name: str) -> str | None:
    """The id of the first signal of this name that nobody has taken."""
    untaken = walk.state.untaken.get(name, ())
    return next((signal for signal in untaken if signal not in walk.taken), None)


def _moment(walk: Walk, node: Wait, until: Expression) -> float:
    """Seconds since the epoch. Raises EvaluationError."""
    vantage = Vantage(node.address)
    found = evaluate(until, scope(walk.plan, walk.state, [until], vantage))
    return seconds_of(found)  # type: ignore[arg-type]  # no secret stands here
