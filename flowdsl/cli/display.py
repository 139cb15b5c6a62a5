"""How a run shows itself while it runs, on stderr: a live picture on a terminal, else one event a line."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Literal, Protocol, TextIO, cast

from msgspec import Struct, field

from flowdsl.cli.options import Session
from flowdsl.plan.json import to_ascii
from flowdsl.saga.advance import Turn
from flowdsl.saga.codec import as_json
from flowdsl.saga.events import event_time
from flowdsl.saga.run import Run
from flowdsl.view.times import rfc3339

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable
    from rich.text import Text

    from flowdsl.view.paint import Line

FRAMES_PER_SECOND = 10
KEPT_ROWS = 3  # of the terminal, below the picture


class Display(Protocol):
    """Told of every turn of a run, after it is durable."""

    def turn(self, turn: Turn) -> None: ...

    def message(self, text: str) -> None:
        """A line between the events."""


@contextmanager
def display_for(session: Session) -> Iterator[Display]:
    """The display that was asked for; whatever it drew is off the screen when it is left."""
    kind = display_kind(session)
    match kind:
        case "tty":
            with _live(session) as picture:
                yield picture
        case "plain":
            yield PlainDisplay(session)
        case "json":
            yield JsonDisplay()
        case "quiet":
            yield QuietDisplay(session)


def display_kind(session: Session) -> Literal["tty", "plain", "json", "quiet"]:
    if session.progress != "auto":
        return session.progress
    return "tty" if session.screen.is_terminal and not os.environ.get("CI") else "plain"


def local_zone(at: float) -> tzinfo:
    return datetime.fromtimestamp(at).astimezone().tzinfo or UTC


class PlainDisplay(Struct):
    """One event a line, a time, a word that never changes."""

    session: Session

    def turn(self, turn: Turn) -> None:
        from flowdsl.view.run.timeline import stuck_line, timeline

        for text in timeline(turn, local_zone):
            self.message(text)
        if turn.facts and turn.after.progress.at_rest and not turn.after.state.ended:
            self.message(stuck_line(turn.after, local_zone))

    def message(self, text: str) -> None:
        self.session.screen.say([_line(text)])


class JsonDisplay(Struct):
    """One JSON object a line: the facts as the journal keeps them."""

    def turn(self, turn: Turn) -> None:
        run, at = turn.after.id, turn.before.at
        for event in turn.facts:
            at, fact = event_time(event, at), as_json(event)
            _err(to_ascii({"format": 1, "time": rfc3339(at), "run": run, "event": fact}) + "\n")

    def message(self, text: str) -> None:
        _err(to_ascii({"format": 1, "time": rfc3339(time.time()), "message": text}) + "\n")


class NoDisplay:
    def turn(self, turn: Turn) -> None:
        pass

    def message(self, text: str) -> None:
        pass


class QuietDisplay(Struct):
    session: Session

    def turn(self, turn: Turn) -> None:
        pass

    def message(self, text: str) -> None:
        self.session.screen.hint(text)


class LiveDisplay(Struct):
    """The picture, drawn again and again at the same place. A frame is drawn from immutable facts only."""

    shown: Run | None = None
    messages: list[str] = field(default_factory=list)
    bug: Exception | None = (
        None  # of a frame: drawn in a thread of its own, where nobody would hear of it
    )

    def turn(self, turn: Turn) -> None:
        self.shown = turn.after

    def message(self, text: str) -> None:
        self.messages.append(text)

    def draw(self, rows: int) -> Text:
        from flowdsl.view.paint import dim, line
        from flowdsl.view.run.closing import answers, suggestion_lines
        from flowdsl.view.run.tree import picture

        if self.shown is None:
            return rich_text([])
        hint = self.messages[-1] if self.messages else STOP_HINT
        lines = picture(self.shown, time.time())
        asked = suggestion_lines(answers(self.shown))
        kept = visible_part(lines, rows - KEPT_ROWS - len(asked))
        return rich_text([*kept, line(), *asked, line("  ", dim(hint))])


STOP_HINT = "Ctrl-C stops here and saves the run. Nothing is lost, nothing is undone."


def visible_part(lines: list[Line], rows: int) -> list[Line]:
    """As much as fits on the screen, around what is active; the first line is the heading and stays."""
    rows = max(rows, 4)
    if len(lines) <= rows:
        return lines
    active = [i for i, line in enumerate(lines) if any(piece.text == "●" for piece in line)]
    last = active[-1] if active else len(lines) - 1
    start = min(max(1, last - rows * 2 // 3), len(lines) - rows + 1)
    return [lines[0], *lines[start : start + rows - 1]]


def rich_text(lines: list[Line]) -> Text:
    from rich.text import Text

    from flowdsl.view.paint import visible

    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for index, line in enumerate(lines):
        text.append("\n" if index else "")
        for piece in line:
            text.append(visible(piece.text), style="" if piece.style == "plain" else piece.style)
    return text


@contextmanager
def _live(session: Session) -> Iterator[LiveDisplay]:
    from rich.console import Console
    from rich.live import Live

    console = Console(
        file=cast("TextIO", _Unheard(sys.stderr)),
        highlight=False,
        color_system="standard" if session.screen.paints(sys.stderr) else None,
        force_terminal=True,
    )
    display = LiveDisplay()

    def frame() -> ConsoleRenderable:
        try:
            return display.draw(console.size.height)
        except Exception as error:  # noqa: BLE001 - raised below, once the run is saved
            display.bug = error
            return rich_text([])

    with Live(
        console=console,
        get_renderable=frame,
        refresh_per_second=FRAMES_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="crop",
    ):
        yield display
    if display.bug is not None:
        raise display.bug


class _Unheard:
    """stderr as a file; where nobody listens any more, as on a terminal that was closed, no run is lost with what is said."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _line(text: str) -> Line:
    from flowdsl.view.paint import line

    return line(text)


def _err(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        pass
