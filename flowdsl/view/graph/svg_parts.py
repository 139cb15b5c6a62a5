"""The parts of an SVG picture: a box with its undo and its fallback, a frame with what is in it, an edge."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from xml.sax.saxutils import escape

from flowdsl.saga.stand import StepState
from flowdsl.view.graph.arrange import (
    INDENT,
    PAD,
    UNDO,
    UNDO_GAP,
    Arranged,
    Box,
    box_height,
    boxes,
    frame_note,
    frame_text,
    inside_origin,
    instead_box,
    shortened,
)
from flowdsl.view.graph.palette import COLOURS, NEUTRAL, Colour
from flowdsl.view.graph.shape import DrawnUndo, Vertex
from flowdsl.view.mark import STEP_MARKS
from flowdsl.view.paint import visible

INK, MUTED, LINE, EVENT = "#1f2328", "#57606a", "#8c959f", "#8250df"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
FRAME_FILL = "#f6f8fa"


def level(arranged: Arranged, left: float, top: float) -> Iterator[str]:
    """All of a level, with `left` and `top` added to every x and y of its layout: edges first, boxes over them."""
    for edge in arranged.graph.edges:
        yield _edge(arranged, edge, left, top)
    for vertex, box, y in boxes(arranged, left, top):
        yield from _vertex(arranged, vertex, box, y)


def _vertex(arranged: Arranged, vertex: Vertex, box: Box, y: float) -> Iterator[str]:
    said = (vertex.id, vertex.text, vertex.note, vertex.said)
    tip = " · ".join(word for word in said if word)
    yield f'<g data-id="{attribute(vertex.id)}" data-kind="{vertex.kind}"><title>{text(tip)}</title>'
    if vertex.kind == "join":
        yield f'<circle cx="{n(box.x + box.width / 2)}" cy="{n(y)}" r="3" fill="{LINE}"/></g>'
        return
    if vertex.kind == "commit":
        yield from _pill(vertex, box)
    elif vertex.inside is not None:
        yield from frame(vertex, arranged.inner[vertex.id], box)
    else:
        yield from _box(vertex, Box(box.x, box.y, box.width, box_height(vertex)))
        yield from _below(arranged, vertex, box)
    yield "</g>"


def _below(arranged: Arranged, vertex: Vertex, box: Box) -> Iterator[str]:
    """What hangs under a call: how it is undone, and what runs when it is refused."""
    bottom = box.y + box_height(vertex)
    if vertex.instead is not None:
        frame_box = instead_box(vertex, box)
        down = frame_box.y + 18 - bottom
        yield (
            f'<path d="M{n(box.x + 9)},{n(bottom)} v{n(down)} h{n(INDENT - 15)}"'
            f' fill="none" stroke="{LINE}" stroke-width="1.4" stroke-dasharray="4 3"'
            ' marker-end="url(#arrow)"/>'
        )
        yield f'<g data-id="{attribute(vertex.instead.id)}" data-kind="fallback"><title>{text(vertex.instead.id)}</title>'
        yield from frame(vertex.instead, arranged.inner[vertex.instead.id], frame_box)
        yield "</g>"
    if vertex.undo is not None:  # over the line to the fallback
        yield from _undo_box(vertex.undo, box.x, bottom + UNDO_GAP, box.width)


def frame(vertex: Vertex, inner: Arranged, box: Box) -> Iterator[str]:
    """A titled frame; several may stand in each other, so it is hardly there."""
    colour = COLOURS[vertex.tone] if vertex.tone else NEUTRAL
    fill = "#ffffff" if vertex.look.is_plain else FRAME_FILL
    stroke = colour.stroke if vertex.tone else "#c4cbd3"
    yield rect(box, 10, fill, stroke, dashed=vertex.look.is_dashed, width=1.2)
    yield _title(vertex, box.x + PAD, box.y + 20, 13)
    if vertex.state:
        yield _state(vertex, box.x + box.width - 12, box.y + 20)
    y = box.y + 37
    for line in (frame_text(vertex), frame_note(vertex)):
        if line:
            yield _mono(line, box.x + PAD, y)
            y += 16
    yield from level(inner, *inside_origin(vertex, box, inner))


def _box(vertex: Vertex, box: Box) -> Iterator[str]:
    colour = COLOURS[vertex.tone] if vertex.tone else NEUTRAL
    look, is_coloured = vertex.look, vertex.tone is not None
    fill = colour.fill if is_coloured or look.is_plain else FRAME_FILL
    stroke = EVENT if look.stands_out and not is_coloured else colour.stroke
    radius = 17.0 if look.is_round or not vertex.text else 8.0
    if vertex.is_many:  # one of many: the edges of two more stand out behind it
        for step in (7, 3.5):
            behind = Box(box.x + step, box.y - step, box.width - step, box.height)
            yield f'<g class="more">{rect(behind, radius, fill, stroke)}</g>'
        box = Box(box.x, box.y, box.width - 7, box.height)
    yield rect(box, radius, fill, stroke, dashed=look.is_dashed)
    base = box.y + 21 if vertex.text else box.middle + 5
    yield _title(vertex, box.x + 14, base, 14)
    if vertex.state:
        yield _state(vertex, box.x + box.width - 14, base)
    if vertex.text:
        yield _mono(shortened(vertex.text), box.x + 14, box.y + 39)
    if vertex.note:
        yield _mono(shortened(vertex.note), box.x + 14, box.y + (55 if vertex.text else 39))


def _title(vertex: Vertex, x: float, y: float, size: int) -> str:
    weight = 600 if vertex.look.is_bold or vertex.inside is not None else 500
    asks = f'<tspan dx="5" fill="{MUTED}" font-weight="400">?</tspan>' if vertex.optional else ""
    return (
        f'<text x="{n(x)}" y="{n(y)}" font-size="{size}" font-weight="{weight}" fill="{INK}">'
        f"{escape(visible(vertex.title))}{asks}</text>"
    )


def _mono(words: str, x: float, y: float) -> str:
    return (
        f'<text x="{n(x)}" y="{n(y)}" font-size="11" font-family="{MONO}" fill="{MUTED}">'
        f"{text(words)}</text>"
    )


def _undo_box(undo: DrawnUndo, x: float, top: float, width: float) -> Iterator[str]:
    colour = COLOURS[undo.state] if undo.state else NEUTRAL
    fill = colour.fill if undo.state else "#ffffff"
    said = f" · {undo.state}" if undo.state else ""
    middle = x + 22
    yield f'<g data-id="{attribute(undo.id)}" data-kind="undo"><title>{text(undo.id + " · " + undo.text + said)}</title>'
    yield (
        f'<path d="M{n(middle)},{n(top - UNDO_GAP)} v{n(UNDO_GAP - 1)}" fill="none"'
        f' stroke="{colour.stroke}" stroke-width="1.2" stroke-dasharray="3 2"/>'
    )
    yield rect(Box(x, top, width, UNDO), 7, fill, colour.stroke, dashed=True)
    yield (
        f'<text x="{n(x + 12)}" y="{n(top + 19)}" font-size="11" font-family="{MONO}"'
        f' fill="{colour.text}">↺ {text(shortened(undo.text))}</text>'
    )
    if undo.state:
        yield _said(undo.state, undo.state, colour, x + width - 12, top + 19)
    yield "</g>"


def _pill(vertex: Vertex, box: Box) -> Iterator[str]:
    waiting = vertex.state == "pending"
    fill, ink = ("#ffffff", INK) if waiting else (INK, "#ffffff")
    yield rect(box, box.height / 2, fill, INK)
    yield (
        f'<text x="{n(box.x + box.width / 2)}" y="{n(box.middle + 5)}" font-size="13"'
        f' font-weight="600" text-anchor="middle" fill="{ink}">commit</text>'
    )


def _edge(arranged: Arranged, edge: tuple[str, str], left: float, top: float) -> str:
    first, last = arranged.layout.spots[edge[0]], arranged.layout.spots[edge[1]]
    start = (first.x + first.size.width, first.y)
    end = (last.x - 7.0, last.y)
    points = [start, *arranged.layout.bends[edge], end]
    return arrow([(x + left, y + top) for x, y in points])


def arrow(points: list[tuple[float, float]]) -> str:
    """A line from left to right: level past a layer, a curve between two heights."""
    path = f"M{n(points[0][0])},{n(points[0][1])}"
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        path += (
            f" H{n(x1)}" if abs(y0 - y1) < 0.5
            else f" C{n(middle)},{n(y0)} {n(middle)},{n(y1)} {n(x1)},{n(y1)}"
        )  # fmt: skip
    return f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5" marker-end="url(#arrow)"/>'


def _state(vertex: Vertex, right: float, y: float) -> str:
    assert vertex.state is not None, f"{vertex.id} has a state"
    colour = COLOURS[vertex.tone or vertex.state]
    return _said(vertex.state, vertex.said, colour, right, y)


def _said(state: StepState, word: str, colour: Colour, right: float, y: float) -> str:
    return (
        f'<text x="{n(right)}" y="{n(y)}" font-size="12" font-weight="600" text-anchor="end"'
        f' fill="{colour.text}">{STEP_MARKS[state].symbol} {text(word)}</text>'
    )


def rect(
    box: Box, radius: float, fill: str, stroke: str, *, dashed: bool = False, width: float = 1.4
) -> str:
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    return (
        f'<rect x="{n(box.x)}" y="{n(box.y)}" width="{n(box.width)}" height="{n(box.height)}"'
        f' rx="{n(radius)}" fill="{fill}" stroke="{stroke}" stroke-width="{n(width)}"{dash}/>'
    )


def definitions() -> str:
    marks = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="7" markerHeight="7"'
        f' orient="auto" markerUnits="userSpaceOnUse"><path d="M0,0.5 L7.5,4 L0,7.5 z" fill="{fill}"/>'
        "</marker>"
        for name, fill in (("arrow", LINE), ("event", EVENT))
    )
    return f"<defs>{marks}</defs>"


def text(words: str) -> str:
    return escape(visible(words))


def attribute(words: str) -> str:
    return escape(visible(words), {'"': "&quot;"})


def n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
