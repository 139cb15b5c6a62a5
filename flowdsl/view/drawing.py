"""`flowdsl graph` in a terminal: the plan as rails, parallel branches side by side, commit as a double line.

       ┌─ flight ↺ ─┐                        ┌─ flight confirm ─┐
    ───┤            ├─ payment ↺ ══ commit ══┤                  ├─ mail ? ──▶ outputs
       └─ hotel  ↺ ─┘                        └─ hotel  confirm ─┘

It draws what is a tree of series and branches. Where siblings wait for each other, or it would be too wide, it
falls back to the indented form: never wrong rather than pretty.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowdsl.plan.address import Address
from flowdsl.plan.nodes import AnyNode, Block, Call, Commit, Compensation, Confirm, Label, Plan
from flowdsl.view.calls import action_text, short_names, template_text
from flowdsl.view.graph import Coloured
from flowdsl.view.mark import STEP_MARKS
from flowdsl.view.outline import commit_is_shown, optional_steps, outline
from flowdsl.view.paint import WIDTH, Line, Piece, bold, columns, cut, dim, fit, line, pad
from flowdsl.view.standing import state_of
from flowdsl.view.verb import verb


@dataclass(frozen=True, slots=True)
class Drawing:
    """Rows of equal width; the rail goes in and out at row `rail`. `headings`: column and text of each `status`."""

    rows: tuple[str, ...]
    rail: int
    headings: tuple[tuple[int, str], ...] = ()

    @property
    def width(self) -> int:
        return columns(self.rows[0]) if self.rows else 0


EMPTY = Drawing(("",), 0)


def graph_text(plan: Plan, run: Coloured | None = None, most: int = WIDTH) -> list[Line]:
    """The rails, or the indented form; and what the signs mean."""
    drawn = _rails(plan, run)
    if drawn is None or drawn.width > most:
        return [*indented(plan, run), line(), _legend()]
    rows: list[Line] = [line(row.rstrip()) for row in drawn.rows]
    headings = cut(_heading_row(drawn), most)
    return [*rows, *([line(dim(headings))] if headings else []), line(), _legend()]


def indented(plan: Plan, run: Coloured | None = None) -> list[Line]:
    """One step a line: its signs, its call, and how it is undone."""
    words = _words(plan, run)
    rows = outline(plan)
    lefts = {row.node.address: f"  {row.gutter}{words[row.node.address]}" for row in rows}
    shown = [row for row in rows if row.kind in ("step", "group", "confirm")]
    left = max((columns(lefts[row.node.address]) for row in shown), default=0)
    calls = {row.node.address: _call(row.node) for row in shown}
    call = min(max((columns(text) for text in calls.values()), default=0), WIDTH - left - 8)
    lines: list[Line] = [line(bold(plan.name))]
    for row in rows:
        node = row.node
        match node:
            case Label(text=text):
                lines.append(fit(line(f"  {row.gutter}", template_text(text))))
            case Commit():
                lines.append(line("  ", bold("── commit " + "─" * 60)))
            case _ if row.kind == "on_failure":
                lines.append(line("  ", "on_failure"))
            case _:
                name = pad(lefts[node.address], left)
                called = pad(cut(calls[node.address], call), call)
                lines.append(fit(line(name, "  ", dim(called), "  ", Piece(_back(node), "blue"))))
    return lines


def _rails(plan: Plan, run: Coloured | None) -> Drawing | None:
    words = _words(plan, run)
    drawn = _series(plan, plan.root, words)
    if drawn is None or not drawn.width:
        return None
    end = "──▶ outputs" if plan.outputs else "──▶ done"
    return _beside(_beside(Drawing((" ──",), 0), drawn), Drawing((end,), 0))


def _series(plan: Plan, block: Block, words: dict[Address, str]) -> Drawing | None:
    drawn, joint, heading = EMPTY, "", ""
    for node in block.children:
        if isinstance(node, Label):
            heading = template_text(node.text)
            continue
        part = _part(plan, node, words)
        if part is None:
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


def _part(plan: Plan, node: AnyNode, words: dict[Address, str]) -> Drawing | None:
    match node:
        case Block(kind="parallel", children=children):
            if any(child.needs for child in children):
                return None  # no tree of branches: the rails would hide who waits for whom
            parts = [_part(plan, child, words) for child in children]
            known = [part for part in parts if part is not None]
            return None if len(known) < len(parts) else _branches([p for p in known if p.width])
        case Block():
            return _series(plan, node, words)
        case Commit():
            return Drawing(("══ commit ══",), 0) if commit_is_shown(plan) else EMPTY
        case Label():
            return EMPTY
        case _:
            return Drawing((f" {words[node.address]} ",), 0)


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
    drawn = [
        _bracket(index, rail, rails, left=True) + row + _bracket(index, rail, rails, left=False)
        for index, row in enumerate(rows)
    ]
    return Drawing(tuple(drawn), rail)


def _bracket(row: int, rail: int, rails: list[int], *, left: bool) -> str:
    """The stroke at a side of the branches: where a branch leaves it, where the rail meets it."""
    first, last = rails[0], rails[-1]
    if not first <= row <= last:
        return "  "
    to_branch, to_rail = row in rails, row == rail
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


def _words(plan: Plan, run: Coloured | None) -> dict[Address, str]:
    """`✓ flight ↺`: the state, the name, and the signs, for every node."""
    names = short_names(plan)
    optional = optional_steps(plan)
    words: dict[Address, str] = {}
    for address, node in plan.nodes.items():
        step = node.of if isinstance(node, Confirm) else address
        if step not in names:
            continue
        word = f"{names[step]} confirm" if isinstance(node, Confirm) else names[step]
        if run is not None:
            seen = state_of(run.progress, run.state, address)
            word = f"{STEP_MARKS[seen].symbol} {word}"
        word += " ↺" if _back(node) else ""
        words[address] = word + (" ?" if step in optional else "")
    return words


def _call(node: AnyNode) -> str:
    return action_text(node.action) if isinstance(node, Call | Confirm) else verb(node)


def _back(node: AnyNode) -> str:
    if isinstance(node, Call) and isinstance(node.compensation, Compensation):
        method, _, path = action_text(node.compensation.action).partition(" ")
        return f"↺ {method} …/{path.rpartition('/')[2]}"
    return ""


def _legend() -> Line:
    return line(
        dim(
            " ↺ can be undone   ? may be skipped or fail harmlessly   --format mermaid|dot|svg|json"
        )
    )
