"""`flowdsl graph`: a workflow drawn, its undo and its commit line; `--run` colours it with how a run went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from flowdsl.cli.options import Session, with_session
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.plan.nodes import Plan
    from flowdsl.view.graph import Coloured, Graph
    from flowdsl.view.svg import Caption

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
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="Default: text, or by the name of -o."
)
@click.option(
    "--run", metavar="RUN", help="Colour it with the states of a run; its own copy of the file."
)
@click.option("-o", "--output", metavar="FILE", help="Write it there.")
@with_session
def command(
    session: Session, file: str | None, form: Format | None, run: str | None, output: str | None
) -> int:
    """Draw the workflow in FILE, or that of a run: steps, undo, commit line."""
    if file is not None and output is not None and Path(output).resolve() == Path(file).resolve():
        raise InputError(f"{output}: is the workflow itself", code="F081", help="name another file")
    plan, coloured = _subject(session, file, run)
    if session.json:
        form = "json"
    if form is None:
        form = SUFFIXES.get(Path(output).suffix, "text") if output else "text"
    if form == "text" and output is None:
        _on_screen(session, plan, coloured)
    else:
        text = _drawn(plan, form, coloured)
        if output is None:
            session.screen.result(text)
        else:
            _write(session, output, text)
    return 0


def _subject(session: Session, file: str | None, run: str | None) -> tuple[Plan, Coloured | None]:
    from flowdsl.cli.sources import load_plan

    if run is None:
        if file is None:
            raise InputError("graph of what?", code="F079", help="name a FILE, or --run RUN")
        return load_plan(file), None
    from flowdsl.cli.runs import existing_store, find_run, standing_of
    from flowdsl.view.graph import Coloured

    store = existing_store(session)
    standing = standing_of(store, find_run(store, run))
    return standing.plan, Coloured(standing.state, standing.now)


def _on_screen(session: Session, plan: Plan, coloured: Coloured | None) -> None:
    from flowdsl.view.drawing import graph_text

    session.screen.show(graph_text(plan, coloured))


def _drawn(plan: Plan, form: Format, coloured: Coloured | None) -> str:
    from flowdsl.plan.json import to_text
    from flowdsl.view.dot import dot
    from flowdsl.view.drawing import graph_text
    from flowdsl.view.graph import graph_json, graph_of
    from flowdsl.view.mermaid import mermaid
    from flowdsl.view.paint import plain
    from flowdsl.view.svg import svg

    graph: Graph = graph_of(plan, coloured)
    match form:
        case "text":
            return plain(graph_text(plan, coloured))
        case "mermaid":
            return mermaid(graph)
        case "dot":
            return dot(graph)
        case "svg":
            return svg(graph, _caption(coloured))
        case "json":
            return to_text(graph_json(graph))


def _caption(coloured: Coloured | None) -> Caption | None:
    from flowdsl.view.svg import Caption

    if coloured is None or coloured.state.created is None:
        return None
    return Caption(coloured.state.created.run, coloured.progress.state)


def _write(session: Session, path: str, text: str) -> None:
    try:
        Path(path).write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}", code="F081") from None
    session.screen.hint(f"wrote {path}")
