"""`flowdsl graph`: a workflow drawn, its undo and its commit line; `--run` colours it with how a run went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import click
from msgspec import Struct

from flowdsl.cli.options import Session, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.plan.nodes import Plan
    from flowdsl.saga.run import Run
    from flowdsl.view.graph.choreography import Choreography
    from flowdsl.view.graph.svg import Caption
    from flowdsl.view.paint import Line

Format = Literal["text", "mermaid", "dot", "svg", "json"]
FORMATS: tuple[Format, ...] = ("text", "mermaid", "dot", "svg", "json")
SUFFIXES: dict[str, Format] = {
    ".svg": "svg",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
}


@click.command("graph")
@click.argument("files", metavar="[FILE…]", nargs=-1)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="Default: text, or by the name of -o."
)
@click.option(
    "--run", metavar="RUN", help="Colour it with the states of a run; its own copy of the file."
)
@click.option("-o", "--output", metavar="FILE", help="Write it there.")
@with_session
def command(
    session: Session,
    files: tuple[str, ...],
    form: Format | None,
    run: str | None,
    output: str | None,
) -> int:
    """Draw the workflow in FILE, or that of a run: steps, undo, commit line.

    Several files are one picture: who emits which event, and which workflow it starts.
    """
    if output is not None and Path(output).resolve() in [Path(file).resolve() for file in files]:
        raise InputError(
            f"{output}: is the workflow itself", code=Code.UNWRITABLE_FILE, help="name another file"
        )
    if session.json and output is None:
        form = "json"
    if form is None:
        by_name = SUFFIXES.get(Path(output).suffix) if output else None
        form = by_name or ("json" if session.json else "text")
    draw = _several(files) if len(files) > 1 and run is None else _one(session, files, run)
    if form == "text" and output is None:
        session.screen.show(draw.lines())
    elif output is None:
        session.screen.result(draw.text(form))
    else:
        _write(session, output, draw.text(form))
    return 0


class Drawable(Protocol):
    """What is drawn, in whichever form is asked for."""

    def lines(self) -> list[Line]: ...

    def text(self, form: Format) -> str: ...


class One(Struct, frozen=True):
    """One workflow, with the colours of a run."""

    plan: Plan
    run: Run | None

    def lines(self) -> list[Line]:
        from flowdsl.view.graph.drawing import graph_text

        return graph_text(self.plan, self.run)

    def text(self, form: Format) -> str:
        from flowdsl.plan.json import to_ascii
        from flowdsl.view.graph.dot import dot
        from flowdsl.view.graph.graph import graph_json, graph_of
        from flowdsl.view.graph.mermaid import mermaid
        from flowdsl.view.graph.svg import svg
        from flowdsl.view.paint import plain

        match form:
            case "text":
                return plain(self.lines())
            case "json":
                return to_ascii(graph_json(graph_of(self.plan, self.run, whole=True)))
            case "mermaid":
                return mermaid(graph_of(self.plan, self.run))
            case "dot":
                return dot(graph_of(self.plan, self.run))
            case "svg":
                return svg(graph_of(self.plan, self.run), _caption(self.run))


class Several(Struct, frozen=True):
    """Workflows and the events between them."""

    choreography: Choreography

    def lines(self) -> list[Line]:
        from flowdsl.view.graph.choreography import choreography_text

        return choreography_text(self.choreography)

    def text(self, form: Format) -> str:
        from flowdsl.plan.json import to_ascii
        from flowdsl.view.graph.choreography import choreography_json
        from flowdsl.view.graph.choreography_formats import choreography_dot, choreography_mermaid
        from flowdsl.view.graph.choreography_svg import choreography_svg
        from flowdsl.view.paint import plain

        match form:
            case "text":
                return plain(self.lines())
            case "json":
                return to_ascii(choreography_json(self.choreography))
            case "mermaid":
                return choreography_mermaid(self.choreography)
            case "dot":
                return choreography_dot(self.choreography)
            case "svg":
                return choreography_svg(self.choreography)


def _several(files: tuple[str, ...]) -> Several:
    from flowdsl.cli.sources import load_plan
    from flowdsl.view.graph.choreography import choreography_of

    return Several(choreography_of([load_plan(file) for file in files]))


def _one(session: Session, files: tuple[str, ...], run: str | None) -> One:
    from flowdsl.cli.sources import load_plan

    if run is None:
        if not files:
            raise InputError(
                "graph of what?", code=Code.WRONG_USAGE, help="name a FILE, or --run RUN"
            )
        return One(load_plan(files[0]), None)
    from flowdsl.cli.runs import found_run, read

    found = read(session, lambda store: found_run(store, run))
    return One(found.plan, found)


def _caption(run: Run | None) -> Caption | None:
    from flowdsl.view.graph.svg import Caption

    if run is None:
        return None
    return Caption(run.id, run.progress.state)


def _write(session: Session, path: str, text: str) -> None:
    try:
        Path(path).write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}", code=Code.UNWRITABLE_FILE
        ) from None
    session.screen.hint(f"wrote {path}")
    if session.json:
        session.screen.tell({"format": 1, "files": [path]})
