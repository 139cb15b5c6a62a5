"""What is said when a run is at rest, or was stopped, and the exit code of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flowdsl.cli.display import display_kind
from flowdsl.cli.options import Session
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.progress import Progress
from flowdsl.saga.state import State
from flowdsl.view.mark import RUN_MARKS
from flowdsl.view.paint import WIDTH, Line, Styled, dim, fit, line
from flowdsl.view.run.closing import Suggestion, closing, output_lines, state_line, suggestions
from flowdsl.view.run.failure import cause_frame
from flowdsl.view.run.report import outputs, run_report
from flowdsl.view.run.tree import picture


@dataclass(frozen=True, slots=True)
class Standing:
    """A run as it stands. `at`: when it last got on. `name`: its state where nobody drives it (`interrupted`)."""

    run: str
    plan: Plan
    state: State
    now: Progress
    at: float
    name: str = ""

    @property
    def ended(self) -> float | None:
        return self.at if self.state.ended else None


def exit_code(state: str) -> int:
    """`succeeded` 0, undone 1, `stuck` 3, and 4 for whatever is not over."""
    return {"succeeded": 0, "compensated": 1, "cancelled": 1, "stuck": 3}.get(state, 4)


def conclude(session: Session, standing: Standing, *, drawn: bool = False) -> int:
    """The end of a run as the person sees it. `drawn`: it was over before we came, so nothing was shown yet."""
    kind = "tty" if drawn else display_kind(session)
    succeeded = standing.now.state == "succeeded"
    if session.json:
        session.screen.tell(report(standing))
    if not (kind == "json" or (kind == "quiet" and succeeded)):
        _tell(session, standing, kind)
    if succeeded and not session.json:
        _outputs(session, standing, kind)
    if kind not in ("json", "quiet"):
        session.screen.suggest(_next(standing))
    return exit_code(standing.now.state)


def report(standing: Standing) -> Json:
    return run_report(
        standing.plan, standing.state, standing.now, ended=standing.ended, name=standing.name
    )


def interrupted_report(session: Session, standing: Standing, *, waits: bool = False) -> None:
    """Stopped before its end: where it stands, and the two commands. `waits`: nobody interrupted it."""
    plan, state, now = standing.plan, standing.state, standing.now
    kind = display_kind(session)
    word = now.state if waits else standing.name or now.state
    if session.json:
        session.screen.tell(report(replace(standing, name=word)))
    if kind in ("json", "quiet"):
        return
    mark = RUN_MARKS[word]
    lines: list[Line] = [*_picture(session, standing), ()] if kind == "tty" else [()]
    said = "  saved; nothing is lost, nothing is undone"
    lines.append(line(Styled(f"{mark.symbol} {word}", mark.style), "  ", dim(standing.run), said))
    session.screen.say(lines)
    session.screen.suggest(suggestions(plan, state, now))


def failure_lines(standing: Standing) -> list[Line]:
    """Why the run is not well: frames of what went wrong first, and of what is stuck."""
    return [*cause_frame(standing.plan, standing.state, standing.now)]


def _tell(session: Session, standing: Standing, kind: str) -> None:
    plan, state, now = standing.plan, standing.state, standing.now
    lines: list[Line] = []
    if kind == "tty":
        lines += [*_picture(session, standing), ()]
    failed = failure_lines(standing)
    if failed:
        lines += [*([()] if kind == "plain" else []), *failed, ()]
    elif kind == "plain":
        lines.append(())
    if kind == "quiet":
        lines = [*failed, state_line(plan, state, now, standing.at)]
    else:
        lines += closing(plan, state, now, standing.at)
    session.screen.say(lines)


def _picture(session: Session, standing: Standing) -> list[Line]:
    """No line of it wraps, however narrow the terminal."""
    lines = picture(standing.plan, standing.state, standing.now, standing.at)
    return [fit(each, min(WIDTH, session.screen.columns)) for each in lines]


def _outputs(session: Session, standing: Standing, kind: str) -> None:
    """JSON for a program; a table for a person."""
    values, problems = outputs(standing.plan, standing.state)
    for problem in problems:
        session.screen.say([line("  ", dim(f"! {problem.message}"))])
    if not values:
        return
    if session.screen.is_piped:
        session.screen.tell(values)
    elif kind == "tty":
        session.screen.say([(), *output_lines(values)])
    else:
        session.screen.show(output_lines(values))


def _next(standing: Standing) -> list[Suggestion]:
    return suggestions(standing.plan, standing.state, standing.now)
