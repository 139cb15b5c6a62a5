"""How a run ended, or where it stands, in one line; what is left behind; and the commands worth typing next."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.plan.address import Address, CallId, direction_of, step_of, undo
from flowdsl.plan.nodes import Call, NothingToUndo, Plan, WaitFor
from flowdsl.plan.values import Json
from flowdsl.saga.commands import Await, Queue
from flowdsl.saga.events import Failure
from flowdsl.saga.ledger import effects
from flowdsl.saga.run import Run
from flowdsl.saga.state import NO_CALL
from flowdsl.saga.walk import Residue
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


class Suggestion(Struct, frozen=True):
    command: str
    why: str


def closing(run: Run, at: float | None = None) -> list[Line]:
    """The state line and what belongs under it. `at`: when the run ended, or now."""
    return [
        state_line(run, at),
        *_why_cancelled(run),
        *_warnings(run),
        *_residue(run),
    ]


def state_line(run: Run, at: float | None = None) -> Line:
    """`✓ succeeded  book-trip  book-trip-7k3fq2mzab  in 3.2s`."""
    mark = RUN_MARKS[run.progress.state]
    said = summary_text(run, at)
    word = Styled(f"{mark.symbol} {run.progress.state}", mark.style)
    return fit(line(word, "  ", *run_name(run), f"  {said}" if said else ""))


def run_name(run: Run) -> Line:
    """The run's id, with its workflow where the id does not say it already."""
    workflow = run.plan.name
    if run.id.startswith(f"{workflow}-"):
        return line(bold(run.id))
    return line(bold(workflow), "  ", dim(run.id)) if run.id else line(bold(workflow))


def summary_text(run: Run, at: float | None = None) -> str:
    """What the state means, in a few words."""
    took = (
        ""
        if at is None or run.state.created is None
        else f"in {duration(at - run.state.created.at)}"
    )
    match run.progress.state:
        case "succeeded":
            return ", ".join(
                word for word in (took, _count(len(run.progress.warnings), "warning")) if word
            )
        case "compensated" | "cancelled":
            return _undone_text(run)
        case "stuck":
            return _stuck_text(run)
        case "compensating":
            cause = cause_of(run)
            return cause_text(run.plan, cause, cause_call(run)) if cause else ""
        case _:
            return _open_text(run)


def _open_text(run: Run) -> str:
    """What is under way, or what is waited for."""
    names = short_names(run.plan)
    if run.state.flying:
        return f"{first_few([name_of(names, call) for call in run.state.flying])} open"
    for command in run.progress.commands:
        if isinstance(command, Await):
            return f"waits for the signal {command.name}"
        if isinstance(command, Queue):
            return f"waits for its turn among the runs with the key {command.key}"
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


def suggestions(run: Run) -> list[Suggestion]:
    """The next commands worth typing."""
    if run.progress.state == "succeeded":
        return [Suggestion(f"flowdsl status {run.id}", "the run, step by step")]
    return ways_on(run)


def ways_on(run: Run) -> list[Suggestion]:
    """Those that do more than look at it."""
    names = short_names(run.plan)
    match run.progress.state:
        case "succeeded":
            return []
        case "compensated" | "cancelled":
            cause = cause_of(run)
            show = (
                [
                    Suggestion(
                        f"flowdsl show {run.id} {shell_word(name_of(names, cause.step))}",
                        "the whole exchange",
                    )
                ]
                if cause is not None
                and cause.step
                and run.state.calls.get(cause.step, NO_CALL).attempt
                else []
            )
            return [*show, Suggestion(f"flowdsl rerun {run.id}", "once more, as a new run")]
        case "stuck":
            return [
                Suggestion(f"flowdsl resume {run.id}", "try again"),
                *_ways_out(run, names),
                *_giving_up(run, names),
            ]
        case "compensating":
            return [Suggestion(f"flowdsl resume {run.id}", "go on undoing")]
        case _:
            again = [*answers(run), Suggestion(f"flowdsl resume {run.id}", "go on")]
            return again + _giving_up(run, names)


def answers(run: Run) -> list[Suggestion]:
    """The commands that answer what the run waits for."""
    names = short_names(run.plan)
    return [
        Suggestion(
            f"flowdsl signal {run.id} {command.name} {payload_text(node.schema)}".rstrip(),
            f"answers {names[command.node]}",
        )
        for command in run.progress.commands
        if isinstance(command, Await)
        and isinstance(node := run.plan.nodes.get(command.node), WaitFor)
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


def _undone_text(run: Run) -> str:
    undone = len(undone_steps(run))
    by_hand = [
        call
        for call, entry in run.state.calls.items()
        if direction_of(call) == "undo" and (entry.waived or entry.resolved) and not entry.answer
    ]
    total = undone + len(by_hand)
    left = "nothing is left behind"
    if run.progress.residue:
        left = f"{_count(len(run.progress.residue), 'thing')} to know about"
    if total == 0:
        return f"nothing had to be undone, {left}"
    return f"{undone} of {_count(total, 'step')} undone, {left}"


def _stuck_text(run: Run) -> str:
    if run.state.parked is not None:
        return run.state.parked.message
    undos = [call for call in run.progress.stuck if direction_of(call) == "undo"]
    undone = len(undone_steps(run))
    stuck = _count(len(undos) or len(run.progress.stuck), "step")
    if run.state.turning is not None:
        return f"{stuck} cannot be undone, {undone} undone"
    if not run.state.committed:
        return f"{stuck} cannot be undone, and nothing is committed"
    return f"{_count(len(run.progress.stuck), 'call')} after commit cannot be done"


def _why_cancelled(run: Run) -> list[Line]:
    if run.progress.state != "cancelled" or run.state.turning is None:
        return []
    by = (
        f" (by {run.state.cancel.actor})"
        if run.state.cancel is not None and run.state.cancel.actor
        else ""
    )
    return [fit(line("  ", dim(f"{run.state.turning.failure.message}{by}")))]


def _warnings(run: Run) -> list[Line]:
    lines: list[Line] = []
    told = {one.step for one in run.progress.residue}
    for warning in (warning for warning in run.progress.warnings if warning.step not in told):
        said = cause_text(run.plan, warning)
        tries = tries_text(run, warning.step)
        text = f"warning: {said}  {tries}".rstrip()
        first, *more = [text] if columns(text) <= WIDTH - 4 else wrapped(text, WIDTH - 4)
        lines.append(fit(line("  ", WARNING.piece, f" {first}")))
        lines += [fit(line("    ", text)) for text in more]
    return lines


def _residue(run: Run) -> list[Line]:
    """What a person must look at: each thing with its call, its last answer and why."""
    if not run.progress.residue and run.progress.state != "stuck":
        return []
    names = short_names(run.plan)
    first_few = [one.step for one in run.progress.residue]
    first_few += undone_steps(run) if run.progress.state == "stuck" else []
    left = max((columns(cut(name_of(names, step), NAME_MAX)) for step in first_few), default=0)
    lines: list[Line] = [line()]
    if run.progress.state == "stuck":
        lines += _undone_lines(run, names, left)
    for one in run.progress.residue:
        mark = STEP_MARKS["stuck"] if one.call in run.progress.stuck else WARNING
        name = pad(cut(name_of(names, one.step), NAME_MAX), left)
        said = " · ".join(w for w in (_call_words(run, one.call), residue_why(one)) if w)
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


def _undone_lines(run: Run, names: Names, left: int) -> list[Line]:
    lines = []
    undone = undone_steps(run)
    for step in undone[:UNDONE_MAX]:
        mark = STEP_MARKS["undone"]
        words = f"undone: {_call_words(run, undo(step))}"
        lines.append(
            fit(line("  ", mark.piece, f" {pad(cut(names[step], NAME_MAX), left)}  ", words))
        )
    if len(undone) > UNDONE_MAX:
        lines.append(line("  ", dim(f"… {len(undone) - UNDONE_MAX} more undone")))
    return lines


def _call_words(run: Run, call: CallId) -> str:
    node = run.plan.nodes.get(step_of(call))
    entry = run.state.calls.get(call, NO_CALL)
    if not isinstance(node, Call) or entry.attempt == 0:
        return ""
    words = f"{call_text(run, call)}  {status_of(entry)}"
    tries = tries_text(run, call)
    return f"{words}  {tries}" if tries else words


def what_stands(run: Run) -> list[str]:
    """A line for every change at the services that is there or may be, and is not undone."""
    names = short_names(run.plan)
    return [
        f"{name_of(names, step)}: {_call_words(run, step)}"
        for step in effects(run.plan, run.state, "")
    ]


def _ways_out(run: Run, names: Names) -> list[Suggestion]:
    ways = []
    for call in run.progress.stuck:
        if call:
            name = shell_word(name_of(names, call))
            command = f'flowdsl resume {run.id} --skip {name} --reason "…"'
            ways.append(Suggestion(command, "someone did it by hand"))
    return ways


def _giving_up(run: Run, names: Names) -> list[Suggestion]:
    """What a cancel would do, while it can."""
    if run.state.committed or run.state.turning is not None:
        return []
    done = [names[step] for step in _would_be_undone(run)]
    what = f"undo {first_few(done)}" if done else "stop; there is nothing to undo"
    return [Suggestion(f"flowdsl cancel {run.id}", what)]


def _would_be_undone(run: Run) -> list[Address]:
    return [
        address
        for address in effects(run.plan, run.state, "")
        if isinstance(node := run.plan.nodes[address], Call)
        and not isinstance(node.compensation, NothingToUndo)
    ]


def first_few(names: Sequence[str], most: int = LISTED_MAX, number: int = 0) -> str:
    """The first few, and how many more. `number`: of all, where `names` has only the first."""
    number = number or len(names)
    if number <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {number - most + 1} more"


def _count(number: int, thing: str) -> str:
    return counted(number, thing) if number else ""
