"""The picture of a run: the file from top to bottom, each step with its mark, its call, and what came of it.

The undo of a step stands on the line of the step, the confirms stand below the commit line, a heading is a `status:`.
No line is wider than the screen, and none wraps.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.plan.address import ON_FAILURE, is_below
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.nodes import Block, Commit, Confirm, Status
from flowdsl.saga.deciding import text
from flowdsl.saga.run import Run
from flowdsl.view.calls import NAME_MAX, Names, short_names, template_text
from flowdsl.view.mark import Mark
from flowdsl.view.outline import Row, outline
from flowdsl.view.paint import WIDTH, Line, Styled, columns, cut, dim, fit, line, pad, width
from flowdsl.view.run.closing import run_name
from flowdsl.view.run.detail import Detail
from flowdsl.view.run.items import Folded, counts, is_template
from flowdsl.view.run.positions import label_of, state_of
from flowdsl.view.run.step import Cells, cells
from flowdsl.view.run.tone import MORE, mark_of
from flowdsl.view.times import duration
from flowdsl.view.verb import branch_text

RULE = 78  # columns of the commit line
STATUS, TOOK, DETAIL_MIN = 5, 8, 26


class Drawn(Struct, frozen=True):
    """A row with its words, before the columns are known."""

    row: Row
    left: str  # gutter, mark and name
    mark: Mark
    cells: Cells


def picture(run: Run, now: float | None = None) -> list[Line]:
    """The heading line and the tree below it."""
    return [header(run, now), line(), *tree(run, now)]


def header(run: Run, now: float | None = None) -> Line:
    """`book-trip  book-trip-7k3fq2mzab                                   paying  2.4s`."""
    left = run_name(run)
    words = [label_of(run) or "", _elapsed(run, now)]
    right = "  ".join(word for word in words if word)
    room = WIDTH - width(left) - 2
    right = cut(right, max(room, 8))
    return fit((*left, Styled(" " * max(2, WIDTH - width(left) - columns(right))), Styled(right)))


def tree(run: Run, now: float | None = None) -> list[Line]:
    names = short_names(run.plan)
    drawn: list[Drawn | Line] = []
    for row in reachable(run):
        if row.kind in ("heading", "commit", "on_failure"):
            drawn.append(_section(run, row))
        else:
            drawn.append(_draw(run, row, names, now))
    return _in_columns(drawn)


def reachable(run: Run) -> list[Row]:
    """The rows that still mean something: nothing below the commit line once the run has turned before it."""
    kept: list[Row] = []
    passed = False
    for row in outline(run.plan, Folded(run)):
        handler = row.kind == "on_failure" or is_below(row.node.address, ON_FAILURE)
        if run.state.alerted if handler else not (passed and run.state.turning is not None):
            kept.append(row)
        passed = passed or isinstance(row.node, Commit)
    return kept


def _draw(run: Run, row: Row, names: Names, now: float | None) -> Drawn:
    node = row.node
    if row.kind == "more":
        words = Cells(detail=Detail(hidden_text(Folded(run), row)), style="dim")
        return Drawn(row, f"  {row.gutter}{MORE.symbol} {len(row.hidden)} more", MORE, words)
    mark = mark_of(run, node)
    name = names[node.of] if isinstance(node, Confirm) else names.beside(node.address)
    name += " ×" if is_template(node) else ""
    words = cells(run, node, names, now)
    if row.kind == "branch" and isinstance(node, Block):
        passed = state_of(run, node.address) == "skipped"
        words = Cells(branch_text(node), detail=Detail("not taken" if passed else ""), style="dim")
    return Drawn(row, f"  {row.gutter}{mark.symbol} {cut(name, NAME_MAX)}", mark, words)


def hidden_text(folded: Folded, row: Row) -> str:
    """`91 ok · 3 refused`: what became of the items that have no row."""
    return counts(folded.word(item) for item in row.hidden)


def _section(run: Run, row: Row) -> Line:
    if isinstance(row.node, Status):
        return _heading(run, row.node, row.gutter)
    return line("  ", dim("on_failure")) if row.kind == "on_failure" else commit_rule(run)


def _heading(run: Run, label: Status, gutter: str) -> Line:
    said = run.state.done.get(label.address)
    try:
        shown = str(said) if said is not None else text(run.plan, run.state, label.text)
    except (EvaluationError, AssertionError):
        shown = template_text(label.text)
    style: Styled = Styled(shown) if said is not None else dim(shown)
    skipped = " (skipped)" if state_of(run, label.address) == "skipped" else ""
    return fit(line(f"  {gutter}", replace(style, text=shown + skipped)))


def commit_rule(run: Run) -> Line:
    """`── commit ──────`: passed, not yet, or `not reached` for good."""
    words = " commit "
    if run.state.turning is not None:
        words = " commit ── not reached "
    passed = Styled(
        "──" + words + "─" * (RULE - 4 - len(words)), "bold" if run.state.committed else "dim"
    )
    return line("  ", passed)


def _in_columns(drawn: list[Drawn | Line]) -> list[Line]:
    rows = [each for each in drawn if isinstance(each, Drawn)]
    left = max((columns(each.left) for each in rows), default=0)
    most = WIDTH - left - STATUS - TOOK - DETAIL_MIN - 6
    call = min(max((columns(each.cells.call) for each in rows), default=0), most)
    return [_line(each, left, call) if isinstance(each, Drawn) else each for each in drawn]


def _line(drawn: Drawn, left: int, call: int) -> Line:
    before, _, name = drawn.left.partition(drawn.mark.symbol)
    words = drawn.cells
    wide = call if words.status or words.took else call + STATUS + TOOK + 2
    called = pad(cut(words.call, wide), call)
    status, took = pad(words.status, STATUS), pad(words.took, TOOK)
    if columns(called) > call:  # over the columns that are empty here
        called, status, took = pad(called, wide - 2), "", "  "
    quiet = drawn.mark.style == "dim"
    return fit(
        line(
            before,
            drawn.mark.piece,
            Styled(pad(name, left - columns(before) - 1), "dim" if quiet else "plain"),
            "  ",
            dim(called),
            "  ",
            Styled(status, "dim" if quiet else drawn.mark.style),
            dim(took),
            Styled(words.detail.text, words.style),
        )
    )


def _elapsed(run: Run, now: float | None) -> str:
    created = run.state.created
    if created is None or now is None:
        return ""
    return duration(now - created.at)
