"""One step in a few words: its call, its last status, how long it took, and what a reader wants to know of it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.plan.address import CallId, answer, undo
from flowdsl.plan.nodes import (
    Action,
    AnyNode,
    Block,
    Call,
    Confirm,
    Detach,
    Fail,
    ForEach,
    NothingToUndo,
    Plan,
    Set,
    Wait,
    WaitFor,
)
from flowdsl.saga.attempt import pause_before
from flowdsl.saga.collecting import LOST
from flowdsl.saga.events import Failure, Ok, Refused, Resolved, Unknown
from flowdsl.saga.intent import action_of
from flowdsl.saga.ledger import answer_of
from flowdsl.saga.run import Run
from flowdsl.saga.stand import StepState
from flowdsl.saga.state import NO_CALL, CallState
from flowdsl.view.brief import (
    answer_summary,
    beside_status,
    failure_summary,
    reason,
    scalar,
    sent_body,
    summary,
)
from flowdsl.view.calls import Names, call_text
from flowdsl.view.paint import Style, cut
from flowdsl.view.run.detail import Detail, joined
from flowdsl.view.run.items import (
    Folded,
    collect_text,
    each_text,
    has_fallen_back,
    is_tolerated,
    item_text,
    item_value,
    result_text,
    turned_item,
)
from flowdsl.view.run.positions import (
    failure_of,
    is_warned,
    stands,
    state_of,
    took_seconds,
    tries_of,
)
from flowdsl.view.times import duration
from flowdsl.view.verb import verb


class Cells(Struct, frozen=True):
    call: str = ""
    status: str = ""
    took: str = ""
    detail: Detail = Detail()
    style: Style = "plain"


def cells(
    run: Run,
    node: AnyNode,
    names: Names,
    now: float | None = None,
) -> Cells:
    seen = state_of(run, node.address)
    if isinstance(node, Call):
        return _call(run, node, names, now)
    if isinstance(node, Confirm):
        return _confirm(run, node, seen, now)
    if isinstance(node, ForEach):
        return _each(run, node, seen)
    return _without_call(run, node, seen, now)


def _without_call(run: Run, node: AnyNode, seen: StepState, now: float | None) -> Cells:
    """What it does, and what it came to."""
    does, failure = verb(node, run.plan), failure_of(run, node.address)
    has_failed = node.address in run.state.calls  # also if it was retried since
    if seen == "skipped":
        return Cells(does, detail=_skipped(run, node), style="dim")
    if isinstance(node, Set):
        return Cells(does, detail=_assigned(run, node))
    if isinstance(node, WaitFor | Wait | Detach) and not has_failed:
        said, style = _waiting(run, node, seen, now)
        return Cells(does, detail=Detail(said), style=style)
    if isinstance(node, Fail) and has_failed:
        return Cells(does, detail=Detail(failure.message if failure else ""), style="red")
    called = _group(run, node)
    if failure is not None:
        return Cells(called, detail=Detail(failure.message, seen), style="red")
    word = seen if seen in ("waiting", "running", "undoing", "undone", "stuck") else ""
    lost = turned_item(run, node.address, LOST) is not None
    return Cells(called, detail=Detail(state=word, is_lost=lost), style="dim")


def _group(run: Run, node: AnyNode) -> str:
    """What a group is; an item of a list is first of all what it was given."""
    is_item, item = item_value(run, node.address)
    said = verb(node, run.plan)
    if not is_item:
        return said
    return item_text(item) if said == "steps" else joined(item_text(item), said)


def _skipped(run: Run, node: AnyNode) -> Detail:
    """Why nothing of it was done: its own condition, or that others were quicker."""
    if node.address in run.state.skipped or node.when is not None:
        return Detail(why_skipped(node), "skipped")
    is_item, _ = item_value(run, node.address)
    return Detail("not needed") if is_item else Detail(state="skipped")


def _each(run: Run, each: ForEach, seen: StepState) -> Cells:
    if seen == "skipped":
        return Cells(each_text(each), detail=Detail(why_skipped(each), "skipped"), style="dim")
    failure = failure_of(run, each.address)
    if failure is not None:
        return Cells(each_text(each), detail=Detail(failure.message, "refused"), style="red")
    if each.address not in run.state.expanded:
        return Cells(each_text(each), detail=Detail(collect_text(each)), style="dim")
    return Cells(each_text(each), detail=Detail(result_text(Folded(run), each)))


def _waiting(
    run: Run, node: WaitFor | Wait | Detach, seen: StepState, now: float | None
) -> tuple[str, Style]:
    """What it waits for and how long still; afterwards, what came."""
    here = node.address
    left = (
        f"{duration(run.state.armed[here] - now)} left"
        if now is not None and here in run.state.armed
        else ""
    )
    if isinstance(node, Detach):
        detached = run.state.detached.get(here)
        began = "" if here in run.state.begun or detached is None else "to be started"
        return joined(f"run {detached.run}" if detached else "", began), "plain"
    if seen == "waiting" and isinstance(node, WaitFor):
        return joined("waiting for a signal", left), "yellow"
    if seen == "waiting":
        return ", ".join(word for word in ("waiting", left) if word), "yellow"
    if here in run.state.received:
        signal = run.state.signals[run.state.received[here]]
        by = f"by {signal.actor}" if signal.actor else ""
        return joined(summary(signal.payload) or "answered", by), "plain"
    return "", "plain"


def skipped_because(node: AnyNode) -> str:
    """`skipped: inputs.email is not set`."""
    return Detail(why_skipped(node), "skipped").text


def why_skipped(node: AnyNode) -> str:
    """`inputs.email is not set`; nothing where it has no condition of its own."""
    if node.when is None:
        return ""
    text = node.when.text.strip()
    references = node.when.references
    only = len(references) == 1 and references[0].length == len(text)
    if only and references[0].path[0] == "inputs":
        return f"{text} is not set"
    return f"`{text}` is false"


def undo_brief(run: Run, call: CallId) -> str:
    """`DELETE …/F-1`: method and last part, enough to tell which undo it was."""
    action = action_of(run.plan, call)
    path = call_text(run, call).partition("?")[0]
    return f"{action.method} …/{path.rpartition('/')[2]}"


def status_of(entry: CallState) -> str:
    """The last status line seen: `201`, `…` while a request is out, `–` where no answer came."""
    if entry.flying:
        return "…"
    match entry.outcome:
        case Ok(status=status) if status:
            return str(status)
        case (
            Refused(failure=Failure(status=int(status)))
            | Unknown(failure=Failure(status=int(status)))
        ):
            return str(status)
        case Refused() | Unknown():
            return "–"
        case Ok() | None:
            return ""


def tries_text(run: Run, call: CallId) -> str:
    tries = tries_of(run, call)
    return f"{tries} tries" if tries > 1 else ""


def _call(
    run: Run,
    call: Call,
    names: Names,
    now: float | None,
) -> Cells:
    entry = run.state.calls.get(call.address, NO_CALL)
    seen = seen_of(run, call)
    seconds = took_seconds(entry, now)
    took = "" if seconds is None else duration(seconds)
    detail, style = _detail(run, call, seen, names)
    asking = _asking_again(run, call, now) if seen == "undoing" else ""
    detail = Detail(asking, "undoing") if asking else detail
    return Cells(call_text(run, call.address), status_of(entry), took, detail, style)


def _detail(
    run: Run,
    call: Call,
    seen: StepState,
    names: Names,
) -> tuple[Detail, Style]:
    detail, style = _became(run, call, seen, names)
    lost = turned_item(run, call.address, LOST) is not None
    if lost and seen not in ("running", "stuck", "unknown"):
        return replace(detail, is_lost=True), "blue" if seen in ("undone", "undoing") else "dim"
    if seen == "refused" and has_fallen_back(run, call):
        return replace(detail, then="falls back"), "yellow"
    return detail, "yellow" if seen == "refused" and is_tolerated(run.plan, call.address) else style


def _became(
    run: Run,
    call: Call,
    seen: StepState,
    names: Names,
) -> tuple[Detail, Style]:
    entry = run.state.calls.get(call.address, NO_CALL)
    failure = failure_of(run, call.address)
    why = _why(failure)
    tries = tries_text(run, call.address)
    if is_warned(run, call) and seen in ("refused", "unknown"):
        return Detail(why, seen, tries, is_warned=True), "yellow"
    match seen:
        case "pending":
            return Detail(_after(run.plan, call, names)), "dim"
        case "skipped":
            if entry.waived is not None:
                return Detail(joined("skipped by hand", entry.waived.reason)), "yellow"
            return _skipped(run, call), "dim"
        case "running":
            return Detail(_running(entry, call.action)), "plain"
        case "kept" if stands(run, call.address):
            return Detail(_standing(run, call)), "yellow"
        case "ok" | "kept":
            # What answers an event says nothing of it: it is the event again, or that it was taken.
            known = answer_of(run.state, call) if call.action.event is None else None
            kept = "kept" if isinstance(call.compensation, NothingToUndo) and seen == "kept" else ""
            resolved = "resolved by hand" if entry.resolved is not None else ""
            said = joined(kept, answer_summary(known) if known else "", resolved)
            return Detail(said, tries=tries), "plain"
        case "undone" | "undoing":
            return _undo_detail(run, call, seen), "blue"
        case "stuck":
            return _stuck(run, call, why), "red"
        case _:
            return Detail(why, seen, tries), "red"


def seen_of(run: Run, node: AnyNode) -> StepState:
    """As a reader sees it: a call that was refused has been, also while its fallback runs."""
    seen = state_of(run, node.address)
    if seen != "running" or not isinstance(node, Call) or not has_fallen_back(run, node):
        return seen
    undone = run.state.calls.get(undo(node.address), NO_CALL).answer is not None
    return "undone" if undone else "refused"


def _why(failure: Failure | None) -> str:
    """What is not said by the status beside it."""
    if failure is None:
        return ""
    return "`expect` does not hold" if failure.code == Code.NOT_EXPECTED else beside_status(failure)


def _running(entry: CallState, action: Action) -> str:
    attempts = entry.spent + action.retry.attempts
    if entry.flying and entry.attempt > 1:
        return f"running, try {entry.attempt} of {attempts}"
    if entry.flying:
        return summary(sent_body(entry.request)) or "running"
    if entry.outcome is None:
        return "running"
    said = getattr(entry.outcome, "failure", None)
    word = reason(said.response) if isinstance(said, Failure) else ""
    return joined(f"waits for try {entry.attempt + 1} of {attempts}", word)


def _asking_again(run: Run, call: Call, now: float | None) -> str:
    """`asks again, 5 of 10, next in 19s`: its undo needs the answer that was lost."""
    again = answer(call.address)
    entry = run.state.calls.get(again, NO_CALL)
    pause = pause_before(again, entry.attempt + 1)
    waits = not entry.flying and pause in run.state.armed and pause not in run.state.fired
    if not (entry.flying or waits):
        return ""
    total = entry.spent + action_of(run.plan, again).retry.attempts
    left = run.state.armed[pause] - now if waits and now is not None else None
    next_in = "" if left is None else f", next in {duration(max(left, 0.0))}"
    return f"asks again, {entry.attempt} of {total}{next_in}"


def _standing(run: Run, call: Call) -> str:
    back = undo(call.address)
    if back not in run.state.calls:
        return "stands: nothing undoes it"
    tail = joined(status_of(run.state.calls[back]), tries_text(run, back))
    return f"stands: {undo_brief(run, back)}  {tail}".rstrip()


def _undo_detail(run: Run, call: Call, seen: StepState) -> Detail:
    back = undo(call.address)
    entry = run.state.calls.get(back, NO_CALL)
    word = entry.waived or entry.resolved
    if word is not None and entry.answer is None:
        absent = isinstance(word, Resolved) and not word.ok
        said = "nothing to undo, by hand" if absent else "undone by hand"
        return Detail(joined(said, word.reason))
    if back not in run.state.calls:
        waits = "" if seen == "undone" else "waits until nothing can arrive late"
        return Detail(waits, seen)
    tail = joined("" if entry.flying else status_of(entry), tries_text(run, back))
    return Detail(f"{undo_brief(run, back)}  {tail}".rstrip(), seen)


def _stuck(run: Run, call: Call, why: str) -> Detail:
    back = undo(call.address)
    if back in run.progress.stuck and back in run.state.calls:
        entry = run.state.calls[back]
        said = f"{undo_brief(run, back)}  {status_of(entry)}" if entry.attempt else ""
        return Detail(joined(said.rstrip(), tries_text(run, back)), "stuck")
    left = next((one.why for one in run.progress.residue if one.step == call.address), "")
    return Detail(left or why, "stuck", tries_text(run, call.address))


def _confirm(run: Run, node: Confirm, seen: StepState, now: float | None) -> Cells:
    entry = run.state.calls.get(node.address, NO_CALL)
    seconds = took_seconds(entry, now)
    took = "" if seconds is None else duration(seconds)
    failure = failure_of(run, node.address)
    word = "" if seen in ("ok", "pending") else str(seen)
    said = failure_summary(failure) if failure is not None and seen == "stuck" else ""
    detail = Detail(said, word, tries_text(run, node.address))
    return Cells("confirm", status_of(entry), took, detail, "red" if seen == "stuck" else "plain")


def _after(plan: Plan, call: Call, names: Names) -> str:
    """Which siblings a child of a `parallel` waits for: it shows nowhere else."""
    parent = plan.nodes.get(call.address.rpartition("/")[0])
    if not isinstance(parent, Block) or parent.kind != "parallel" or not call.needs:
        return ""
    return "after " + ", ".join(names[parent.children[need].address] for need in call.needs)


def _assigned(run: Run, node: Set) -> Detail:
    values = run.state.done.get(node.address)
    if not isinstance(values, dict):
        failure = failure_of(run, node.address)
        return Detail(failure.message, "refused") if failure else Detail()
    return Detail(" · ".join(f"{name} {cut(scalar(value), 24)}" for name, value in values.items()))
