"""What a graph is made of: boxes, frames with a graph inside, and who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowdsl.saga.stand import StepState
from flowdsl.view.verb import LOOKS, Kind, Look


class DrawnUndo(Struct, frozen=True):
    id: str
    text: str
    state: StepState | None = None


class Vertex(Struct, frozen=True):
    """`heading`: the `status` that holds here. `optional`: it may be skipped, or fail harmlessly.

    `note` is a third line, `inside` what it is a frame around, `instead` what runs when it is refused, `event` the type
    of what an `emit` sends. `word` says the state in another word; `is_mild`: others carry on from a failure here.
    """

    id: str
    kind: Kind
    title: str
    text: str = ""
    undo: DrawnUndo | None = None
    optional: bool = False
    heading: str = ""
    state: StepState | None = None
    note: str = ""
    inside: Graph | None = None
    instead: Vertex | None = None
    word: str = ""
    is_mild: bool = False
    event: str = ""
    is_many: bool = False  # it stands for every item of a list

    @property
    def look(self) -> Look:
        return LOOKS[self.kind]

    @property
    def said(self) -> str:
        """The state in a word."""
        return self.word or self.state or ""

    @property
    def tone(self) -> StepState | None:
        """The state whose colour it has."""
        return "skipped" if self.is_mild else self.state


class Graph(Struct, frozen=True):
    """`edges` are pairs of ids, sorted by the order of the plan, as the vertices are. `aside`: what no edge leads to."""

    name: str
    vertices: tuple[Vertex, ...]
    edges: tuple[tuple[str, str], ...]
    aside: tuple[Vertex, ...] = ()


def every_vertex(graph: Graph) -> Iterator[Vertex]:
    """All of them, frames before what is in them."""
    for vertex in (*graph.vertices, *graph.aside):
        yield from _with_inside(vertex)


def _with_inside(vertex: Vertex) -> Iterator[Vertex]:
    yield vertex
    if vertex.inside is not None:
        yield from every_vertex(vertex.inside)
    if vertex.instead is not None:
        yield from _with_inside(vertex.instead)
