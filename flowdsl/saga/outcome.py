"""One attempt, one observation, one outcome, by the classes of RFC 9110 §15: the table of contract.md, decided here alone."""

from __future__ import annotations

from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.plan.address import Address, CallId, direction_of, is_answer, step_of
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.nodes import Action, Call, Probe
from flowdsl.saga.events import Failure, Ok, Outcome, Refused, Unknown
from flowdsl.saga.intent import action_of
from flowdsl.saga.ledger import standing
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.saga.scope import Vantage, scope
from flowdsl.saga.state import CallState, State
from flowdsl.saga.unfolding import Unfolded

FOR_NOW = frozenset({408, 425, 429})
NOTHING_SENT, ANSWER_LOST = "nothing was sent", "the answer was lost"
AT_THE_DOOR = frozenset({401, 403, 407})  # said before anybody looks at the key


def judge(plan: Unfolded, state: State, call: CallId, seen: Observation) -> Outcome:
    """What this observation of the call's current attempt means."""
    match seen:
        case NotSent(forbidden=True):
            failure = _unanswered(Code.FORBIDDEN_ADDRESS, NOTHING_SENT, call, seen.reason)
            return Refused(failure, sent=False)
        case NotSent(unbuildable=unbuildable):
            failure = _unanswered(Code.NOT_SENT, NOTHING_SENT, call, seen.reason)
            return Refused(failure, again=not unbuildable, sent=False)
        case Lost(reason=reason):
            return Unknown(_unanswered(Code.UNKNOWN_OUTCOME, ANSWER_LOST, call, reason))
        case Answer(status=status) if 200 <= status < 300:
            return _accepted(plan, state, call, seen)
        case Answer():
            return _declined(plan, state, call, seen)


def _unanswered(code: Code, what: str, call: CallId, reason: str) -> Failure:
    return Failure(code, f"{what}: {reason}", step_of(call), reason=reason)


def interrupted(call: CallId) -> Unknown:
    """The outcome of an attempt that was out when its process died."""
    message = "the process ended while the request was out"
    return Unknown(
        Failure(Code.UNJUDGED_ANSWER, message, step_of(call)), interrupted=True, spared=True
    )


def _accepted(plan: Unfolded, state: State, call: CallId, seen: Answer) -> Outcome:
    """A 2xx: it happened, if its body is whole and `expect` holds."""
    step, headers = step_of(call), dict(seen.headers)
    if seen.problem is not None:
        message = f"answered {seen.status}, but the body is {seen.problem}"
        return Unknown(Failure(Code.UNKNOWN_OUTCOME, message, step, seen.status), headers=headers)
    answer = Ok(seen.status, headers, seen.body, seen.misfit)
    if seen.misfit and _is_strict(plan, call):
        return _not_believed(plan, call, answer)
    node = plan.nodes.get(step)
    if direction_of(call) == "probe" and isinstance(node, Call) and node.probe is not None:
        return _probed(plan, state, node.probe, step, answer)
    expect = action_of(plan, call).expect
    if expect is None:
        return answer
    try:
        names = scope(plan, state, [expect], Vantage(step, answer))
        holds = evaluate(expect, names)
    except EvaluationError as error:
        message = f"answered {seen.status}, but `expect: {expect.text}` failed: {error}"
        return Unknown(
            Failure(Code.FAILED_EXPRESSION, message, step, seen.status, seen.body), answer
        )
    if holds:
        return answer
    message = f"answered {seen.status}, and `expect: {expect.text}` does not hold"
    failure = Failure(Code.NOT_EXPECTED, message, step, seen.status, seen.body)
    return Refused(failure, definite=is_keyed(plan, call), headers=headers)


def _is_strict(plan: Unfolded, call: CallId) -> bool:
    """Whether an answer that does not fit counts as none. Nothing reads what an undo or a confirm answers, and what is
    asked for once more is only asked for its undo: there it is a warning, whatever the service says.
    """
    strict = plan.services[action_of(plan, call).service].strict
    return strict and direction_of(call) in ("do", "probe") and not is_answer(call)


def _not_believed(plan: Unfolded, call: CallId, answer: Ok) -> Outcome:
    """A change has happened, whatever it was answered: unknown, and the answer is kept for its undo."""
    failure = misfit(step_of(call), answer)
    if direction_of(call) == "probe" or action_of(plan, call).is_read:
        return Refused(failure, headers=answer.headers)
    return Unknown(failure, answer)


def misfit(step: Address, answer: Ok) -> Failure:
    """What is said of an answer that is not as its service describes it: a warning, or why it is not believed."""
    message = f"answered {answer.status}, not as described: {answer.misfit}"
    return Failure(Code.BROKEN_CONTRACT, message, step, answer.status, answer.body)


def _probed(plan: Unfolded, state: State, probe: Probe, step: str, answer: Ok) -> Outcome:
    """Found (ok, with the result as answer), absent, or, where an expression fails, nothing found out."""
    vantage = Vantage(step, None, None, answer)
    expressions = [probe.found, *([probe.result] if probe.result else [])]
    try:
        names = scope(plan, state, expressions, vantage)
        if not evaluate(probe.found, names):
            message = "the probe did not find it"
            failure = Failure(Code.REFUSED, message, step, answer.status)
            return Refused(failure, absent=True, headers=answer.headers)
        body = evaluate(probe.result, names) if probe.result else None
    except EvaluationError as error:
        return Refused(
            Failure(Code.FAILED_EXPRESSION, f"the probe found nothing out: {error}", step)
        )
    return replace(answer, body=body)


def _declined(plan: Unfolded, state: State, call: CallId, seen: Answer) -> Outcome:
    """Everything that is no 2xx."""
    step, status, headers = step_of(call), seen.status, dict(seen.headers)
    action, entry = action_of(plan, call), state.calls[call]
    if direction_of(call) == "undo" and _is_gone(plan, state, step, action, entry, status):
        return Ok(status, headers, seen.body)
    keyed = is_keyed(plan, call)
    wait = _retry_after(seen)
    message = f"answered {status}"
    if status in FOR_NOW or (status == 503 and wait is not None):
        failure = Failure(Code.REFUSED, message, step, status, seen.body)
        return Refused(failure, again=True, retry_after_seconds=wait, headers=headers)
    sent_before = entry.attempt > 1 or is_answer(call)
    if not 300 <= status < 500 or (status == 409 and keyed and sent_before):
        what = "the service is still at it" if status == 409 else "and nobody knows"
        failure = Failure(Code.UNKNOWN_OUTCOME, f"{message}, {what}", step, status, seen.body)
        return Unknown(failure, retry_after_seconds=wait, headers=headers)
    definite = keyed and status >= 400 and status not in AT_THE_DOOR
    failure = Failure(Code.REFUSED, message, step, status, seen.body)
    return Refused(failure, definite=definite, headers=headers)


def _is_gone(
    plan: Unfolded, state: State, step: str, action: Action, entry: CallState, status: int
) -> bool:
    """Whether "not there" means that the undo is done: 410 always, 404 unless the path may simply be wrong."""
    if status == 410:
        return True
    if status != 404:
        return False
    node = plan.nodes[step]
    assert isinstance(node, Call)
    unknown = standing(plan, state, node) == "unknown"
    return action.gone_is_done or entry.unsure or unknown


def is_keyed(plan: Unfolded, call: CallId) -> bool:
    """Whether the service holds on to the answer that it gave to the key of this call."""
    action = action_of(plan, call)
    return plan.services[action.service].idempotency is not None and not action.is_read


def _retry_after(seen: Answer) -> float | None:
    """The seconds a service asks us to wait. A date is read by `world.http`, which has a clock and rewrites it."""
    for name, value in seen.headers:
        if name.lower() == "retry-after":
            try:
                seconds = float(value)
            except ValueError:
                return None
            return seconds if 0 <= seconds < float("inf") else None
    return None
