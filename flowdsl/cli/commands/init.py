"""`flowdsl init`: a workflow to start from, the schema that editors check it with, and the next commands. Overwrites nothing."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import click

from flowdsl.cli.options import Session, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

# The first file is the one to begin with; it uses the others.
TEMPLATES = {
    "trip": ("trip",),
    "order": ("order",),
    "fulfilment": ("fulfilment", "shipping"),
    "empty": ("empty",),
}
EXAMPLE = {
    "trip": "-i flight=LH-454 -i hotel=Savoy -i card=tok_visa",
    "order": """-i order=A-1 -i items='[{"sku":"book","quantity":1}]' -i total=12.50""",
    "fulfilment": """-i order=o-1 -i 'items=["bike"]'""",
    "empty": "-i item=book -i card=tok_visa",
}
SCHEMA = "flowdsl-1.schema.json"


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".")
@click.option(
    "--template", type=click.Choice(tuple(TEMPLATES)), default="trip", help="Default: trip."
)
@with_session
def command(session: Session, folder: str, template: str) -> int:
    """Write a workflow to start from, and the schema that editors check it with.

    DIR gets workflows/NAME.yaml and schemas/flowdsl-1.schema.json. Nothing is overwritten.
    """
    root = Path(folder)
    wanted = {root / "workflows" / f"{name}.yaml": name for name in TEMPLATES[template]}
    for path in wanted:
        if path.exists():
            raise _there_already(path)  # before the first is written
    for path, name in wanted.items():
        _write(path, files("flowdsl.cli").joinpath("templates", f"{name}.yaml").read_bytes())
    schema = root / "schemas" / SCHEMA
    if not schema.exists():
        _write(schema, files("flowdsl.language").joinpath(SCHEMA).read_bytes())
    written = [str(path) for path in (*wanted, schema)]
    if session.json:
        session.screen.tell({"format": 1, "files": [*written]})
    else:
        from flowdsl.view.paint import line

        session.screen.show([line(f"wrote {path}") for path in written])
    _next(session, root, template)
    return 0


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise _there_already(path) from None
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}",
            code=Code.UNWRITABLE_FILE,
            help="name a folder you may write to",
        ) from None


def _there_already(path: Path) -> InputError:
    return InputError(
        f"{path} is there already, and stays as it is",
        code=Code.UNWRITABLE_FILE,
        help="name another folder: flowdsl init demo",
    )


def _next(session: Session, root: Path, template: str) -> None:
    from flowdsl.view.run.closing import Suggestion
    from flowdsl.view.shell import shell_word

    cd = [] if str(root) == "." else [Suggestion(f"cd {shell_word(str(root))}", "")]
    mock = [Suggestion("python -m mock_services &", "the services it calls, on port 9000")]
    session.screen.suggest(
        [
            *cd,
            *(mock if find_spec("mock_services") else []),
            Suggestion(
                f"flowdsl validate workflows/{template}.yaml",
                "what is wrong with it; sends nothing",
            ),
        ]
    )
    session.screen.suggest(
        [Suggestion(f"flowdsl run workflows/{template}.yaml {EXAMPLE[template]}", "")]
    )
