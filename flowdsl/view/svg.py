"""A graph as one SVG file: layers from left to right, the undo dashed under its step, the commit line across.

Self-contained: no scripts, no external fonts. Every box has a `<title>`; every state is a colour and a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from flowdsl.saga.progress import StepState
from flowdsl.view.graph import Graph, Undo, Vertex
from flowdsl.view.layout import Layout, Size, Spot, layout
from flowdsl.view.mark import RUN_MARKS, STEP_MARKS
from flowdsl.view.paint import columns, cut, visible
from flowdsl.view.palette import COLOURS, NEUTRAL, Colour

MARGIN = 28.0
HEAD = 62.0  # the title's height
HEADINGS = 30.0  # the height of the row of `status` headings
BOX, UNDO, SMALL = 50.0, 30.0, 34.0  # heights: a call, its undo, a step that sends nothing
UNDO_GAP = 12.0
TEXT_MAX = 50  # characters of one line in a box
INK, MUTED, LINE = "#1f2328", "#57606a", "#8c959f"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
TITLE_WIDTH, TEXT_WIDTH, STATE_WIDTH = 8.6, 7.0, 7.2  # of a character, generously


@dataclass(frozen=True, slots=True)
class Caption:
    """Who ran and how it ended, beside the name of the workflow."""

    run: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Canvas:
    graph: Graph
    placed: Layout
    left: float
    top: float  # what is added to every y of the layout

    def spot(self, vertex: Vertex) -> tuple[float, float, Size]:
        spot: Spot = self.placed.spots[vertex.id]
        return spot.x + self.left, spot.y + self.top, spot.size


def svg(graph: Graph, caption: Caption | None = None) -> str:
    caption = caption or Caption()
    sizes = {vertex.id: _size(vertex) for vertex in graph.vertices}
    placed = layout(sizes, graph.edges)
    headings = HEADINGS if any(vertex.heading for vertex in graph.vertices) else 0.0
    above = MARGIN + HEAD + headings
    canvas = Canvas(graph, placed, MARGIN, above - placed.top)
    heading_width = columns(graph.name) * 11.0 + columns(caption.run + caption.state) * 8.0 + 120.0
    width = max(placed.width, heading_width) + 2 * MARGIN
    height = above + placed.bottom - placed.top + MARGIN + 26.0
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}"'
        f' width="{_n(width)}" height="{_n(height)}" role="img" font-family="{SANS}">'
    )
    parts = [
        opening,
        f"<title>{_text(graph.name)}</title>",
        _defs(),
        f'<rect width="{_n(width)}" height="{_n(height)}" rx="12" fill="#ffffff"/>',
        *_head(graph, caption, width),
        *_headings(canvas),
        *_commit_lines(canvas, above - headings, height),
        *(_edge(canvas, edge) for edge in graph.edges),
        *(part for vertex in graph.vertices for part in _vertex(canvas, vertex)),
        *_legend(graph, height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _size(vertex: Vertex) -> Size:
    if vertex.kind == "commit":
        return Size(92.0, 17.0, 17.0)
    title = columns(_title(vertex)) * TITLE_WIDTH
    if vertex.state:
        title += 18.0 + (len(vertex.state) + 2) * STATE_WIDTH
    text = columns(_cut(vertex.text)) * TEXT_WIDTH
    undo = columns(_undo_text(vertex.undo)) * TEXT_WIDTH + 6.0 if vertex.undo else 0.0
    width = max(title, text, undo, 70.0) + 28.0
    half = (BOX if vertex.text else SMALL) / 2
    return Size(width, half, half + (UNDO_GAP + UNDO if vertex.undo else 0.0))


def _vertex(canvas: Canvas, vertex: Vertex) -> Iterator[str]:
    x, y, size = canvas.spot(vertex)
    tip = " · ".join(word for word in (vertex.id, vertex.text, vertex.state or "") if word)
    yield f'<g data-id="{_attribute(vertex.id)}" data-kind="{vertex.kind}"><title>{_text(tip)}</title>'
    if vertex.kind == "commit":
        yield from _pill(vertex, x, y, size)
    else:
        yield from _box(vertex, x, y, size)
    if vertex.undo is not None:
        yield from _undo_box(vertex.undo, x, y + size.above + UNDO_GAP, size.width)
    yield "</g>"


def _box(vertex: Vertex, x: float, y: float, size: Size) -> Iterator[str]:
    colour = COLOURS[vertex.state] if vertex.state else NEUTRAL
    fill = "#f6f8fa" if vertex.kind != "call" and vertex.state is None else colour.fill
    height = size.above * 2
    radius = 8 if vertex.text and vertex.kind in ("call", "read", "confirm") else height / 2
    top = y - size.above
    yield _rect(Box(x, top, size.width, height), radius, fill, colour.stroke)
    base = top + 21 if vertex.text else y + 5
    weight = 600 if vertex.kind in ("call", "read") else 500
    name = escape(visible(vertex.title))
    asks = f'<tspan dx="5" fill="{MUTED}" font-weight="400">?</tspan>' if vertex.optional else ""
    yield (
        f'<text x="{_n(x + 14)}" y="{_n(base)}" font-size="14" font-weight="{weight}" fill="{INK}">'
        f"{name}{asks}</text>"
    )
    if vertex.state:
        yield _state(vertex.state, x + size.width - 14, base)
    if vertex.text:
        yield (
            f'<text x="{_n(x + 14)}" y="{_n(top + 39)}" font-size="11" font-family="{MONO}"'
            f' fill="{MUTED}">{_text(_cut(vertex.text))}</text>'
        )


def _undo_box(undo: Undo, x: float, top: float, width: float) -> Iterator[str]:
    colour = COLOURS[undo.state] if undo.state else NEUTRAL
    fill = colour.fill if undo.state else "#ffffff"
    said = f" · {undo.state}" if undo.state else ""
    middle = x + 22
    yield f'<g data-id="{_attribute(undo.id)}" data-kind="undo"><title>{_text(undo.id + " · " + undo.text + said)}</title>'
    yield (
        f'<path d="M{_n(middle)},{_n(top - UNDO_GAP)} v{_n(UNDO_GAP - 1)}" fill="none"'
        f' stroke="{colour.stroke}" stroke-width="1.2" stroke-dasharray="3 2"/>'
    )
    yield _rect(Box(x, top, width, UNDO), 7, fill, colour.stroke, dashed=True)
    yield (
        f'<text x="{_n(x + 12)}" y="{_n(top + 19)}" font-size="11" font-family="{MONO}"'
        f' fill="{colour.text}">↺ {_text(_cut(undo.text))}</text>'
    )
    if undo.state:
        yield _state(undo.state, x + width - 12, top + 19)
    yield "</g>"


def _pill(vertex: Vertex, x: float, y: float, size: Size) -> Iterator[str]:
    waiting = vertex.state == "pending"
    fill, ink = ("#ffffff", INK) if waiting else (INK, "#ffffff")
    yield _rect(Box(x, y - size.above, size.width, size.above * 2), size.above, fill, INK)
    yield (
        f'<text x="{_n(x + size.width / 2)}" y="{_n(y + 5)}" font-size="13" font-weight="600"'
        f' text-anchor="middle" fill="{ink}">commit</text>'
    )


def _commit_lines(canvas: Canvas, top: float, height: float) -> Iterator[str]:
    """The point of no return, from top to bottom."""
    for vertex in canvas.graph.vertices:
        if vertex.kind == "commit":
            x, _, size = canvas.spot(vertex)
            middle = x + size.width / 2
            yield (
                f'<path d="M{_n(middle)},{_n(top)} V{_n(height - MARGIN - 20)}" stroke="{INK}"'
                f' stroke-width="1.6" stroke-dasharray="2 5" stroke-linecap="round"/>'
            )


def _edge(canvas: Canvas, edge: tuple[str, str]) -> str:
    first, last = canvas.placed.spots[edge[0]], canvas.placed.spots[edge[1]]
    start = (first.x + first.size.width, first.y)
    end = (last.x - 7.0, last.y)
    points = [start, *canvas.placed.bends[edge], end]
    moved = [(x + canvas.left, y + canvas.top) for x, y in points]
    path = f"M{_n(moved[0][0])},{_n(moved[0][1])}"
    for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(moved)):
        level = index % 2 == 1  # past a layer
        middle = (x0 + x1) / 2
        path += (
            f" H{_n(x1)}" if level or abs(y0 - y1) < 0.5
            else f" C{_n(middle)},{_n(y0)} {_n(middle)},{_n(y1)} {_n(x1)},{_n(y1)}"
        )  # fmt: skip
    return f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5" marker-end="url(#arrow)"/>'


def _headings(canvas: Canvas) -> Iterator[str]:
    """Each `status` over the first layer it holds in, where there is room."""
    seen: set[str] = set()
    right = 0.0
    y = MARGIN + HEAD + 8
    vertices = {vertex.id: vertex for vertex in canvas.graph.vertices}
    for layer in canvas.placed.layers:
        for vertex in (vertices[name] for name in layer):
            if vertex.heading and vertex.heading not in seen:
                seen.add(vertex.heading)
                x = max(min(canvas.spot(vertices[name])[0] for name in layer), right)
                right = x + columns(vertex.heading) * 7.6 + 16
                yield (
                    f'<text x="{_n(x)}" y="{_n(y)}" font-size="12.5" font-style="italic"'
                    f' fill="{MUTED}">{_text(vertex.heading)}</text>'
                )


def _head(graph: Graph, caption: Caption, width: float) -> Iterator[str]:
    y = MARGIN + 18
    yield (
        f'<text x="{_n(MARGIN)}" y="{_n(y)}" font-size="19" font-weight="650" fill="{INK}">'
        f"{_text(graph.name)}</text>"
    )
    if caption.run:
        x = MARGIN + columns(graph.name) * 11.0 + 18
        yield (
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="12" font-family="{MONO}" fill="{MUTED}">'
            f"{_text(caption.run)}</text>"
        )
    if caption.state:
        mark = RUN_MARKS[caption.state]
        colour = {"green": COLOURS["ok"], "red": COLOURS["stuck"], "blue": COLOURS["undone"]}.get(
            mark.style, COLOURS["running"]
        )
        wide = (len(caption.state) + 2) * 8.6 + 26
        yield _rect(Box(width - MARGIN - wide, y - 18, wide, 26), 13, colour.fill, colour.stroke)
        yield (
            f'<text x="{_n(width - MARGIN - wide / 2)}" y="{_n(y)}" font-size="13" font-weight="600"'
            f' text-anchor="middle" fill="{colour.text}">{mark.symbol} {caption.state}</text>'
        )


def _legend(graph: Graph, height: float) -> Iterator[str]:
    words = []
    if any(vertex.undo for vertex in graph.vertices):
        words.append("↺ how a step is undone, until the commit")
    if any(vertex.optional for vertex in graph.vertices):
        words.append("? may be skipped, or fail harmlessly")
    if words:
        yield (
            f'<text x="{_n(MARGIN)}" y="{_n(height - 18)}" font-size="11" fill="{MUTED}">'
            f"{_text('   ·   '.join(words))}</text>"
        )


def _state(state: StepState, right: float, y: float) -> str:
    colour: Colour = COLOURS[state]
    return (
        f'<text x="{_n(right)}" y="{_n(y)}" font-size="12" font-weight="600" text-anchor="end"'
        f' fill="{colour.text}">{STEP_MARKS[state].symbol} {state}</text>'
    )


def _rect(box: Box, radius: float, fill: str, stroke: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    return (
        f'<rect x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"'
        f' rx="{_n(radius)}" fill="{fill}" stroke="{stroke}" stroke-width="1.4"{dash}/>'
    )


def _defs() -> str:
    return (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="7" markerHeight="7"'
        f' orient="auto" markerUnits="userSpaceOnUse"><path d="M0,0.5 L7.5,4 L0,7.5 z" fill="{LINE}"/>'
        "</marker></defs>"
    )


def _title(vertex: Vertex) -> str:
    return vertex.title + (" ?" if vertex.optional else "")


def _undo_text(undo: Undo) -> str:
    said = f"    ! {undo.state}" if undo.state else ""
    return f"↺ {_cut(undo.text)}{said}"


def _cut(text: str) -> str:
    return cut(text, TEXT_MAX)


def _text(text: str) -> str:
    return escape(visible(text))


def _attribute(text: str) -> str:
    return escape(visible(text), {'"': "&quot;"})


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
