"""`flowdsl status` and `flowdsl list`: one run on one screen, and many runs in a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import TypeAlias

from msgspec import Struct

from flowdsl.plan.address import undo
from flowdsl.plan.nodes import AnyNode, Block, Commit, Confirm, Status, Switch
from flowdsl.saga.attempt import may_resend
from flowdsl.saga.collecting import LOST
from flowdsl.saga.intent import action_of
from flowdsl.saga.run import Run
from flowdsl.saga.state import NO_CALL
from flowdsl.view.brief import scalar
from flowdsl.view.calls import NAME_MAX, Names, name_of, short_names
from flowdsl.view.mark import RUN_MARKS, WARNING
from flowdsl.view.paint import Line, Style, Styled, bold, columns, counted, cut, dim, fit, line, pad
from flowdsl.view.run.closing import (
    cause_text,
    closing,
    run_name,
    suggestion_lines,
    ways_on,
)
from flowdsl.view.run.items import Folded, turned_item
from flowdsl.view.run.positions import cause_call, cause_of, label_of, tries_of
from flowdsl.view.run.step import cells, seen_of, status_of
from flowdsl.view.run.tone import GAVE_WAY, mark_of
from flowdsl.view.run.tree import hidden_text, reachable
from flowdsl.view.times import ago, date_and_time, duration

Cell: TypeAlias = tuple[
    str, str, str, str, str, Style
]  # step, state, tries, took, answer; how the state looks


class About(Struct, frozen=True):
    """What only the owner of the store knows. `driven`: some process has the run in hand."""

    now: float
    driven: bool = False
    changed: bool | None = None  # whether the file is another one by now
    zone: tzinfo = UTC
    behind: str = ""  # the run with the same key that it waits for, and its state


class RunRow(Struct, frozen=True):
    """One line of `flowdsl list`."""

    run: str
    workflow: str
    state: str
    label: str | None
    started: float
    ended: float | None
    detail: str = ""
    residue: int = 0  # things left that a person should know of


def state_name(run: Run, about: About) -> str:
    """The run's state; `interrupted` where it is unfinished, has something to do, and nobody drives it."""
    unfinished = run.progress.state in ("running", "waiting", "compensating")
    return "interrupted" if unfinished and not about.driven else run.progress.state


def status_text(run: Run, about: About) -> list[Line]:
    return [
        _first(run, about),
        *_interrupted(run, about),
        *([fit(line("  waits for its turn behind ", bold(about.behind)))] if about.behind else []),
        line(),
        *_facts(run, about),
        line(),
        *table(run, about.now),
        *_aftermath(run),
        line(),
        *suggestion_lines(ways_on(run)),
    ]


def table(run: Run, now: float | None = None) -> list[Line]:
    """STEP STATE TRIES TOOK ANSWER: every step that still means something, its state as a word."""
    names = short_names(run.plan)
    rows: list[Cell] = [("STEP", "STATE", "TRIES", "TOOK", "ANSWER", "dim")]
    for row in reachable(run):
        if row.kind == "more":
            said = hidden_text(Folded(run), row)
            rows.append((f"… {len(row.hidden)} more", "", "", "", said, "dim"))
        elif not isinstance(row.node, Status | Block | Switch):
            rows.append(_cells(run, row.node, names, now))
    widths = [max(columns(row[index]) for row in rows) for index in range(4)]
    return [
        fit(line("  ", *_row(row, widths, heading=index == 0))) for index, row in enumerate(rows)
    ]


def detail(run: Run) -> str:
    """The last column of `flowdsl list`: what went wrong, what is open, what is missing."""
    cause = cause_of(run)
    left = ""
    if run.progress.residue:
        names = short_names(run.plan)
        steps = [names.get(one.step, one.step) for one in run.progress.residue]
        left = f"{', '.join(dict.fromkeys(steps))}: {run.progress.residue[0].why}"
    if run.progress.state == "stuck" and left:
        return left
    marked = f"{WARNING.symbol} {left}" if left else ""
    if cause is not None:
        said = cause_text(run.plan, cause, cause_call(run))
        return f"{marked}; {said}" if marked else said
    if marked:
        return marked
    if run.progress.state == "succeeded" and run.progress.warnings:
        return counted(len(run.progress.warnings), "warning")
    if not run.state.flying:
        return ""
    names = short_names(run.plan)
    return ", ".join(name_of(names, call) for call in run.state.flying)


def list_text(rows: Sequence[RunRow], now: float, *, hidden: int = 0) -> list[Line]:
    """A table of runs, newest as given first; what is not shown is said."""
    names_itself = all(row.run.startswith(f"{row.workflow}-") for row in rows)
    cells = [
        ("RUN", "" if names_itself else "WORKFLOW", "STATE", "LABEL", "STARTED", "TOOK", "DETAIL")
    ]
    for row in rows:
        took = duration((row.ended or now) - row.started) if row.started else ""
        workflow = "" if names_itself else row.workflow
        started = ago(now - row.started) if row.started else ""  # 0: it cannot be read any more
        cells.append((row.run, workflow, row.state, row.label or "", started, took, row.detail))
    caps = (34, 14, 12, 12, 9, 8)
    widths = [min(cap, max(columns(row[at]) for row in cells)) for at, cap in enumerate(caps)]
    lines = [_list_row(row, widths, heading=index == 0) for index, row in enumerate(cells)]
    if hidden:
        lines.append(line(dim(f"{len(rows)} of {len(rows) + hidden} runs (--all shows them)")))
    elif not rows:
        lines = [line(dim("no such runs"))]
    return lines


def _list_row(row: Sequence[str], widths: Sequence[int], *, heading: bool) -> Line:
    pieces: list[Styled] = []
    for index, most in enumerate(widths):
        style: Style = "dim" if heading else "plain"
        if index == 2 and row[2] in RUN_MARKS:
            style = RUN_MARKS[row[2]].style
        if most:
            pieces.append(Styled(pad(cut(row[index], most), most) + "  ", style))
    return fit((*pieces, dim(row[-1]) if heading else Styled(row[-1])))


def _first(run: Run, about: About) -> Line:
    name = state_name(run, about)
    when = run.at if run.state.ended or name == "interrupted" else None
    since = f" {ago(about.now - when)}" if when is not None else ""
    cause = cause_of(run)
    why = f": {cause_text(run.plan, cause, cause_call(run))}" if cause is not None else ""
    mark = RUN_MARKS[name]
    word = Styled(f"{mark.symbol} {name}", mark.style)
    return fit(line(word, "  ", *run_name(run), f" {since}" if since else "", why))


def _interrupted(run: Run, about: About) -> list[Line]:
    """What the open calls mean for a person who wonders whether to resume."""
    if state_name(run, about) != "interrupted":
        return []
    names = short_names(run.plan)
    lines: list[Line] = []
    for call in run.state.flying:
        action, name = action_of(run.plan, call), name_of(names, call)
        again = (
            "resuming asks again with the same key, so it is not done twice"
            if may_resend(action, run.plan.services[action.service])
            else "it may have happened; resuming finds out or undoes it"
        )
        lines.append(fit(line("  ", bold(name), " was sent and its answer never arrived:")))
        lines.append(fit(line("  ", again)))
    return [line(), *lines] if lines else []


def _facts(run: Run, about: About) -> list[Line]:
    created = run.state.created
    if created is None:
        return []
    took = duration((run.ended_at or about.now) - created.at)
    label = label_of(run)
    since = {True: " (changed since)", False: " (unchanged since)", None: ""}[about.changed]
    secret = {declared.name for declared in run.plan.inputs if declared.secret}
    given = [
        f"{name} {cut(scalar(value), 24)}"
        for name, value in created.inputs.items()
        if name not in secret and value is not None
    ]
    facts = [
        (
            "started",
            f"{date_and_time(created.at, about.zone)}   took {took}"
            + (f"   label {label}" if label else ""),
        ),
        ("file", f"{run.plan.path or run.plan.name} @ {run.plan.digest[:7]}{since}"),
        ("inputs", " · ".join(given)),
    ]
    return [fit(line("  ", dim(pad(name, 9)), text)) for name, text in facts if text]


def _cells(
    run: Run,
    node: AnyNode,
    names: Names,
    now: float | None,
) -> Cell:
    if isinstance(node, Commit):
        reached = "ok" if run.state.committed else "not reached" if run.state.turning else "pending"
        return "commit", reached, "", "", "", "plain" if run.state.committed else "dim"
    seen = seen_of(run, node)
    words = cells(run, node, names, now)
    name = f"{names[node.of]} confirm" if isinstance(node, Confirm) else names[node.address]
    entry = run.state.calls.get(node.address, NO_CALL)
    tries = str(tries_of(run, node.address)) if entry.attempt else ""
    answer = words.detail.beside(seen)
    back = run.state.calls.get(undo(node.address))
    if back is not None and back.attempt:
        answer = f"then {answer}" if answer else f"then {status_of(back)}"
    mark = mark_of(run, node)
    lost = turned_item(run, node.address, LOST) is not None
    answer = f"{answer} · lost" if lost and seen not in GAVE_WAY else answer
    return (
        cut(name, NAME_MAX + 8),
        LOST if lost and seen in GAVE_WAY else seen,
        tries,
        words.took,
        f"{words.status} {answer}".strip(),
        mark.style,
    )


def _row(row: Cell, widths: Sequence[int], *, heading: bool) -> Line:
    name, seen, tries, took, answer, style = row
    if heading:
        shown = [pad(text, width) for text, width in zip(row, widths, strict=False)]
        return line(dim("  ".join([*shown, answer])))
    return line(
        pad(name, widths[0]), "  ",
        Styled(pad(seen, widths[1]), style), "  ",
        pad(tries, widths[2]), "  ",
        pad(took, widths[3]), "  ",
        answer,
    )  # fmt: skip


def _aftermath(run: Run) -> list[Line]:
    """Warnings and what is left behind, without the state line that stands on top already."""
    below = closing(run)[1:]
    return [line(), *below] if below and below[0] else below
