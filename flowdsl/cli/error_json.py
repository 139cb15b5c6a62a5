"""What is wrong with how flowdsl was asked, or with what it runs on, as one JSON object: `{"format": 1, "error": {…}}`.

`error` has a code, a message and a help, and where it is in a file its place. A workflow file may have several: the
first is `error`, all of them are `errors`, as `validate --json` lists them.
"""

from __future__ import annotations

from flowdsl.cli.sources import WrongFile
from flowdsl.errors import FlowdslError, Place
from flowdsl.plan.values import Json


def error_json(error: FlowdslError) -> Json:
    if isinstance(error, WrongFile):
        from flowdsl.view.problem.formats import finding

        path = error.checked.source.path
        found: list[Json] = [finding(path, one) for one in error.checked.errors]
        return {"format": 1, "error": found[0], "errors": found}
    told: dict[str, Json] = {"code": error.code, "message": error.message, "help": error.help}
    return {"format": 1, "error": told | _place(error.place)}


def _place(place: Place | None) -> dict[str, Json]:
    if place is None:
        return {}
    line: dict[str, Json] = {"line": place.line, "column": place.column} if place.line else {}
    return {"file": place.file, **line}
