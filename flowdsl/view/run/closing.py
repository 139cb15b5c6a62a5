"""How a run ended, or where it stands, in one line; what is left behind; and the commands worth typing next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowdsl.codes import Code
from flowdsl.plan.address import Address, CallId, direction_of, step_of, undo
from flowdsl.plan.nodes import Call, NothingToUndo, Plan, WaitFor
from flowdsl.plan.values import Json
from flowdsl.saga.commands import Await, Queue
from flowdsl.saga.events import Failure
from flowdsl.saga.ledger import effects
from flowdsl.saga.progress import Progress, Residue
from flowdsl.saga.state import NO_CALL, State
from flowdsl.saga.unfolding import unfolded
from flowdsl.view.brief import failure_summary, scalar
from flowdsl.view.calls import NAME_MAX, Names, call_text, direction_word, name_of, short_names
from flowdsl.view.mark import RUN_MARKS, STEP_MARKS, WARNING
from flowdsl.view.paint import (
    WIDTH,
    Line,
    Styled,
    bold,
    columns,
    counted,
    cut,
    dim,
    fit,
    line,
    pad,
    wrapped,
)
from flowdsl.view.run.positions import cause_call, cause_of, undone_steps
from flowdsl.view.run.step import status_of, tries_text
from flowdsl.view.shell import shell_word
from flowdsl.view.times import duration

LISTED_MAX = 5  # names in one line
UNDONE_MAX = 12  # undone steps that are named where a run is stuck


@dataclass(frozen=True, slots=True)
class Suggestion:
    command: str
    why: str


def closing(plan: Plan, state: State, progress: Progress, at: float | None = None) -> list[Line]:
    """The state line and what belongs under it. `at`: when the run ended, or now."""
    plan = unfolded(plan, state)
    return [
        state_line(plan, state, progress, at),
        *_why_cancelled(state, progress),
        *_warnings(plan, state, progress),
        *_residue(plan, state, progress),
    ]


def state_line(plan: Plan, state: State, progress: Progress, at: float | None = None) -> Line:
    """`✓ succeeded  book-trip  book-trip-7k3fq2mzab  in 3.2s`."""
    run = state.created.run if state.created else ""
    mark = RUN_MARKS[progress.state]
    said = summary_text(plan, state, progress, at)
    word = Styled(f"{mark.symbol} {progress.state}", mark.style)
    return fit(line(word, "  ", *run_name(plan, run), f"  {said}" if said else ""))


def run_name(plan: Plan, run: str) -> Line:
    """The run's id, with its workflow where the id does not say it already."""
    if run.startswith(f"{plan.name}-"):
        return line(bold(run))
    return line(bold(plan.name), "  ", dim(run)) if run else line(bold(plan.name))


def summary_text(plan: Plan, state: State, progress: Progress, at: float | None = None) -> str:
    """What the state means, in a few words."""
    took = "" if at is None or state.created is None else f"in {duration(at - state.created.at)}"
    match progress.state:
        case "succeeded":
            return ", ".join(
                word for word in (took, _count(len(progress.warnings), "warning")) if word
            )
        case "compensated" | "cancelled":
            return _undone_text(plan, state, progress)
        case "stuck":
            return _stuck_text(plan, state, progress)
        case "compensating":
            cause = cause_of(state, progress)
            return cause_text(plan, cause, cause_call(state, progress)) if cause else ""
        case _:
            return _open_text(plan, state, progress)


def _open_text(plan: Plan, state: State, progress: Progress) -> str:
    """What is under way, or what is waited for."""
    names = short_names(plan)
    if state.flying:
        return f"{listed([name_of(names, call) for call in state.flying])} open"
    for command in progress.commands:
        match command:
            case Await(name=name):
                return f"waits for the signal {name}"
            case Queue(key=key):
                return f"waits for its turn among the runs with the key {key}"
    return ""


def cause_text(plan: Plan, cause: Failure, call: CallId = "") -> str:
    """`payment was refused: card_declined`."""
    if not cause.step:
        return cause.message
    said = failure_summary(cause)
    known = " was refused" if cause.code in (Code.REFUSED, Code.NOT_EXPECTED) else ""
    status = f" ({cause.status})" if cause.status is not None and said != cause.message else ""
    direction = direction_word(call or cause.step)
    what = f"the {direction} of " if direction else ""
    return f"{what}{name_of(short_names(plan), cause.step)}{known}: {said}{status}"


def suggestions(plan: Plan, state: State, progress: Progress) -> list[Suggestion]:
    """The next commands worth typing."""
    run = state.created.run if state.created else ""
    plan = unfolded(plan, state)
    names = short_names(plan)
    match progress.state:
        case "succeeded":
            return [Suggestion(f"flowdsl status {run}", "the run, step by step")]
        case "compensated" | "cancelled":
            cause = cause_of(state, progress)
            show = (
                [
                    Suggestion(
                        f"flowdsl show {run} {shell_word(name_of(names, cause.step))}",
                        "the whole exchange",
                    )
                ]
                if cause is not None and cause.step and state.calls.get(cause.step, NO_CALL).attempt
                else []
            )
            return [*show, Suggestion(f"flowdsl rerun {run}", "once more, as a new run")]
        case "stuck":
            return [
                Suggestion(f"flowdsl resume {run}", "try again"),
                *_ways_out(progress, run, names),
                *_giving_up(plan, state, run, names),
            ]
        case "compensating":
            return [Suggestion(f"flowdsl resume {run}", "go on undoing")]
        case _:
            again = [*answers(plan, state, progress), Suggestion(f"flowdsl resume {run}", "go on")]
            return again + _giving_up(plan, state, run, names)


def answers(plan: Plan, state: State, progress: Progress) -> list[Suggestion]:
    """The commands that answer what the run waits for."""
    plan = unfolded(plan, state)
    run = state.created.run if state.created else ""
    names = short_names(plan)
    return [
        Suggestion(
            f"flowdsl signal {run} {command.name} {payload_text(node.schema)}".rstrip(),
            f"answers {names[command.node]}",
        )
        for command in progress.commands
        if isinstance(command, Await) and isinstance(node := plan.nodes.get(command.node), WaitFor)
    ]


def payload_text(schema: Json) -> str:
    """`-i ok=…`: what the payload must hold, as flags; what it may be where nothing is said of it."""
    if not isinstance(schema, dict):
        return "-i …"
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return " ".join(f"-i {scalar(name)}=…" for name in names)


def suggestion_lines(suggested: list[Suggestion]) -> list[Line]:
    left = max((columns(each.command) for each in suggested), default=0)
    return [fit(line("  ", pad(each.command, left), "  ", dim(each.why))) for each in suggested]


def output_lines(outputs: dict[str, Json]) -> list[Line]:
    """The outputs as a small table."""
    left = min(max((columns(name) for name in outputs), default=0), NAME_MAX)
    return [
        fit(line("  ", dim(pad(cut(name, left), left)), "  ", cut(scalar(value), WIDTH - left - 4)))
        for name, value in outputs.items()
    ]


def _undone_text(plan: Plan, state: State, progress: Progress) -> str:
    undone = len(undone_steps(plan, state))
    by_hand = [
        call
        for call, entry in state.calls.items()
        if direction_of(call) == "undo" and (entry.waived or entry.resolved) and not entry.answer
    ]
    total = undone + len(by_hand)
    left = "nothing is left behind"
    if progress.residue:
        left = f"{_count(len(progress.residue), 'thing')} to know about"
    if total == 0:
        return f"nothing had to be undone, {left}"
    return f"{undone} of {_count(total, 'step')} undone, {left}"


def _stuck_text(plan: Plan, state: State, progress: Progress) -> str:
    if state.parked is not None:
        return state.parked.message
    undos = [call for call in progress.stuck if direction_of(call) == "undo"]
    undone = len(undone_steps(plan, state))
    stuck = _count(len(undos) or len(progress.stuck), "step")
    if state.turning is not None:
        return f"{stuck} cannot be undone, {undone} undone"
    if not state.committed:
        return f"{stuck} cannot be undone, and nothing is committed"
    return f"{_count(len(progress.stuck), 'call')} after commit cannot be done"


def _why_cancelled(state: State, progress: Progress) -> list[Line]:
    if progress.state != "cancelled" or state.turning is None:
        return []
    by = f" (by {state.cancel.actor})" if state.cancel is not None and state.cancel.actor else ""
    return [fit(line("  ", dim(f"{state.turning.failure.message}{by}")))]


def _warnings(plan: Plan, state: State, progress: Progress) -> list[Line]:
    lines: list[Line] = []
    told = {one.step for one in progress.residue}
    for warning in (warning for warning in progress.warnings if warning.step not in told):
        said = cause_text(plan, warning)
        tries = tries_text(state, warning.step)
        text = f"warning: {said}  {tries}".rstrip()
        first, *more = [text] if columns(text) <= WIDTH - 4 else wrapped(text, WIDTH - 4)
        lines.append(fit(line("  ", WARNING.piece, f" {first}")))
        lines += [fit(line("    ", text)) for text in more]
    return lines


def _residue(plan: Plan, state: State, progress: Progress) -> list[Line]:
    """What a person must look at: each thing with its call, its last answer and why."""
    if not progress.residue and progress.state != "stuck":
        return []
    names = short_names(plan)
    listed = [one.step for one in progress.residue]
    listed += undone_steps(plan, state) if progress.state == "stuck" else []
    left = max((columns(cut(name_of(names, step), NAME_MAX)) for step in listed), default=0)
    lines: list[Line] = [line()]
    if progress.state == "stuck":
        lines += _undone_lines(plan, state, names, left)
    for one in progress.residue:
        mark = STEP_MARKS["stuck"] if one.call in progress.stuck else WARNING
        name = pad(cut(name_of(names, one.step), NAME_MAX), left)
        said = " · ".join(w for w in (_call_words(plan, state, one.call), residue_why(one)) if w)
        lines += [
            fit(
                line(
                    "  ",
                    mark.piece if index == 0 else " ",
                    f" {name if index == 0 else ' ' * left}  ",
                    text,
                )
            )
            for index, text in enumerate(wrapped(said, WIDTH - left - 6))
        ]
    return lines


def residue_why(one: Residue) -> str:
    if one.actor or one.reason:
        return f"{one.why}: {one.reason} ({one.actor})" if one.actor else f"{one.why}: {one.reason}"
    return one.why


def _undone_lines(plan: Plan, state: State, names: Names, left: int) -> list[Line]:
    lines = []
    undone = undone_steps(plan, state)
    for step in undone[:UNDONE_MAX]:
        mark = STEP_MARKS["undone"]
        words = f"undone: {_call_words(plan, state, undo(step))}"
        lines.append(
            fit(line("  ", mark.piece, f" {pad(cut(names[step], NAME_MAX), left)}  ", words))
        )
    if len(undone) > UNDONE_MAX:
        lines.append(line("  ", dim(f"… {len(undone) - UNDONE_MAX} more undone")))
    return lines


def _call_words(plan: Plan, state: State, call: CallId) -> str:
    node = plan.nodes.get(step_of(call))
    entry = state.calls.get(call, NO_CALL)
    if not isinstance(node, Call) or entry.attempt == 0:
        return ""
    words = f"{call_text(plan, state, call)}  {status_of(entry)}"
    tries = tries_text(state, call)
    return f"{words}  {tries}" if tries else words


def what_stands(plan: Plan, state: State) -> list[str]:
    """A line for every change at the services that is there or may be, and is not undone."""
    names = short_names(plan)
    return [
        f"{name_of(names, step)}: {_call_words(plan, state, step)}"
        for step in effects(plan, state, "")
    ]


def _ways_out(progress: Progress, run: str, names: Names) -> list[Suggestion]:
    ways = []
    for call in progress.stuck:
        if call:
            name = shell_word(name_of(names, call))
            command = f'flowdsl resume {run} --skip {name} --reason "…"'
            ways.append(Suggestion(command, "someone did it by hand"))
    return ways


def _giving_up(plan: Plan, state: State, run: str, names: Names) -> list[Suggestion]:
    """What a cancel would do, while it can."""
    if state.committed or state.turning is not None:
        return []
    done = [names[step] for step in _would_be_undone(plan, state)]
    what = f"undo {listed(done)}" if done else "stop; there is nothing to undo"
    return [Suggestion(f"flowdsl cancel {run}", what)]


def _would_be_undone(plan: Plan, state: State) -> list[Address]:
    return [
        address
        for address in effects(plan, state, "")
        if isinstance(node := plan.nodes[address], Call)
        and not isinstance(node.compensation, NothingToUndo)
    ]


def listed(names: Sequence[str], most: int = LISTED_MAX) -> str:
    """The first few, and how many more."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def _count(number: int, thing: str) -> str:
    return counted(number, thing) if number else ""
