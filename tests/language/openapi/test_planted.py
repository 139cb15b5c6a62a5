"""Mistakes planted in forty calls, undos, confirms and probes: all are found, each at its place, and nothing else is."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from flowdsl.language import Library, Source, check
from flowdsl.plan.span import Span
from tests.conftest import Counts
from tests.language.openapi.checking import DOCUMENTS, SECONDS_AT_MOST, SHOP

PLANTED = Path(__file__).with_name("planted.yaml")
DESCRIBED = [*sorted(DOCUMENTS.glob("*.yaml")), SHOP]
LIBRARY = Library({path.name: path.read_text("utf-8") for path in DESCRIBED})
MARK = re.compile(r"«(?P<code>F\d{3}) (?P<text>[^»]*)»")


def planted() -> tuple[Source, set[tuple[str, Span]]]:
    """The file without its marks, and what they say."""
    lines: list[str] = []
    marked: set[tuple[str, Span]] = set()
    for number, written in enumerate(PLANTED.read_text("utf-8").splitlines(), start=1):
        line = written
        while not line.startswith("#") and (mark := MARK.search(line)) is not None:
            marked.add((mark["code"], Span(number, mark.start() + 1, len(mark["text"]))))
            line = line[: mark.start()] + mark["text"] + line[mark.end() :]
        lines.append(line)
    return Source("planted.yaml", "\n".join(lines)), marked


def test_every_planted_mistake_is_found_at_its_place_and_nothing_else(counts: Counts) -> None:
    source, marked = planted()
    found = check(source, LIBRARY).diagnostics
    assert {(item.code, item.span) for item in found} ^ marked == set(), [
        f"{item} {item.span}" for item in found if (item.code, item.span) not in marked
    ]
    counts.add("planted mistakes found", len(marked))


def test_they_stand_in_forty_call_sites_of_every_kind() -> None:
    source, marked = planted()
    coverage = check(source, LIBRARY).coverage
    assert coverage is not None
    assert (coverage.call_sites, coverage.checked) == (40, 40)
    assert len(marked) >= 40
    assert {code for code, _ in marked} == {
        "F042", "F043", "F044", "F092", "F093", "F094", "F095", "F096", "F097", "F098",
    }  # fmt: skip


# --- in good time ------------------------------------------------------------------------------------


def large(operations: int) -> str:
    """A document whose schemas are wide and refer to each other in circles."""
    schemas = {
        f"T{n}": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string"},
                **{f"f{m}": {"type": "integer"} for m in range(20)},
                "next": {"$ref": f"#/components/schemas/T{(n + 1) % operations}"},
                "others": {
                    "type": "array",
                    "items": {"$ref": f"#/components/schemas/T{(n * 7) % operations}"},
                },
            },
        }
        for n in range(operations)
    }
    paths = {f"/t{n}/{{id}}": {"post": _operation(n)} for n in range(operations)}
    return json.dumps({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}})


def _operation(number: int) -> object:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/T{number}"}}}
    return {
        "operationId": f"make{number}",
        "parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}],
        "requestBody": {"content": content},
        "responses": {"200": {"description": "", "content": content}},
    }


def calling(sites: int, operations: int) -> str:
    """Each call reads what the one before it answered."""
    steps = [
        f"  - id: c{n}\n"
        f"    call: POST s/t{n * 13 % operations}/${{inputs.name}}\n"
        f'    body: {{ id: "${{c{n - 1}.next.id}}", f1: "${{c{n - 1}.others[0].f3}}" }}\n'
        "    compensate: none\n"
        for n in range(1, sites)
    ]
    head = "flowdsl: 1\ninputs: { name: string, page: integer }\nservices: { s: { url: 'http://s', openapi: ./d.json } }\n"
    first = "steps:\n  - { id: c0, call: POST s/t0/x, compensate: none, query: { page: 1 } }\n"
    return head + first + "".join(steps)


def seconds_for(operations: int) -> float:
    """The less of two, so that a busy machine is not taken for a slow checker."""
    source = Source("w.yaml", calling(40, operations))
    library = Library({"d.json": large(operations)})
    taken = []
    for _ in range(2):
        started = time.process_time()
        checked = check(source, library)
        taken.append(time.process_time() - started)
        assert checked.errors == ()
        assert checked.coverage is not None
        assert checked.coverage.checked == 40
    return min(taken)


def test_five_hundred_operations_take_no_more_than_their_share() -> None:
    fewer, more = seconds_for(100), seconds_for(500)
    assert more < SECONDS_AT_MOST
    assert more / fewer < 8  # five times as many
