"""How large everything of a picture is, and where it stands: a frame is laid out first, then it is a box in its own level.

Sizes are generous: the reader may have wider letters than these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.view.graph.layout import Layout, Size, layout
from flowdsl.view.graph.shape import DrawnUndo, Graph, Vertex
from flowdsl.view.paint import columns, cut

BOX, UNDO, SMALL = 50.0, 30.0, 34.0  # heights: a call, its undo, a step that sends nothing
UNDO_GAP = 12.0
NOTE = 16.0  # the height of a third line
TEXT_MAX = 50  # characters of one line in a box
FRAME_MAX = 90  # and in the title of a frame
TITLE_WIDTH, TEXT_WIDTH, STATE_WIDTH = 8.6, 7.0, 7.2  # of a character, generously
PAD = 14.0  # between a frame and what is in it
FRAME_HEAD = 52.0  # the title of a frame and its second line
FRAME_TITLE = 32.0  # the title alone
INDENT, INSTEAD_GAP = 26.0, 16.0  # of a fallback, from its call
JOINT = 7.0


class Box(Struct, frozen=True):
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


class Arranged(Struct, frozen=True):
    """One level: where its vertices are, and the levels inside them by the id of their frame."""

    graph: Graph
    layout: Layout
    inner: Mapping[str, Arranged]

    @property
    def width(self) -> float:
        return self.layout.width

    @property
    def height(self) -> float:
        return self.layout.bottom - self.layout.top


def arrange(graph: Graph, *, gap_x: float = 64.0, gap_y: float = 26.0) -> Arranged:
    inner: dict[str, Arranged] = {}
    sizes = {vertex.id: _size(vertex, inner) for vertex in graph.vertices}
    if not graph.edges:  # one below the other: all as wide as the widest
        sizes = {name: replace(size, stretches=True) for name, size in sizes.items()}
    placed = layout(sizes, graph.edges, gap_x=gap_x, gap_y=gap_y)
    return Arranged(graph, placed, inner)


def _size(vertex: Vertex, inner: dict[str, Arranged]) -> Size:
    """How large it is; what is inside it is arranged on the way."""
    if vertex.kind == "commit":
        return Size(92.0, 17.0, 17.0)
    if vertex.kind == "join":
        return Size(JOINT, JOINT / 2, JOINT / 2, stretches=False)
    if vertex.inside is not None:
        width, height = _frame(vertex, vertex.inside, inner)
        return Size(width, height / 2, height / 2, stretches=False)
    width, half = box_width(vertex), box_height(vertex) / 2
    below = half + (UNDO_GAP + UNDO if vertex.undo else 0.0)
    if vertex.instead is not None:
        wide, high = _frame(vertex.instead, _inside(vertex.instead), inner)
        width, below = max(width, wide + INDENT), below + INSTEAD_GAP + high
    return Size(width, half, below)


def _frame(vertex: Vertex, inside: Graph, inner: dict[str, Arranged]) -> tuple[float, float]:
    arranged = inner[vertex.id] = arrange(inside, gap_x=44.0, gap_y=20.0)
    title = columns(title_of(vertex)) * TITLE_WIDTH + state_width(vertex)
    words = max(columns(line) * TEXT_WIDTH for line in (frame_text(vertex), frame_note(vertex)))
    width = max(arranged.width, title, words) + 2 * PAD
    return width, frame_head(vertex) + arranged.height + PAD


def _inside(vertex: Vertex) -> Graph:
    assert vertex.inside is not None, f"{vertex.id} is a frame"
    return vertex.inside


def box_width(vertex: Vertex) -> float:
    title = columns(title_of(vertex)) * TITLE_WIDTH + state_width(vertex)
    texts = max(columns(shortened(line)) for line in (vertex.text, vertex.note)) * TEXT_WIDTH
    undo = columns(undo_text(vertex.undo)) * TEXT_WIDTH + 6.0 if vertex.undo else 0.0
    return max(title, texts, undo, 70.0) + 28.0


def box_height(vertex: Vertex) -> float:
    return (BOX if vertex.text else SMALL) + (NOTE if vertex.note else 0.0)


def frame_head(vertex: Vertex) -> float:
    """The height of what stands over the things in a frame."""
    words = bool(vertex.text) + bool(vertex.note)
    return (FRAME_HEAD if words else FRAME_TITLE) + (NOTE if words > 1 else 0.0)


def state_width(vertex: Vertex) -> float:
    return 18.0 + (len(vertex.said) + 2) * STATE_WIDTH if vertex.state else 0.0


def title_of(vertex: Vertex) -> str:
    return vertex.title + (" ?" if vertex.optional else "")


def undo_text(undo: DrawnUndo) -> str:
    said = f"    ! {undo.state}" if undo.state else ""
    return f"↺ {shortened(undo.text)}{said}"


def shortened(text: str) -> str:
    return cut(text, TEXT_MAX)


def frame_text(vertex: Vertex) -> str:
    return cut(vertex.text, FRAME_MAX)


def frame_note(vertex: Vertex) -> str:
    return cut(vertex.note, FRAME_MAX)


def boxes(arranged: Arranged, left: float, top: float) -> Iterator[tuple[Vertex, Box, float]]:
    """Every vertex of a level with the box it takes, undo and fallback included, and the height edges meet it at.

    `top` is what is added to every y of the layout.
    """
    for vertex in arranged.graph.vertices:
        spot = arranged.layout.spots[vertex.id]
        y = spot.y + top
        size = spot.size
        yield vertex, Box(spot.x + left, y - size.above, size.width, size.above + size.below), y


def inside_origin(vertex: Vertex, frame: Box, inner: Arranged) -> tuple[float, float]:
    """What is added to every x and y of the level inside a frame."""
    return frame.x + PAD, frame.y + frame_head(vertex) - inner.layout.top


def instead_box(vertex: Vertex, box: Box) -> Box:
    """The frame of the fallback, in the box of its call."""
    above = box_height(vertex) + (UNDO_GAP + UNDO if vertex.undo else 0.0) + INSTEAD_GAP
    return Box(box.x + INDENT, box.y + above, box.width - INDENT, box.height - above)


def places(arranged: Arranged, left: float, top: float) -> dict[str, Box]:
    """Where every vertex is, those in frames too."""
    found: dict[str, Box] = {}
    for vertex, box, _ in boxes(arranged, left, top):
        found[vertex.id] = box if vertex.inside else replace(box, height=box_height(vertex))
        frames = [(vertex, box)] if vertex.inside else []
        if vertex.instead is not None:
            frames.append((vertex.instead, instead_box(vertex, box)))
        for framed, around in frames:
            inner = arranged.inner[framed.id]
            found[framed.id] = around
            found |= places(inner, *inside_origin(framed, around, inner))
    return found
