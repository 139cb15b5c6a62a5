"""`flowdsl init`: a workflow to start from, the schema that editors check it with, and the next commands. Overwrites nothing."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

import click

from flowdsl.cli.options import Session, with_session
from flowdsl.errors import InputError

TEMPLATES = ("trip", "order", "empty")
NOT_YET = ("fulfilment",)
EXAMPLE = {
    "trip": "-i flight=LH-454 -i hotel=Savoy -i card=tok_visa",
    "order": """-i order=A-1 -i items='[{"sku":"book","quantity":1}]' -i total=12.50""",
    "empty": "-i item=book -i card=tok_visa",
}
SCHEMA = "flowdsl-1.schema.json"


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".")
@click.option(
    "--template", type=click.Choice((*TEMPLATES, *NOT_YET)), default="trip", help="Default: trip."
)
@with_session
def command(session: Session, folder: str, template: str) -> int:
    """Write a workflow to start from, and the schema that editors check it with.

    DIR gets workflows/NAME.yaml and schemas/flowdsl-1.schema.json. Nothing is overwritten.
    """
    if template in NOT_YET:
        raise InputError(
            f"the template `{template}` is not there yet",
            code="F079",
            help=f"there are: {', '.join(TEMPLATES)}",
        )
    root = Path(folder)
    workflow = root / "workflows" / f"{template}.yaml"
    schema = root / "schemas" / SCHEMA
    text = files("flowdsl.cli").joinpath("templates", f"{template}.yaml").read_bytes()
    _write(workflow, text)
    shape = files("flowdsl.language").joinpath(SCHEMA).read_bytes()
    if not schema.exists():
        _write(schema, shape)
    if session.json:
        from flowdsl.plan.json import to_text

        session.screen.result(to_text({"format": 1, "files": [str(workflow), str(schema)]}))
    else:
        session.screen.result(f"wrote {workflow}\nwrote {schema}")
    _next(session, root, template)
    return 0


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise InputError(
            f"{path} is there already, and stays as it is",
            code="F081",
            help="name another folder: flowdsl init demo",
        ) from None
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}",
            code="F081",
            help="name a folder you may write to",
        ) from None


def _next(session: Session, root: Path, template: str) -> None:
    from flowdsl.view.closing import Suggestion

    cd = [] if str(root) == "." else [Suggestion(f"cd {quote(str(root))}", "")]
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
