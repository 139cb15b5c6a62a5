"""What a contract has beside an operation: found where services commonly lay it, and nowhere else."""

from __future__ import annotations

import pytest

from flowdsl.language.openapi import Contract, Operation
from flowdsl.language.openapi.offers import batch_of, confirm_of, undo_of
from tests.language.openapi.checking import contract_of

THING = "requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/Thing' } } } }"
MANY = "requestBody: {{ content: {{ application/json: {{ schema: {0} }} }} }}"
LIST = "{ type: array, items: { $ref: '#/components/schemas/Thing' } }"
SCHEMAS = """
components:
  schemas:
    Thing: { type: object, properties: { name: { type: string } } }
    Other: { type: object, properties: { name: { type: string } } }
"""


def contract(paths: str) -> Contract:
    return contract_of(
        f"openapi: 3.1.0\npaths:\n  /things:\n    post: {{ {THING} }}\n{paths}{SCHEMAS}"
    )


def single(of: Contract) -> Operation:
    return next(item for item in of.operations if item.title == "POST /things")


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/things/batch", "{}"),
        ("/things/bulk", "{}"),
        ("'/things:batch'", "{}"),
        ("/imports", f"{{ operationId: bulkThings, {MANY.format(LIST)} }}"),
        ("/imports", f"{{ summary: Things in batches, {MANY.format(LIST)} }}"),
        (
            "/things-bulk",
            f"{{ {MANY.format('{ type: object, properties: { all: ' + LIST + ' } }')} }}",
        ),
    ],
)
def test_many_at_once_is_found_by_its_place_or_by_what_it_takes(path: str, operation: str) -> None:
    of = contract(f"  {path}:\n    post: {operation}\n")
    found = batch_of(of, single(of))
    assert found is not None
    assert found.path == path.strip("'")


@pytest.mark.parametrize(
    "paths",
    [
        "",
        "  /things/batch:\n    get: {}\n",
        "  /imports:\n    post: { operationId: bulkThings }\n",
        f"  /imports:\n    post: {{ operationId: makeThings, {MANY.format(LIST)} }}\n",
        f"  /imports:\n    post: {{ operationId: bulkThings, {MANY.format(LIST.replace('Thing', 'Other'))} }}\n",
        f"  /imports:\n    post: {{ operationId: bulkThings, {MANY.format('{ type: array, items: {} }')} }}\n",
    ],
    ids=["nothing", "another method", "takes nothing", "no such name", "other things", "anything"],
)
def test_what_only_looks_like_it_is_not_taken_for_many_at_once(paths: str) -> None:
    of = contract(paths)
    assert batch_of(of, single(of)) is None


def test_what_takes_many_has_no_other_that_takes_many() -> None:
    of = contract("  /things/batch:\n    post: {}\n  /things/batch/batch:\n    post: {}\n")
    many = next(item for item in of.operations if item.path == "/things/batch")
    assert batch_of(of, many) is None


def test_fields_that_are_written_out_alike_are_the_same() -> None:
    fields = "{ type: object, properties: { name: { type: string } } }"
    listed = f"{{ type: array, items: {fields} }}"
    of = contract_of(
        f"openapi: 3.1.0\npaths:\n  /things:\n    post: {{ {MANY.format(fields)} }}\n"
        f"  /imports:\n    post: {{ operationId: bulkThings, {MANY.format(listed)} }}\n"
    )
    assert batch_of(of, single(of)) is not None


def test_a_confirm_and_an_undo_are_found_below_what_was_made() -> None:
    of = contract(
        "  /things/{id}/confirm:\n    post: {}\n  /things/{id}/void:\n    post: {}\n"
        "  /things/{id}/parts/{part}/confirm:\n    post: {}\n  /things/{id}/parts/{part}:\n    delete: {}\n"
    )
    confirm, undo = confirm_of(of, single(of)), undo_of(of, single(of))
    assert confirm is not None
    assert undo is not None
    assert (confirm.title, undo.title) == ("POST /things/{id}/confirm", "POST /things/{id}/void")


def test_to_delete_is_the_better_undo() -> None:
    of = contract("  /things/{id}/cancel:\n    post: {}\n  /things/{id}:\n    delete: {}\n")
    undo = undo_of(of, single(of))
    assert undo is not None
    assert undo.title == "DELETE /things/{id}"


def test_what_makes_nothing_has_neither() -> None:
    of = contract("  /things/{id}:\n    put: {}\n    delete: {}\n")
    put = next(item for item in of.operations if item.method == "PUT")
    assert confirm_of(of, put) is None
    assert undo_of(of, put) is None
