"""A graph as one SVG file: layers from left to right, the undo dashed under its step, the commit line across.

Self-contained: no scripts, no external fonts. Every box has a `<title>`; every state is a colour and a word.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowdsl.view.graph.arrange import Arranged, Box, arrange
from flowdsl.view.graph.palette import COLOURS
from flowdsl.view.graph.shape import Graph, every_vertex
from flowdsl.view.graph.svg_parts import INK, MONO, MUTED, SANS, definitions, level, n, rect, text
from flowdsl.view.mark import RUN_MARKS
from flowdsl.view.paint import columns

MARGIN = 28.0
HEAD = 62.0  # the title's height
HEADINGS = 30.0  # the height of the row of `status` headings
ASIDE_GAP = 34.0
FOOT = 26.0


class Caption(Struct, frozen=True):
    """Who ran and how it ended, beside the name of the workflow."""

    run: str = ""
    state: str = ""


def svg(graph: Graph, caption: Caption | None = None) -> str:
    caption = caption or Caption()
    main = arrange(graph)
    aside = arrange(Graph("", graph.aside, ()))
    headings = HEADINGS if any(vertex.heading for vertex in graph.vertices) else 0.0
    above = MARGIN + HEAD + headings
    top = above - main.layout.top
    bottom = above + main.height
    aside_top = bottom + ASIDE_GAP if graph.aside else bottom
    height = aside_top + (aside.height if graph.aside else 0.0) + MARGIN + FOOT
    heading_width = columns(graph.name) * 11.0 + columns(caption.run + caption.state) * 8.0 + 120.0
    width = max(main.width, aside.width, heading_width) + 2 * MARGIN
    return document(
        graph.name,
        (width, height),
        [
            *_head(graph, caption, width),
            *_headings(main),
            *_commit_lines(main, top, (above - headings, bottom + (ASIDE_GAP - 14))),
            *level(main, MARGIN, top),
            *level(aside, MARGIN, aside_top - aside.layout.top),
            *_legend(graph, height),
        ],
    )


def document(name: str, size: tuple[float, float], parts: list[str]) -> str:
    """The whole file, on white."""
    wide, high = n(size[0]), n(size[1])
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}"'
        f' width="{wide}" height="{high}" role="img" font-family="{SANS}">'
    )
    ground = f'<rect width="{wide}" height="{high}" rx="12" fill="#ffffff"/>'
    title = f"<title>{text(name)}</title>"
    return "\n".join([opening, title, definitions(), ground, *parts, "</svg>"]) + "\n"


def _commit_lines(main: Arranged, top: float, span: tuple[float, float]) -> Iterator[str]:
    """The point of no return, from top to bottom."""
    for vertex in main.graph.vertices:
        if vertex.kind == "commit":
            spot = main.layout.spots[vertex.id]
            middle = spot.x + MARGIN + spot.size.width / 2
            low = max(span[1], spot.y + top + 40)
            yield (
                f'<path d="M{n(middle)},{n(span[0])} V{n(low)}" stroke="{INK}"'
                f' stroke-width="1.6" stroke-dasharray="2 5" stroke-linecap="round"/>'
            )


def _headings(main: Arranged) -> Iterator[str]:
    """Each `status` over the first layer it holds in, where there is room."""
    seen: set[str] = set()
    right = 0.0
    y = MARGIN + HEAD + 8
    vertices = {vertex.id: vertex for vertex in main.graph.vertices}
    for layer in main.layout.layers:
        for vertex in (vertices[name] for name in layer):
            if vertex.heading and vertex.heading not in seen:
                seen.add(vertex.heading)
                left = min(main.layout.spots[name].x for name in layer) + MARGIN
                x = max(left, right)
                right = x + columns(vertex.heading) * 7.6 + 16
                yield (
                    f'<text x="{n(x)}" y="{n(y)}" font-size="12.5" font-style="italic"'
                    f' fill="{MUTED}">{text(vertex.heading)}</text>'
                )


def _head(graph: Graph, caption: Caption, width: float) -> Iterator[str]:
    y = MARGIN + 18
    yield title_text(graph.name, MARGIN, y)
    if caption.run:
        x = MARGIN + columns(graph.name) * 11.0 + 18
        yield (
            f'<text x="{n(x)}" y="{n(y)}" font-size="12" font-family="{MONO}" fill="{MUTED}">'
            f"{text(caption.run)}</text>"
        )
    if caption.state:
        mark = RUN_MARKS[caption.state]
        colour = {"green": COLOURS["ok"], "red": COLOURS["stuck"], "blue": COLOURS["undone"]}.get(
            mark.style, COLOURS["running"]
        )
        wide = (len(caption.state) + 2) * 8.6 + 26
        yield rect(Box(width - MARGIN - wide, y - 18, wide, 26), 13, colour.fill, colour.stroke)
        yield (
            f'<text x="{n(width - MARGIN - wide / 2)}" y="{n(y)}" font-size="13" font-weight="600"'
            f' text-anchor="middle" fill="{colour.text}">{mark.symbol} {caption.state}</text>'
        )


def title_text(name: str, x: float, y: float) -> str:
    return (
        f'<text x="{n(x)}" y="{n(y)}" font-size="19" font-weight="650" fill="{INK}">'
        f"{text(name)}</text>"
    )


def _legend(graph: Graph, height: float) -> Iterator[str]:
    every = list(every_vertex(graph))
    words = []
    if any(vertex.undo for vertex in every):
        words.append("↺ how a step is undone, until the commit")
    if any(vertex.optional for vertex in every):
        words.append("? may be skipped, or fail harmlessly")
    if any(vertex.is_many for vertex in every):
        words.append("× once for every item")
    if words:
        yield (
            f'<text x="{n(MARGIN)}" y="{n(height - 18)}" font-size="11" fill="{MUTED}">'
            f"{text('   ·   '.join(words))}</text>"
        )
