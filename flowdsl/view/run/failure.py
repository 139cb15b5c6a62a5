"""What went wrong while a run ran, drawn into its file: where, what was sent, what was received, and what it means."""

from __future__ import annotations

from http import HTTPStatus

from flowdsl.codes import Code
from flowdsl.language.text.source import Source
from flowdsl.plan.address import CallId, direction_of, step_of
from flowdsl.plan.nodes import Call, Confirm, Plan
from flowdsl.plan.span import NOWHERE, Span
from flowdsl.plan.unfold import source_of
from flowdsl.saga.events import Failure
from flowdsl.saga.intent import action_of
from flowdsl.saga.outcome import ANSWER_LOST, NOTHING_SENT
from flowdsl.saga.run import Run
from flowdsl.saga.state import NO_CALL, CallState
from flowdsl.saga.unfolding import Unfolded
from flowdsl.view.brief import one_line, sent_body
from flowdsl.view.calls import direction_word, name_of, short_names
from flowdsl.view.paint import WIDTH, Line, columns, cut, fit, line, wrapped
from flowdsl.view.problem.frame import Note, digits_of, excerpt, gutter, heading, note, place
from flowdsl.view.run.positions import cause_call, cause_of, tries_of
from flowdsl.view.times import duration

LABEL_MAX = 48  # columns of what stands beside the code
WHY = "why       "
NOT_A_STEP = frozenset(
    {Code.RUN_TIMEOUT, Code.CANCELLED, Code.PARKED}
)  # the deadline, a cancel, a driver that keeps crashing


def cause_frame(run: Run) -> list[Line]:
    """What went wrong first, as a frame; nothing where a person cancelled the run."""
    cause = cause_of(run)
    if cause is None or cause.code == Code.CANCELLED:
        return []
    return failure_frame(run, cause, cause_call(run))


def failure_frame(run: Run, failure: Failure, call: CallId = "") -> list[Line]:
    """The frame of a failure; of the direction `call` where it is not the step itself."""
    call = call or failure.step
    lines = [heading("error", failure.code, title(run.plan, failure, call), "red")]
    span = _span(run.plan, call)
    digits = digits_of(span.line)
    entry = run.state.calls.get(call, NO_CALL)
    path, text = source_of(run.plan, step_of(call))
    if span.line > 0 and text:
        source = Source(path, text)
        lines.append(place(source, span, digits))
        lines += excerpt(
            source, (Note(span, _label(failure, entry, tries_of(run, call))),), "red", digits
        )
        lines.append(gutter(digits))
    return [
        fit(each)
        for each in (
            *lines,
            *_why(failure, entry, digits),
            *_exchange(failure, entry, digits),
            *_meaning(failure, call, entry, digits),
        )
    ]


def title(plan: Plan, failure: Failure, call: CallId) -> str:
    """`payment was refused: 402 Payment Required`."""
    if failure.code in NOT_A_STEP or not call:
        return failure.message
    direction = direction_word(call)
    name = name_of(short_names(plan), call)
    what = f"the {direction} of {name}" if direction else name
    match failure.code:
        case Code.REFUSED if failure.status is not None:
            return f"{what} was refused: {status_phrase(failure.status)}"
        case Code.UNKNOWN_OUTCOME if failure.status is not None:
            return f"nobody knows what became of {what}: {status_phrase(failure.status)}"
        case Code.UNKNOWN_OUTCOME | Code.UNJUDGED_ANSWER:
            return f"nobody knows what became of {what}"
        case Code.NOT_EXPECTED if failure.status is None:
            return f"{what} was answered no"
        case Code.SIGNAL_TIMEOUT:
            return f"{what} got no answer in time"
        case Code.NOT_SENT:
            return f"{what} could not be sent"
        case Code.FORBIDDEN_ADDRESS:
            return f"{what} was not sent: no service may be at that address"
        case Code.FAILED_EXPRESSION:
            return f"an expression of {what} has no value"
        case Code.FAIL_STEP:
            return failure.message
        case _:
            return f"{what}: {failure.message}"


def status_phrase(status: int) -> str:
    """`402 Payment Required`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _span(plan: Unfolded, call: CallId) -> Span:
    node = plan.nodes.get(call) or plan.nodes.get(step_of(call))
    if node is None:
        return NOWHERE
    if isinstance(node, Call | Confirm):
        at = action_of(plan, call).span
        return at if at.line > 0 else node.span
    return node.span


def _label(failure: Failure, entry: CallState, sent: int) -> str:
    if entry.attempt == 0:
        return cut(failure.message, WIDTH)
    tries = f"{sent} {'try' if sent == 1 else 'tries'}"
    took = duration(entry.ended_at - entry.first_at)
    if failure.status is not None:
        return f"answered {failure.status} after {took}, {tries}"
    what, _ = _split(failure)
    return f"{cut(what, LABEL_MAX)} ({took}, {tries})"


def _split(failure: Failure) -> tuple[str, str]:
    """What stands beside the code, and where not all of it goes there, what is told below: the reason, or all."""
    if columns(failure.message) <= LABEL_MAX:
        return failure.message, ""
    if not failure.reason:
        return failure.message, failure.message
    return ANSWER_LOST if failure.code == Code.UNKNOWN_OUTCOME else NOTHING_SENT, failure.reason


def _why(failure: Failure, entry: CallState, digits: int) -> list[Line]:
    _, told = _split(failure)
    if not told or not entry.attempt or failure.status is not None:
        return []
    room = WIDTH - digits - 3 - len(WHY)
    first, *more = wrapped(told, room)
    return [note(WHY, first, digits), *(line(" " * (WIDTH - room), each) for each in more)]


def _exchange(failure: Failure, entry: CallState, digits: int) -> list[Line]:
    lines: list[Line] = []
    sent = sent_body(entry.request)
    if sent is not None:
        lines.append(note("sent      ", one_line(sent), digits))
    if failure.response is not None:
        lines.append(note("received  ", one_line(failure.response), digits))
    return lines


def _meaning(failure: Failure, call: CallId, entry: CallState, digits: int) -> list[Line]:
    """Why it was not tried again, or what is done about it."""
    match failure.code:
        case _ if direction_of(call) == "undo":
            said = (
                "an undo that is not done stays on the list until it is, or until a person says so"
            )
        case Code.REFUSED if failure.status is not None and 300 <= failure.status < 400:
            said = "redirects are not followed: give the service its own address"
        case Code.REFUSED if (
            failure.status is not None and failure.status < 500 and entry.attempt == 1
        ):
            said = "a 4xx is an answer, so it was not tried again"
        case Code.UNKNOWN_OUTCOME | Code.UNJUDGED_ANSWER:
            said = "it may have happened, so it is not taken for a no: it is looked up or undone"
        case Code.FORBIDDEN_ADDRESS:
            said = "if it is meant, allow the address in flowdsl.toml: `flowdsl explain F130`"
        case Code.NOT_SENT:
            said = "no byte of it was sent, so nothing happened there"
        case Code.NOT_EXPECTED if failure.status is None:
            said = "what was answered does not fulfil `expect`, so the step is refused"
        case Code.NOT_EXPECTED:
            said = "a 2xx that says no in its own words is a refusal: it holds nothing"
        case Code.BROKEN_CONTRACT:
            said = "what is not as described is not believed: it is looked up or undone"
        case Code.FAILED_EXPRESSION:
            said = failure.message if entry.attempt else "nothing was sent"
        case _:
            return []
    room = WIDTH - digits - 3
    first, *more = wrapped(said, room)
    return [note("", first, digits), *(line(" " * (digits + 3), rest) for rest in more)]
