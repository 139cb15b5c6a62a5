"""Several workflows as one SVG: each a lane, what starts it at its left, what it emits led there on a track of its own.

Every event has one track in the gutter, so two lines meet only where they are the same event; they cross at right angles.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowdsl.view.graph.arrange import Arranged, Box, arrange, places
from flowdsl.view.graph.choreography import NOBODY, OUTSIDE, Choreography, EmittedEvent
from flowdsl.view.graph.shape import Graph
from flowdsl.view.graph.svg import MARGIN, document, title_text
from flowdsl.view.graph.svg_parts import EVENT, INK, MONO, MUTED, attribute, level, n, rect, text
from flowdsl.view.paint import columns, cut

TRACK, CHANNEL = 14.0, 20.0  # between two tracks; of a line below a lane
PILL, PILL_ROW = 28.0, 44.0  # the height of an event; and of one that starts nobody, with its room
HEAD, LANE_HEAD, LANE_PAD, LANE_GAP = 60.0, 40.0, 18.0, 22.0
ARM = 36.0  # from an event to the lane that it starts
LETTER, NAME_MAX = 7.4, 40  # of the name of an event
EXIT = 12.0  # how far right of its step a line turns down
EVENT_FILL, EVENT_INK = "#fbefff", "#5521a8"


class Lane(Struct, frozen=True):
    """One workflow: its frame, and where its levels begin."""

    graph: Graph
    main: Arranged
    aside: Arranged
    frame: Box
    main_at: tuple[float, float]
    aside_at: tuple[float, float]


class Sheet(Struct, frozen=True):
    """`rows`: the height of each line below a lane, by the event and the position of the lane."""

    choreography: Choreography
    lanes: tuple[Lane, ...]
    rows: dict[tuple[str, int], float]
    pill_width: float
    height: float

    @property
    def pills_at(self) -> float:
        """The left side of the events: the tracks are left of them."""
        return MARGIN + TRACK * (len(self.choreography.events) + 1)

    def track(self, position: int) -> float:
        return MARGIN + TRACK * (position + 0.5)


def choreography_svg(choreography: Choreography) -> str:
    sheet = _sheet(choreography)
    width = max(
        max((lane.frame.x + lane.frame.width for lane in sheet.lanes), default=0.0) + MARGIN,
        columns(choreography.name) * 11.0 + 2 * MARGIN,
    )
    parts = [
        title_text(cut(choreography.name, 90), MARGIN, MARGIN + 18),
        *(part for lane in sheet.lanes for part in _lane(choreography, lane)),
        *(
            part
            for position, event in enumerate(choreography.events)
            for part in _event(sheet, position, event)
        ),
    ]
    return document(choreography.name, (width, sheet.height), parts)


def _sheet(choreography: Choreography) -> Sheet:
    names = [columns(cut(event.name, NAME_MAX)) * LETTER for event in choreography.events]
    pill_width = max(names, default=0.0) + 30.0
    left = MARGIN + TRACK * (len(choreography.events) + 1) + pill_width + ARM
    y = HEAD + MARGIN / 2
    lanes: list[Lane] = []
    rows: dict[tuple[str, int], float] = {}
    for position, graph in enumerate(choreography.graphs):
        lane = _placed(graph, left, y)
        lanes.append(lane)
        y = lane.frame.y + lane.frame.height + LANE_GAP / 2
        for event in choreography.events:
            if any(emitter.workflow == position for emitter in event.emitters):
                high = CHANNEL if event.starts else PILL_ROW
                rows[event.name, position] = y + high / 2
                y += high
        y += LANE_GAP / 2
    return Sheet(choreography, tuple(lanes), rows, pill_width, y + MARGIN)


def _placed(graph: Graph, left: float, top: float) -> Lane:
    main = arrange(graph)
    aside = arrange(Graph("", graph.aside, ()))
    beside = 40.0 + aside.width if graph.aside else 0.0
    inner = max(main.height, aside.height if graph.aside else 0.0)
    title = columns(graph.name) * 9.0 + 30 * LETTER
    width = max(main.width + beside + EXIT * 2, title) + 2 * LANE_PAD
    frame = Box(left, top, width, LANE_HEAD + inner + LANE_PAD)
    middle = top + LANE_HEAD + inner / 2

    def centred(arranged: Arranged) -> float:
        return middle - arranged.height / 2 - arranged.layout.top

    return Lane(
        graph,
        main,
        aside,
        frame,
        (left + LANE_PAD, centred(main)),
        (left + LANE_PAD + main.width + 40.0, centred(aside)),
    )


def _lane(choreography: Choreography, lane: Lane) -> Iterator[str]:
    frame = lane.frame
    yield rect(frame, 12, "#ffffff", "#c4cbd3", width=1.6)
    yield (
        f'<text x="{n(frame.x + LANE_PAD)}" y="{n(frame.y + 25)}" font-size="15"'
        f' font-weight="650" fill="{INK}">{text(lane.graph.name)}</text>'
    )
    if not any(
        choreography.graphs[at] is lane.graph for e in choreography.events for at in e.starts
    ):
        x = frame.x + LANE_PAD + columns(lane.graph.name) * 9.0 + 14
        yield (
            f'<text x="{n(x)}" y="{n(frame.y + 25)}" font-size="11" fill="{MUTED}">'
            "started by no event</text>"
        )
    yield from level(lane.main, *lane.main_at)
    yield from level(lane.aside, *lane.aside_at)


def _event(sheet: Sheet, position: int, event: EmittedEvent) -> Iterator[str]:
    """Every line of one event, and the event itself where it starts a workflow, or else below who emits it."""
    track = sheet.track(position)
    pills: list[float] = []
    for start in event.starts:
        frame = sheet.lanes[start].frame
        y = frame.y + min(frame.height / 2, 60.0)
        pills.append(y)
        yield from _pill(sheet, event, y, "" if event.emitters else OUTSIDE)
        yield _dashed(f"M{n(sheet.pills_at + sheet.pill_width)},{n(y)} H{n(frame.x - 8)}")
    for emitter in event.emitters:
        row = sheet.rows[event.name, emitter.workflow]
        leave = _leaving(sheet.lanes[emitter.workflow], emitter.step)
        x, y = leave
        down = f"M{n(x)},{n(y)} h{n(EXIT)} V{n(row)}"
        if not pills:
            yield from _pill(sheet, event, row, f"starts {NOBODY}")
            yield _dashed(f"{down} H{n(sheet.pills_at + sheet.pill_width + 8)}")
        for pill in pills:
            yield _dashed(f"{down} H{n(track)} V{n(pill)} H{n(sheet.pills_at - 8)}")


def _leaving(lane: Lane, step: str) -> tuple[float, float]:
    """The right side of the step that emits."""
    found = places(lane.main, *lane.main_at) | places(lane.aside, *lane.aside_at)
    box = found[step]
    return box.x + box.width, box.middle


def _pill(sheet: Sheet, event: EmittedEvent, y: float, said: str) -> Iterator[str]:
    box = Box(sheet.pills_at, y - PILL / 2, sheet.pill_width, PILL)
    name = cut(event.name, NAME_MAX)
    yield f'<g data-id="event {attribute(event.name)}" data-kind="event"><title>{text(event.name)}</title>'
    yield rect(box, PILL / 2, EVENT_FILL, EVENT, dashed=bool(said))
    yield (
        f'<text x="{n(box.x + box.width / 2)}" y="{n(y + 4)}" font-size="12" font-weight="600"'
        f' font-family="{MONO}" text-anchor="middle" fill="{EVENT_INK}">{text(name)}</text>'
    )
    if said:
        yield (
            f'<text x="{n(box.x + box.width / 2)}" y="{n(y + PILL / 2 + 12)}" font-size="10.5"'
            f' text-anchor="middle" fill="{MUTED}">{text(said)}</text>'
        )
    yield "</g>"


def _dashed(path: str) -> str:
    return (
        f'<path d="{path}" fill="none" stroke="{EVENT}" stroke-width="1.5" stroke-dasharray="5 4"'
        ' marker-end="url(#event)"/>'
    )
