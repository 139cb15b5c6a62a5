"""What is said when a run is at rest, or was stopped, and the exit code of it."""

from __future__ import annotations

from flowdsl.cli.display import display_kind
from flowdsl.cli.options import Session
from flowdsl.plan.values import Json
from flowdsl.saga.run import Run
from flowdsl.view.mark import RUN_MARKS
from flowdsl.view.paint import WIDTH, Line, Styled, dim, fit, line
from flowdsl.view.run.closing import closing, output_lines, state_line, suggestions
from flowdsl.view.run.failure import cause_frame
from flowdsl.view.run.report import outputs, run_report
from flowdsl.view.run.tree import picture


def exit_code(state: str) -> int:
    """`succeeded` 0, undone 1, `stuck` 3, and 4 for whatever is not over."""
    return {"succeeded": 0, "compensated": 1, "cancelled": 1, "stuck": 3}.get(state, 4)


def conclude(session: Session, run: Run, *, drawn: bool = False) -> int:
    """The end of a run as the person sees it. `drawn`: it was over before we came, so nothing was shown yet."""
    kind = "tty" if drawn else display_kind(session)
    succeeded = run.progress.state == "succeeded"
    if session.json:
        session.screen.tell(report(run))
    if not (kind == "json" or (kind == "quiet" and succeeded)):
        _tell(session, run, kind)
    if succeeded and not session.json:
        _outputs(session, run, kind)
    if kind not in ("json", "quiet"):
        session.screen.suggest(suggestions(run))
    return exit_code(run.progress.state)


def report(run: Run, word: str = "") -> Json:
    """`word`: its state where nobody drives it, `interrupted`."""
    return run_report(run, word)


def interrupted_report(session: Session, run: Run, word: str) -> None:
    """Stopped before its end: where it stands, and the two commands. `word`: `interrupted`, or what it waits in."""
    kind = display_kind(session)
    if session.json:
        session.screen.tell(report(run, word))
    if kind in ("json", "quiet"):
        return
    mark = RUN_MARKS[word]
    lines: list[Line] = [*_picture(session, run), ()] if kind == "tty" else [()]
    said = "  saved; nothing is lost, nothing is undone"
    lines.append(line(Styled(f"{mark.symbol} {word}", mark.style), "  ", dim(run.id), said))
    session.screen.say(lines)
    session.screen.suggest(suggestions(run))


def _tell(session: Session, run: Run, kind: str) -> None:
    lines: list[Line] = []
    if kind == "tty":
        lines += [*_picture(session, run), ()]
    failed = cause_frame(run)
    if failed:
        lines += [*([()] if kind == "plain" else []), *failed, ()]
    elif kind == "plain":
        lines.append(())
    if kind == "quiet":
        lines = [*failed, state_line(run, run.at)]
    else:
        lines += closing(run, run.at)
    session.screen.say(lines)


def _picture(session: Session, run: Run) -> list[Line]:
    """No line of it wraps, however narrow the terminal."""
    lines = picture(run, run.at)
    return [fit(each, min(WIDTH, session.screen.columns)) for each in lines]


def _outputs(session: Session, run: Run, kind: str) -> None:
    """JSON for a program; a table for a person."""
    values, problems = outputs(run)
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
