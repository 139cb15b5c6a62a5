"""`flowdsl validate`: every workflow file, and everything that is wrong in it. Sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from flowdsl.cli.options import Session, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.language import Checked

Format = Literal["full", "concise", "json", "github", "sarif", "junit"]
FORMATS: tuple[Format, ...] = ("full", "concise", "json", "github", "sarif", "junit")


@click.command("validate")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option("--format", "form", type=click.Choice(FORMATS), default=None, help="Default: full.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@with_session
def command(session: Session, paths: tuple[str, ...], form: Format | None, *, strict: bool) -> int:
    """Find every workflow file (first key `flowdsl`) and everything that is wrong in it.

    PATH is a file, a folder, or - for stdin; without one, this folder. Sends nothing.
    Exit code 1: there are errors; with --strict, or warnings.
    """
    from flowdsl.cli.sources import find_workflows, library_for
    from flowdsl.language import Severity, check

    sources = find_workflows(paths or (".",))
    if not sources:
        raise InputError(
            f"no workflow file in {' '.join(paths) or 'this folder'}",
            code=Code.NO_WORKFLOW_FILE,
            help="a workflow file begins with `flowdsl: 1`; `flowdsl init` writes one",
        )
    files = _with_repeats([check(source, library_for(source)) for source in sources])
    _show(session, files, "json" if session.json else form or "full")
    found = [diagnostic.severity for file in files for diagnostic in file.diagnostics]
    wrong = Severity.ERROR in found or (strict and Severity.WARNING in found)
    if not wrong and not session.json and form in (None, "full"):
        _next(session, files)
    return 1 if wrong else 0


def _with_repeats(files: list[Checked]) -> list[Checked]:
    """What can only be said of all of them together is said in each."""
    from flowdsl.language import repeated

    more = list(repeated(files))
    return [
        file.with_more(found)
        if (found := [item for other, item in more if other is file])
        else file
        for file in files
    ]


def _show(session: Session, files: list[Checked], form: Format) -> None:
    from flowdsl.view.problem.diagnostic import full
    from flowdsl.view.problem.formats import rendered

    if form == "full":
        session.screen.show(full(files))
    elif text := rendered(files, form):
        session.screen.result(text)


def _next(session: Session, files: list[Checked]) -> None:
    from flowdsl.cli.sources import STDIN
    from flowdsl.view.run.closing import Suggestion
    from flowdsl.view.shell import shell_word

    if files[0].source.path != STDIN:
        path = shell_word(files[0].source.path)
        session.screen.suggest(
            [
                Suggestion(f"flowdsl plan {path}", "the calls it would make; sends nothing"),
                Suggestion(f"flowdsl graph {path}", "a picture of it"),
            ]
        )
