"""`flowdsl show RUN STEP`: one exchange in full, as it was sent and answered, its undo, and the curl that repeats it."""

from __future__ import annotations

from datetime import UTC, tzinfo
from shlex import quote

from flowdsl.codes import Code
from flowdsl.plan.address import (
    Address,
    CallId,
    answer,
    confirm,
    direction_of,
    is_answer,
    probe,
    second_probe,
    step_of,
    undo,
)
from flowdsl.plan.nodes import (
    AnyNode,
    Call,
    Detach,
    ForEach,
    NothingToUndo,
    Set,
    Status,
    Switch,
    WaitFor,
)
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json, Sealed, Secret
from flowdsl.saga.events import Failure, Ok, Refused, Unknown
from flowdsl.saga.intent import action_of
from flowdsl.saga.run import Run
from flowdsl.saga.state import CallState
from flowdsl.saga.unfolding import Unfolded
from flowdsl.view.brief import MASK, many_lines, sealed_text, sent_body
from flowdsl.view.calls import last_part, name_of, short_names
from flowdsl.view.mark import STEP_MARKS
from flowdsl.view.paint import WIDTH, Line, Styled, bold, dim, line, wrapped
from flowdsl.view.run.failure import status_phrase
from flowdsl.view.run.items import Folded, item_text, item_value, taken_branch
from flowdsl.view.run.positions import failure_of, state_of, undo_state
from flowdsl.view.run.step import skipped_because
from flowdsl.view.times import clock, duration, rfc3339
from flowdsl.view.verb import branch_text, verb


def show_text(run: Run, step: Address, *, zone: tzinfo = UTC) -> list[Line]:
    """Every direction of the step that was sent, in the order of a run; what was not, and why."""
    node = run.plan.nodes[step]
    name = name_of(short_names(run.plan), step)
    seen = state_of(run, step)
    if not isinstance(node, Call):
        return _without_request(run, node, name)
    sent = [call for call in _directions(step) if call in run.state.calls]
    lines = []
    for call in sent:
        lines += _one(run, call, name, zone)
    if step not in run.state.calls:
        why = skipped_because(node) if seen == "skipped" else "nothing was sent"
        lines.append(line(bold(name), "  ", Styled(seen, STEP_MARKS[seen].style), f"  {why}"))
    if undo(step) not in run.state.calls:
        lines += [line(), line(dim(f"undo     {_no_undo(run, node, seen)}"))]
    return lines


def _without_request(run: Run, node: AnyNode, name: str) -> list[Line]:
    """A step that sends nothing itself: what it is, what it came to, and what is in it."""
    step = node.address
    seen = state_of(run, step)
    said = "" if isinstance(node, Status | Set) else f"  {verb(node, run.plan)}"
    lines = [line(bold(name), "  ", Styled(seen, STEP_MARKS[seen].style), dim(said))]
    failure = failure_of(run, step)
    if failure is not None:
        lines.append(line(Styled("! ", "red"), failure.message))
    if isinstance(node, Switch):
        return [*lines, *_taken(run, node)]
    if isinstance(node, ForEach):
        return [*lines, *_items(run, node)]
    if isinstance(node, WaitFor):
        return [*lines, *_signal(run, step, node.signal)]
    if isinstance(node, Detach):
        return [*lines, *_detached(run, step)]
    return [*lines, *(_json(run.state.done[step]) if step in run.state.done else [])]


def _taken(run: Run, switch: Switch) -> list[Line]:
    if switch.address not in run.state.done:
        return []
    taken = taken_branch(run, switch)
    return [line("  ", branch_text(taken) if taken else "no branch: no condition holds")]


def _items(run: Run, each: ForEach) -> list[Line]:
    folded = Folded(run)
    return [
        line("  ", STEP_MARKS[state_of(run, item.address)].piece, f" {last_part(item.address)}  ",
             item_text(item_value(run, item.address)[1]), dim(f"  {folded.word(item)}"))
        for item in each.branches or ()
    ]  # fmt: skip


def _detached(run: Run, step: Address) -> list[Line]:
    detached = run.state.detached.get(step)
    if detached is None:
        return []
    return [*_json({"run": detached.run}), line(), line(dim("with")), *_json(dict(detached.inputs))]


def _signal(run: Run, step: Address, name: str) -> list[Line]:
    """What answered a `wait_for`, and what it would take to answer it."""
    if step not in run.state.received:
        return [
            line("  ", f"waits for the signal {name}: ", bold(f"flowdsl signal {run.id} {name}"))
        ]
    signal = run.state.signals[run.state.received[step]]
    by = f" by {signal.actor}" if signal.actor else ""
    lines = [line("  ", f"answered at {rfc3339(signal.at)}{by}", dim(f"  id {signal.id}"))]
    return lines + _json(signal.payload)


def curl(run: Run, call: CallId) -> str:
    """A command that repeats the request, its key included; secrets as shell variables."""
    request = _request_of(run, call)
    if request is None:
        return ""
    parts = ["curl", "-sS", "-X", request.method]
    for name, text in request.headers:
        parts += ["-H", _shell(f"{name}: ", text)]
    if request.basic is not None:
        parts += ["-u", _shell("", (*request.basic.user, ":", *request.basic.password))]
    if request.body is not None:
        parts += ["--data", _shell("", request.body)]
    return " ".join([*parts, quote(request.url)])


def _directions(step: Address) -> tuple[CallId, ...]:
    return step, probe(step), second_probe(step), answer(step), confirm(step), undo(step)


def _one(run: Run, call: CallId, name: str, zone: tzinfo) -> list[Line]:
    entry = run.state.calls[call]
    direction = direction_of(call)
    seen = (
        undo_state(run, call, entry) if direction == "undo"
        else state_of(run, call) if direction in ("do", "confirm") and not is_answer(call)
        else "ok" if entry.answer is not None else "refused"
    )  # fmt: skip
    words = {"undo": "undo", "confirm": "confirm", "probe": "probe"}.get(direction, "")
    words = "asked again" if is_answer(call) else words
    tries = f"{entry.attempt} {'try' if entry.attempt == 1 else 'tries'}"
    title: list[Styled | str] = [
        bold(words or name),
        "  ",
        Styled(seen, STEP_MARKS[seen].style),
        "  ",
        tries,
        _span(entry, zone),
    ]
    lines = [line()] if words else []
    lines.append(line(*title))
    if entry.attempt:
        request = _request_of(run, call)
        lines += [line(), *(_request(request) if request else [])]
    return [*lines, *_response(run.plan, call, entry)]


def _span(entry: CallState, zone: tzinfo) -> str:
    if not entry.attempt:
        return ""
    if entry.flying:
        return f"  {clock(entry.first_at, zone)} → …"
    took = duration(entry.ended_at - entry.first_at)
    return f"  {clock(entry.first_at, zone)} → {clock(entry.ended_at, zone)}  {took}"


def _request_of(run: Run, call: CallId) -> Request | None:
    """The bytes of a call; one asked again for its answer sends those of its step."""
    entry = run.state.calls.get(call)
    if entry is not None and entry.request is None and is_answer(call):
        entry = run.state.calls.get(step_of(call))
    return entry.request if entry else None


def _request(request: Request) -> list[Line]:
    lines = [line(dim("> "), f"{request.method} {request.url}")]
    lines += [line(dim("> "), f"{name}: {sealed_text(text)}") for name, text in request.headers]
    if request.basic is not None:
        lines.append(line(dim("> "), f"Authorization: Basic {MASK}"))
    if request.body is not None:
        lines += _json(sent_body(request))
    return lines


def _response(plan: Unfolded, call: CallId, entry: CallState) -> list[Line]:
    if entry.failed is not None:
        return [line(Styled("! ", "red"), entry.failed.message)]
    match entry.outcome:
        case Ok(status=status, headers=headers, body=body, misfit=misfit):
            lines = [line(dim("< "), status_phrase(status) if status else "found")]
            lines += [line(dim("< "), f"{name}: {text}") for name, text in headers.items()]
            lines += [] if body is None else _json(body)
            odd = wrapped(f"not as described: {misfit}", WIDTH - 2) if misfit else []
            return lines + [line(Styled("! ", "yellow"), text) for text in odd]
        case Refused(failure=failure) | Unknown(failure=failure):
            return _not_ok(plan, call, failure)
        case None:
            return [line(dim("< "), "no answer yet" if entry.flying else "not sent")]


def _not_ok(plan: Unfolded, call: CallId, failure: Failure) -> list[Line]:
    lines = []
    if failure.status is not None:
        lines.append(line(dim("< "), status_phrase(failure.status)))
        lines += [] if failure.response is None else _json(failure.response)
    if failure.status is None or failure.message != f"answered {failure.status}":
        lines.append(line(Styled("! ", "red"), failure.message))
    expect = action_of(plan, call).expect
    if expect is not None and failure.code == Code.NOT_EXPECTED:
        lines.append(line(dim("  expect: "), expect.text))
    return lines


def _json(value: Json) -> list[Line]:
    return [line("  ", text) for text in many_lines(value)]


def _no_undo(run: Run, call: Call, seen: str) -> str:
    match seen:
        case _ if call.action.is_read:
            return "not needed: it changes nothing"
        case "refused":
            return "not needed: the answer was no"
        case "pending" | "skipped":
            return "not needed: nothing was sent"
        case _ if isinstance(call.compensation, NothingToUndo):
            return "none, on purpose: compensate: none"
        case _ if call.compensation is None:
            return "none: the step has no `compensate`"
        case _ if run.state.committed:
            return "not any more: the run has committed"
        case _:
            return "not begun"


def _shell(before: str, text: Sealed) -> str:
    """Text for a shell: quoted, but for secrets, which stand as `"$NAME"`."""
    words: list[str] = []
    plain = before
    for part in text:
        if isinstance(part, Secret):
            words += [quote(plain)] if plain else []
            words.append(f'"${_variable(part.name)}"')
            plain = ""
        else:
            plain += part
    return "".join([*words, quote(plain)] if plain else words) or quote("")


def _variable(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name).upper()
