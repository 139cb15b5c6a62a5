"""`flowdsl graph` in a terminal: the plan as rails, parallel branches side by side, commit as a double line.

       ┌─ flight ↺ ─┐                        ┌─ flight confirm ─┐
    ───┤            ├─ payment ↺ ══ commit ══┤                  ├─ mail ? ──▶ outputs
       └─ hotel  ↺ ─┘                        └─ hotel  confirm ─┘

It draws what is a tree of series and branches. Where siblings wait for each other, or it would be too wide, it
falls back to the indented form: never wrong rather than pretty.
"""

from __future__ import annotations

from functools import partial

from msgspec import Struct

from flowdsl.plan.address import enclosing, to_template
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Commit,
    Compensation,
    Confirm,
    Detach,
    ForEach,
    Local,
    Plan,
    Status,
    Switch,
)
from flowdsl.saga.run import Run
from flowdsl.view.calls import action_text, template_text
from flowdsl.view.graph.canvas import Canvas, canvas_for
from flowdsl.view.outline import (
    Row,
    commit_is_shown,
    outline,
)
from flowdsl.view.paint import WIDTH, Line, Styled, bold, columns, cut, dim, fit, line, pad
from flowdsl.view.run.items import Folded, is_template, item_text, item_value, multiplied_text
from flowdsl.view.run.tone import mark_of
from flowdsl.view.run.tree import hidden_text
from flowdsl.view.verb import (
    branch_text,
    limited_verb,
    verb,
)


class Drawing(Struct, frozen=True):
    """Rows of equal width; the rail goes in and out at row `rail`. `headings`: column and text of each `status`."""

    rows: tuple[str, ...]
    rail: int
    headings: tuple[tuple[int, str], ...] = ()

    @property
    def width(self) -> int:
        return columns(self.rows[0]) if self.rows else 0


EMPTY = Drawing(("",), 0)


def graph_text(plan: Plan, run: Run | None = None, most: int = WIDTH) -> list[Line]:
    """The rails, or the indented form; and what the signs mean."""
    canvas = canvas_for(plan, run)
    rails = _fitting_rails(canvas, most)
    rows = rails if rails is not None else [line(bold(canvas.plan.name)), *_indented(canvas)]
    return [*rows, line(), legend()]


def drawn_rows(plan: Plan, most: int = WIDTH) -> list[Line]:
    """The rails, or the indented form, alone."""
    canvas = canvas_for(plan, None)
    rails = _fitting_rails(canvas, most)
    return rails if rails is not None else _indented(canvas)


def _fitting_rails(canvas: Canvas, most: int) -> list[Line] | None:
    drawn = _rails(canvas, most)
    if drawn is None or drawn.width > most:
        return None
    rows: list[Line] = [line(row.rstrip()) for row in drawn.rows]
    headings = cut(_heading_row(drawn), most)
    return [*rows, *([line(dim(headings))] if headings else [])]


def _indented(canvas: Canvas) -> list[Line]:
    """One step a line: its signs, its call, and how it is undone."""
    plan = canvas.plan
    rows = outline(plan, canvas.excerpt)
    shown = [row for row in rows if row.kind in ("step", "group", "branch", "confirm", "more")]
    lefts = {id(row): f"  {row.gutter}{_row_word(canvas, row)}" for row in shown}
    calls = {id(row): _call(canvas, row) for row in shown}
    left = max((columns(text) for text in lefts.values()), default=0)
    call = min(max((columns(text) for text in calls.values()), default=0), WIDTH - left - 8)
    lines: list[Line] = []
    for row in rows:
        node = row.node
        if isinstance(node, Status):
            lines.append(fit(line(f"  {row.gutter}", template_text(node.text))))
        elif isinstance(node, Commit):
            lines.append(line("  ", bold("── commit " + "─" * 60)))
        elif row.kind == "on_failure":
            lines.append(line("  ", "on_failure", dim("  when the run was undone or is stuck")))
        else:
            name = pad(lefts[id(row)], left)
            called = pad(cut(calls[id(row)], call), call)
            undone = Styled(_back(canvas, node), "blue")
            lines.append(fit(line(name, "  ", dim(called), "  ", undone)))
            if row.kind == "step" and isinstance(node, ForEach):
                lines.append(fit(line(" " * (left + 2), dim(multiplied_text(node)))))
    return lines


def _rails(canvas: Canvas, most: int) -> Drawing | None:
    plan = canvas.plan
    drawn = _series(canvas, plan.root, most)
    if drawn is None or not drawn.width or plan.on_failure is not None:
        return None
    end = "──▶ outputs" if plan.outputs else "──▶ done"
    return _beside(_beside(Drawing((" ──",), 0), drawn), Drawing((end,), 0))


def _series(canvas: Canvas, block: Block, most: int) -> Drawing | None:
    drawn, joint, heading = EMPTY, "", ""
    for node in block.children:
        if isinstance(node, Status):
            heading = template_text(node.text)
            continue
        part = _part(canvas, node, most)
        if part is None or drawn.width > most:
            return None
        if not part.width:
            continue
        if isinstance(node, Commit):
            drawn, joint = _beside(drawn, part), ""
            continue
        if heading:
            part = Drawing(part.rows, part.rail, ((1, heading),))
        drawn = _beside(_beside(drawn, Drawing((joint,), 0)), part)
        joint, heading = "──", ""
    return drawn


def _part(canvas: Canvas, node: AnyNode, most: int) -> Drawing | None:
    """None: what has a frame around it, or waits across branches, is not a rail."""
    match node:
        case Block(kind="parallel", children=children):
            if any(child.needs for child in children):
                return None  # no tree of branches: the rails would hide who waits for whom
            parts = [_part(canvas, child, most) for child in children]
            known = [part for part in parts if part is not None]
            return None if len(known) < len(parts) else _branches([p for p in known if p.width])
        case Block(kind="uses") | Switch() | Call(fallback=Block()):
            return None
        case ForEach(branches=None, body=Call(fallback=None) | Confirm()):
            return Drawing((f" {_word(canvas, node)} ",), 0)
        case ForEach():
            return None
        case Block():
            return _series(canvas, node, most)
        case Commit():
            return Drawing(("══ commit ══",), 0) if commit_is_shown(canvas.plan) else EMPTY
        case Status():
            return EMPTY
        case Call() | Confirm() | Local() | Detach():
            return Drawing((f" {_word(canvas, node)} ",), 0)


def _branches(parts: list[Drawing]) -> Drawing:
    if len(parts) < 2:
        return parts[0] if parts else EMPTY
    width = max(part.width for part in parts)
    rows: list[str] = []
    rails: list[int] = []
    for part in parts:
        rails.append(len(rows) + part.rail)
        for index, row in enumerate(part.rows):
            fill = "─" if index == part.rail else " "
            rows.append(row + fill * (width - columns(row)))
    rail = (rails[0] + rails[-1]) // 2
    if len(rails) == 2 and rails[1] - rails[0] == 1:
        rows.insert(rails[1], " " * width)
        rails[1] += 1
        rail = rails[0] + 1
    stroke = partial(_bracket, rail=rail, ends=(rails[0], rails[-1]), branches=frozenset(rails))
    drawn = [
        stroke(index, left=True) + row + stroke(index, left=False) for index, row in enumerate(rows)
    ]
    return Drawing(tuple(drawn), rail)


def _bracket(
    row: int, *, rail: int, ends: tuple[int, int], branches: frozenset[int], left: bool
) -> str:
    """The stroke at a side of the branches: where a branch leaves it, where the rail meets it."""
    first, last = ends
    if not first <= row <= last:
        return "  "
    to_branch, to_rail = row in branches, row == rail
    if row == first:
        stroke = ("┬" if to_rail else "┌") if left else ("┬" if to_rail else "┐")
    elif row == last:
        stroke = ("┴" if to_rail else "└") if left else ("┴" if to_rail else "┘")
    elif to_branch and to_rail:
        stroke = "┼"
    elif to_branch:
        stroke = "├" if left else "┤"
    elif to_rail:
        stroke = "┤" if left else "├"
    else:
        stroke = "│"
    arm = "─" if to_branch else " "
    return stroke + arm if left else arm + stroke


def _beside(left: Drawing, right: Drawing) -> Drawing:
    """Two drawings with their rails on one row."""
    if not left.width:
        return right
    if not right.width:
        return left
    above = max(left.rail, right.rail)
    below = max(len(left.rows) - left.rail, len(right.rows) - right.rail)
    rows = [
        _row(left, left.rail + offset) + _row(right, right.rail + offset)
        for offset in range(-above, below)
    ]
    moved = tuple((column + left.width, text) for column, text in right.headings)
    return Drawing(tuple(rows), above, left.headings + moved)


def _row(of: Drawing, index: int) -> str:
    return of.rows[index] if 0 <= index < len(of.rows) else " " * of.width


def _heading_row(drawn: Drawing) -> str:
    row = ""
    for column, text in drawn.headings:
        row = pad(row, max(column, columns(row) + 2) if row else column) + text
    return row


def _row_word(canvas: Canvas, row: Row) -> str:
    return f"… {len(row.hidden)} more" if row.kind == "more" else _word(canvas, row.node)


def _word(canvas: Canvas, node: AnyNode) -> str:
    """`✓ flight ↺`: the state, the name, and the signs."""
    step = node.of if isinstance(node, Confirm) else node.address
    if isinstance(node, ForEach) and node.mirrors is not None:
        step = node.mirrors
    confirms = isinstance(node, Confirm) or is_mirror(node)
    word = canvas.names[step] if confirms else canvas.names.beside(step)
    if isinstance(node, Call) and node.name is None and node.action.event is not None:
        word = action_text(node.action)  # its event says more than `emit-1`
    word = f"{word} confirm" if confirms else word
    word += " ×" if is_template(node) else ""
    run = canvas.run
    if run is not None:
        word = f"{mark_of(run, node).symbol} {word}"
    word += " ↺" if _back(canvas, node) else ""
    return word + (" ?" if to_template(step) in canvas.optional else "")


def is_mirror(node: AnyNode) -> bool:
    return isinstance(node, ForEach) and node.mirrors is not None


def _call(canvas: Canvas, row: Row) -> str:
    """What the row does. A list over steps says how often; one over a call has a line of its own for that."""
    node = row.node
    if row.kind == "more":
        return hidden_text(canvas.excerpt, row) if isinstance(canvas.excerpt, Folded) else ""
    if isinstance(node, Block) and row.kind == "branch":
        return branch_text(node)
    if isinstance(node, ForEach) and row.kind == "group":
        used = verb(node, canvas.plan) if isinstance(node.body, Block) else ""
        words = [multiplied_text(node), used if used != "steps" else ""]
        return " · ".join(word for word in words if word)
    if isinstance(node, Call) and node.name is None and node.action.event is not None:
        return ""
    if canvas.run is not None and isinstance(node, Block):
        is_item, item = item_value(canvas.run, node.address)
        if is_item:
            return item_text(item)
    return limited_verb(node, canvas.plan)


def _back(canvas: Canvas, node: AnyNode) -> str:
    """How a call is undone, or one call of a list."""
    if isinstance(node, ForEach) and node.branches is None:
        node = node.body
    if not isinstance(node, Call) or not isinstance(node.compensation, Compensation):
        return ""
    if enclosing(node.address)[-1] in canvas.final:
        return ""
    action = node.compensation.action
    return f"↺ {action.method} …/{action_text(action).rpartition('/')[2]}"


def legend() -> Line:
    return line(
        dim(
            " ↺ can be undone   ? may be skipped or fail harmlessly   --format mermaid|dot|svg|json"
        )
    )
