"""From a node of the plan to what stands for it in a graph: a box, or a frame with a graph inside.

Without a run the items of a list are drawn once, with a ×; in a run as many as its picture shows.
"""

from __future__ import annotations

from msgspec.structs import replace

from flowdsl.plan.address import CallId, enclosing, items_around, to_template, undo
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
    Status,
    Switch,
)
from flowdsl.plan.unfold import inside
from flowdsl.saga.collecting import LOST
from flowdsl.saga.intent import action_of
from flowdsl.view.calls import action_text, call_text
from flowdsl.view.graph.canvas import Canvas
from flowdsl.view.graph.level import level
from flowdsl.view.graph.shape import DrawnUndo, Graph, Vertex
from flowdsl.view.outline import commit_is_shown
from flowdsl.view.run.items import (
    Folded,
    counts,
    each_text,
    item_text,
    item_value,
    multiplied_text,
    result_text,
    taken_branch,
    turned_item,
)
from flowdsl.view.run.positions import undo_state
from flowdsl.view.run.step import seen_of
from flowdsl.view.run.tone import GAVE_WAY, is_mild
from flowdsl.view.verb import branch_text, kind_of, limit_text, verb


def graph_in(canvas: Canvas, name: str, nodes: tuple[AnyNode, ...]) -> Graph:
    return level(name, nodes, lambda node: vertex_of(canvas, node))


def vertex_of(canvas: Canvas, node: AnyNode) -> Vertex | None:
    """What stands for a node; None for a heading, and for a commit line that nobody wrote and nothing follows."""
    match node:
        case Call():
            return _call(canvas, node)
        case Confirm(of=of, action=action):
            name = canvas.names.beside(of) if items_around(of) else canvas.names[of]
            title = f"{name} confirm"
            return _box(canvas, node, title, action_text(action))
        case Commit() if not commit_is_shown(canvas.plan):
            return None
        case Commit():
            return _commit(canvas, node)
        case ForEach():
            return _each(canvas, node)
        case Switch():
            return _switch(canvas, node)
        case Block():
            return _group(canvas, node)
        case Status():
            return None
        case Local() | Detach():
            return _plain(canvas, node)


def _box(canvas: Canvas, node: AnyNode, title: str, text: str) -> Vertex:
    """A vertex with its state and its signs."""
    of = node.of if isinstance(node, Confirm) else node.address
    optional = to_template(of) in canvas.optional
    vertex = Vertex(node.address, kind_of(node), title, text, optional=optional)
    run = canvas.run
    if run is None:
        return vertex
    seen = seen_of(run, node)
    lost = turned_item(run, node.address, LOST) is not None and seen in GAVE_WAY
    word = LOST if lost else ""
    mild = is_mild(run, node)
    return replace(vertex, state=seen, word=word, is_mild=mild)


def _title(canvas: Canvas, node: AnyNode) -> str:
    return canvas.names.beside(node.address)


def _call(canvas: Canvas, call: Call) -> Vertex:
    action = call.action
    vertex = _box(canvas, call, _title(canvas, call), _request(canvas, call, call.address))
    if action.event is not None and call.name is None:  # its event says more than `emit-1`
        vertex = replace(vertex, title=vertex.text, text="")
    return replace(
        vertex, undo=_undo(canvas, call), instead=_instead(canvas, call), event=action.event or ""
    )


def _request(canvas: Canvas, call: Call, direction: CallId) -> str:
    """As written; in an item as it was sent, for that is what tells it from the others."""
    if canvas.run is not None and items_around(call.address):
        return call_text(canvas.run, direction)
    return action_text(action_of(canvas.plan, direction))


def _undo(canvas: Canvas, call: Call) -> DrawnUndo | None:
    below = enclosing(call.address)[-1] in canvas.final
    if below or not isinstance(call.compensation, Compensation):
        return None
    back = undo(call.address)
    run = canvas.run
    entry = run.state.calls.get(back) if run else None
    seen = undo_state(run, back, entry) if run and entry else None
    return DrawnUndo(back, _request(canvas, call, back), seen)


def _instead(canvas: Canvas, call: Call) -> Vertex | None:
    """The fallback, a frame that hangs below the call."""
    if call.fallback is None or not canvas.excerpt.is_open(call):
        return None
    here = f"{call.address}!fallback"
    below = graph_in(canvas, here, call.fallback.children)
    return Vertex(here, "fallback", "fallback", "when it is refused", inside=below)


def _commit(canvas: Canvas, node: Commit) -> Vertex:
    run = canvas.run
    vertex = Vertex(node.address, "commit", "commit")
    if run is None:
        return vertex
    return replace(vertex, state="ok" if run.state.committed else "pending")


def _plain(canvas: Canvas, node: AnyNode) -> Vertex:
    """A step that sends nothing itself."""
    vertex = _box(canvas, node, _title(canvas, node), verb(node, canvas.plan))
    detached = canvas.run.state.detached.get(node.address) if canvas.run is not None else None
    return replace(vertex, note=f"run {detached.run}" if detached is not None else limit_text(node))


# --- frames ------------------------------------------------------------------------------------------


def _group(canvas: Canvas, block: Block) -> Vertex:
    """A used file, or an item of a list, which says what it was given; anything else is seen through."""
    is_item, item = item_value(canvas.run, block.address) if canvas.run else (False, None)
    words = [item_text(item)] if is_item else []
    words += [verb(block, canvas.plan)] if block.kind == "uses" else []
    vertex = _box(canvas, block, _title(canvas, block), " · ".join(words))
    return _around(canvas, vertex, block.children)


def _around(canvas: Canvas, vertex: Vertex, nodes: tuple[AnyNode, ...]) -> Vertex:
    below = graph_in(canvas, vertex.id, nodes)
    return replace(vertex, inside=below) if below.vertices else replace(vertex, kind="group")


def _switch(canvas: Canvas, switch: Switch) -> Vertex:
    frame = _box(canvas, switch, _title(canvas, switch), "switch")
    run = canvas.run
    taken = taken_branch(run, switch) if run else None
    branches = []
    for branch in switch.branches:
        vertex = _box(canvas, branch, branch_text(branch), "")
        vertex = replace(vertex, kind="branch", optional=False)
        if run is not None and branch is taken:
            vertex = replace(vertex, word="taken" if vertex.state == "ok" else "")
        if run is not None and vertex.state == "skipped":
            vertex = replace(vertex, word="not taken")
        open_ = canvas.excerpt.is_open(branch)
        branches.append(_around(canvas, vertex, branch.children if open_ else ()))
    return replace(frame, inside=Graph(switch.address, tuple(branches), ()))


def _each(canvas: Canvas, each: ForEach) -> Vertex:
    if each.mirrors is not None:
        return _confirms(canvas, each)
    if each.branches is None:
        return _template(canvas, each)
    run = canvas.run
    assert run is not None, "the items of a list are known in a run only"
    folded = Folded(run)
    frame = _box(canvas, each, _title(canvas, each), each_text(each))
    frame = replace(frame, note=result_text(folded, each))
    return _items(canvas, frame, each)


def _template(canvas: Canvas, each: ForEach) -> Vertex:
    """What every item will be: a box for a call, a frame around steps; once, with a ×."""
    title = f"{_title(canvas, each)} ×"
    words = multiplied_text(each)
    frame = replace(_box(canvas, each, title, words), is_many=True)
    body = each.body
    if isinstance(body, Call):
        return replace(
            _call(canvas, body), id=each.address, title=title, note=words,
            optional=frame.optional, state=frame.state, is_many=True,
        )  # fmt: skip
    if isinstance(body, Block) and body.kind == "uses":
        frame = replace(frame, text=f"{words} · {verb(body, canvas.plan)}")
    return _around(canvas, frame, inside(body))


def _items(canvas: Canvas, frame: Vertex, each: ForEach) -> Vertex:
    """The items of a list inside its frame, and a box that counts those that are not drawn."""
    run = canvas.run
    assert run is not None, "the items of a list are known in a run only"
    shown, hidden = canvas.excerpt.items(each)
    drawn = [vertex for item in shown if (vertex := vertex_of(canvas, item)) is not None]
    if hidden:
        folded = Folded(run)
        said = counts(folded.word(item) for item in hidden)
        more = Vertex(f"{each.address}!more", "more", f"… {len(hidden)} more", said)
        drawn.append(more)
    if not drawn:
        return replace(frame, kind="group")
    return replace(frame, inside=Graph(each.address, tuple(drawn), ()))


def _confirms(canvas: Canvas, each: ForEach) -> Vertex:
    """The confirms of a list: those of the items that took effect."""
    assert each.mirrors is not None, "they belong to a list above the commit line"
    title = f"{canvas.names.beside(each.mirrors)} confirm"
    frame = _box(canvas, each, title, "")
    if each.branches is not None:
        return _items(canvas, frame, each)
    frame = replace(frame, title=f"{title} ×", is_many=True)
    if isinstance(each.body, Confirm):
        return replace(frame, kind="confirm", text=action_text(each.body.action))
    return _around(canvas, frame, inside(each.body))
