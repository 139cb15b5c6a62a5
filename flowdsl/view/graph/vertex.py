"""From a node of the plan to what stands for it in a graph: a box, or a frame with a graph inside.

Without a run the items of a list are drawn once, with a ×; in a run as many as its picture shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flowdsl.plan.address import Address, CallId, enclosing, items_around, to_template, undo
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Commit,
    Compensation,
    Confirm,
    Detach,
    Fail,
    ForEach,
    Plan,
    Set,
    Switch,
    Wait,
    WaitFor,
)
from flowdsl.plan.unfold import inside
from flowdsl.saga.collecting import LOST
from flowdsl.saga.intent import action_of
from flowdsl.saga.progress import Progress
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import unfolded
from flowdsl.view.calls import Names, action_text, call_text, short_names
from flowdsl.view.graph.level import level
from flowdsl.view.graph.shape import DrawnUndo, Graph, Kind, Vertex
from flowdsl.view.outline import EVERYTHING, Excerpt, commit_is_shown, optional_steps, past_commit
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
from flowdsl.view.times import duration
from flowdsl.view.verb import branch_text, verb


@dataclass(frozen=True, slots=True)
class Coloured:
    """The run whose states the graph shows."""

    state: State
    progress: Progress


@dataclass(frozen=True, slots=True)
class Look:
    """What every vertex is drawn from. `plan` is unfolded."""

    plan: Plan
    names: Names
    optional: frozenset[Address]  # of templates
    excerpt: Excerpt
    run: Coloured | None
    final: frozenset[Address]  # what is below the commit line


def look_at(plan: Plan, run: Coloured | None, *, whole: bool) -> Look:
    excerpt: Excerpt = EVERYTHING
    if run is not None:
        plan = unfolded(plan, run.state)
        excerpt = EVERYTHING if whole else Folded(plan, run.state, run.progress)
    optional = optional_steps(plan.folded or plan)
    return Look(plan, short_names(plan), optional, excerpt, run, past_commit(plan))


def graph_in(look: Look, name: str, nodes: tuple[AnyNode, ...]) -> Graph:
    return level(name, nodes, lambda node: vertex_of(look, node))


def vertex_of(look: Look, node: AnyNode) -> Vertex | None:
    """What stands for a node; None for a commit line that nobody wrote and nothing follows."""
    match node:
        case Call():
            return _call(look, node)
        case Confirm(of=of, action=action):
            name = look.names.beside(of) if items_around(of) else look.names[of]
            title = f"{name} confirm"
            return _box(look, node, "confirm", title, action_text(action))
        case Commit() if not commit_is_shown(look.plan):
            return None
        case Commit():
            return _commit(look, node)
        case ForEach():
            return _each(look, node)
        case Switch():
            return _switch(look, node)
        case Block():
            return _group(look, node)
        case _:
            return _plain(look, node)


def _box(look: Look, node: AnyNode, kind: Kind, title: str, text: str) -> Vertex:
    """A vertex with its state and its signs."""
    of = node.of if isinstance(node, Confirm) else node.address
    vertex = Vertex(node.address, kind, title, text, optional=to_template(of) in look.optional)
    run = look.run
    if run is None:
        return vertex
    seen = seen_of(run.state, run.progress, node)
    lost = turned_item(run.state, node.address, LOST) is not None and seen in GAVE_WAY
    word = LOST if lost else ""
    mild = is_mild(look.plan, run.state, run.progress, node)
    return replace(vertex, state=seen, word=word, is_mild=mild)


def _title(look: Look, node: AnyNode) -> str:
    return look.names.beside(node.address)


def _call(look: Look, call: Call) -> Vertex:
    action = call.action
    kind: Kind = "emit" if action.event is not None else "read" if action.is_read else "call"
    vertex = _box(look, call, kind, _title(look, call), _request(look, call, call.address))
    if kind == "emit" and call.name is None:  # its event says more than `emit-1`
        vertex = replace(vertex, title=vertex.text, text="")
    return replace(
        vertex, undo=_undo(look, call), instead=_instead(look, call), event=action.event or ""
    )


def _request(look: Look, call: Call, direction: CallId) -> str:
    """As written; in an item as it was sent, for that is what tells it from the others."""
    if look.run is not None and items_around(call.address):
        return call_text(look.plan, look.run.state, direction)
    return action_text(action_of(look.plan, direction))


def _undo(look: Look, call: Call) -> DrawnUndo | None:
    below = enclosing(call.address)[-1] in look.final
    if below or not isinstance(call.compensation, Compensation):
        return None
    back = undo(call.address)
    run = look.run
    entry = run.state.calls.get(back) if run else None
    seen = undo_state(run.progress, back, entry) if run and entry else None
    return DrawnUndo(back, _request(look, call, back), seen)


def _instead(look: Look, call: Call) -> Vertex | None:
    """The fallback, a frame that hangs below the call."""
    if call.fallback is None or not look.excerpt.is_open(call):
        return None
    here = f"{call.address}!fallback"
    below = graph_in(look, here, call.fallback.children)
    return Vertex(here, "fallback", "fallback", "when it is refused", inside=below)


def _commit(look: Look, node: Commit) -> Vertex:
    run = look.run
    vertex = Vertex(node.address, "commit", "commit")
    if run is None:
        return vertex
    return replace(vertex, state="ok" if run.state.committed else "pending")


def _plain(look: Look, node: AnyNode) -> Vertex:
    """A step that sends nothing itself."""
    kinds: dict[type, Kind] = {
        Wait: "wait", WaitFor: "listen", Set: "set", Fail: "fail", Detach: "spawn",
    }  # fmt: skip
    vertex = _box(look, node, kinds[type(node)], _title(look, node), verb(node, look.plan))
    match node:
        case WaitFor(timeout_seconds=float() | int() as seconds):
            return replace(vertex, note=f"{duration(seconds)} at most")
        case Detach() if look.run is not None and node.address in look.run.state.spawned:
            return replace(vertex, note=f"run {look.run.state.spawned[node.address].run}")
        case _:
            return vertex


# --- frames ------------------------------------------------------------------------------------------


def _group(look: Look, block: Block) -> Vertex:
    """A used file, or an item of a list, which says what it was given; anything else is seen through."""
    is_item, item = item_value(look.run.state, block.address) if look.run else (False, None)
    words = [item_text(item)] if is_item else []
    words += [verb(block, look.plan)] if block.kind == "uses" else []
    kind: Kind = "uses" if block.kind == "uses" else "item"
    vertex = _box(look, block, kind, _title(look, block), " · ".join(words))
    return _around(look, vertex, block.children)


def _around(look: Look, vertex: Vertex, nodes: tuple[AnyNode, ...]) -> Vertex:
    below = graph_in(look, vertex.id, nodes)
    return replace(vertex, inside=below) if below.vertices else replace(vertex, kind="group")


def _switch(look: Look, switch: Switch) -> Vertex:
    frame = _box(look, switch, "switch", _title(look, switch), "switch")
    run = look.run
    taken = taken_branch(run.state, switch) if run else None
    branches = []
    for branch in switch.branches:
        vertex = _box(look, branch, "branch", branch_text(branch), "")
        vertex = replace(vertex, optional=False)
        if run is not None and branch is taken:
            vertex = replace(vertex, word="taken" if vertex.state == "ok" else "")
        if run is not None and vertex.state == "skipped":
            vertex = replace(vertex, word="not taken")
        open_ = look.excerpt.is_open(branch)
        branches.append(_around(look, vertex, branch.children if open_ else ()))
    return replace(frame, inside=Graph(switch.address, tuple(branches), ()))


def _each(look: Look, each: ForEach) -> Vertex:
    if each.mirrors is not None:
        return _confirms(look, each)
    if each.branches is None:
        return _template(look, each)
    run = look.run
    assert run is not None, "the items of a list are known in a run only"
    folded = Folded(look.plan, run.state, run.progress)
    frame = _box(look, each, "each", _title(look, each), each_text(each))
    frame = replace(frame, note=result_text(folded, each))
    return _items(look, frame, each)


def _template(look: Look, each: ForEach) -> Vertex:
    """What every item will be: a box for a call, a frame around steps; once, with a ×."""
    title = f"{_title(look, each)} ×"
    words = multiplied_text(each)
    match each.body:
        case Call() as body:
            drawn = _call(look, body)
            return replace(
                drawn, id=each.address, title=title, note=words,
                optional=to_template(each.address) in look.optional,
                state=_box(look, each, "each", title, "").state,
            )  # fmt: skip
        case body:
            frame = replace(_box(look, each, "each", title, words))
            if isinstance(body, Block) and body.kind == "uses":
                frame = replace(frame, text=f"{words} · {verb(body, look.plan)}")
            return _around(look, frame, inside(body))


def _items(look: Look, frame: Vertex, each: ForEach) -> Vertex:
    """The items of a list inside its frame, and a box that counts those that are not drawn."""
    run = look.run
    assert run is not None, "the items of a list are known in a run only"
    shown, hidden = look.excerpt.items(each)
    drawn = [vertex for item in shown if (vertex := vertex_of(look, item)) is not None]
    if hidden:
        folded = Folded(look.plan, run.state, run.progress)
        said = counts(folded.word(item) for item in hidden)
        more = Vertex(f"{each.address}!more", "more", f"… {len(hidden)} more", said)
        drawn.append(more)
    if not drawn:
        return replace(frame, kind="group")
    return replace(frame, inside=Graph(each.address, tuple(drawn), ()))


def _confirms(look: Look, each: ForEach) -> Vertex:
    """The confirms of a list: those of the items that took effect."""
    assert each.mirrors is not None, "they belong to a list above the commit line"
    title = f"{look.names.beside(each.mirrors)} confirm"
    frame = _box(look, each, "each", title, "")
    if each.branches is not None:
        return _items(look, frame, each)
    title = f"{title} ×"
    match each.body:
        case Confirm(action=action):
            return replace(frame, kind="confirm", title=title, text=action_text(action))
        case body:
            return _around(look, replace(frame, title=title), inside(body))
