"""An answer that is not as described is said so in words; what is not described is left alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flowdsl.language.openapi import Operation, validate
from flowdsl.plan.values import Json
from tests.language.openapi.checking import SHOP, contract_at, contract_of

OPERATIONS = {operation.operation_id: operation for operation in contract_at(SHOP).operations}
ITEM: dict[str, Json] = {"id": 1, "name": "a"}


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        ("getItem", 200, ITEM),
        ("getItem", 200, {**ITEM, "id": Decimal("2.0"), "price": Decimal("0.1"), "more": [1]}),
        ("getItem", 200, {**ITEM, "price": None, "parent": {**ITEM, "parent": ITEM}}),
        ("getItem", 404, {"title": "no"}),
        ("getItem", 500, {"any": "thing"}),
        ("deleteItem", 204, None),
        ("bestItem", 200, "some text"),
        ("putAnything", 200, [1]),
        ("addNote", 418, {"id": "x"}),
        ("listItems", 200, []),
    ],
)
def test_an_answer_as_described_is_fine(operation: str, status: int, body: Json) -> None:
    assert validate(OPERATIONS[operation], status, body) == []


@pytest.mark.parametrize(
    ("operation", "status", "body", "message"),
    [
        ("getItem", 200, None, "the body must be an object, not null"),
        ("getItem", 200, [], "the body must be an object, not a list"),
        ("getItem", 200, {"id": 1}, "the body must have `name`"),
        ("getItem", 200, {**ITEM, "id": Decimal("1.5")}, "`id` must be a whole number, not 1.5"),
        ("getItem", 200, {**ITEM, "id": True}, "`id` must be a whole number, not true"),
        (
            "getItem",
            200,
            {**ITEM, "price": 0},
            "`price` must be one of the forms that its schema describes, not 0",
        ),
        (
            "getItem",
            200,
            {**ITEM, "price": "1"},
            "`price` must be a number or null, not the text `1`",
        ),
        ("getItem", 200, {**ITEM, "parent": {"id": 1}}, "`parent` must have `name`"),
        ("getItem", 404, {}, "the body must have `title`"),
        ("getItem", 201, ITEM, "the status is 201, and described are 200, 4XX"),
        ("listItems", 200, [ITEM, {**ITEM, "name": 3}], "`[1].name` must be text, not 3"),
        (
            "makeOrder",
            201,
            {"currency": "GBP", "id": "x", "lines": []},
            "`currency` must be `EUR` or `USD`, not the text `GBP`",
        ),
        ("addNote", 200, {"id": {}}, "`id` must be text, not an object"),
    ],
)
def test_an_answer_that_is_not_as_described_is_told(
    operation: str, status: int, body: Json, message: str
) -> None:
    assert validate(OPERATIONS[operation], status, body) == [message]


def one(schema: str, version: str = "3.1.0") -> Operation:
    text = f"openapi: {version}\npaths:\n  /a:\n    get:\n      responses:\n        200:\n          content:\n"
    contract = contract_of(
        f"{text}            application/json: {{ schema: {schema} }}\n"
        "components: { schemas: { Loop: { $ref: '#/components/schemas/Loop' }, A: { type: string } } }\n"
    )
    return contract.operations[0]


@pytest.mark.parametrize(
    ("schema", "wrong", "message"),
    [
        ("{ type: [string, 'null'] }", 1, "the body must be text or null, not 1"),
        ("{ type: [integer, number] }", "a", "the body must be a number, not the text `a`"),
        ("{ const: 3 }", 4, "the body must be `3`, not 4"),
        ("{ minimum: 3 }", 2, "the body must be at least 3, not 2"),
        ("{ maximum: 3 }", 4, "the body must be at most 3, not 4"),
        ("{ exclusiveMinimum: 3 }", 3, "the body must be more than 3, not 3"),
        ("{ exclusiveMaximum: 3 }", 3, "the body must be less than 3, not 3"),
        ("{ minLength: 3 }", "a", "the body must have at least 3 characters, not 1"),
        ("{ maxItems: 0 }", [1], "the body must have at most 0 items, not 1"),
        ("{ pattern: ^a }", "b", "the body must match `^a`, and `b` does not"),
        (
            "{ additionalProperties: false }",
            {"a": 1},
            "the body must have no other field, and has `a`",
        ),
        ("{ not: {} }", 1, "the body must be as its schema describes it"),
        (
            "{ $ref: '#/components/schemas/A', minLength: 2 }",
            "a",
            "the body must have at least 2 characters, not 1",
        ),
        ("{ prefixItems: [{ type: string }] }", [1], "`[0]` must be text, not 1"),
        ("{ patternProperties: { ^a: { type: string } } }", {"ab": 1}, "`ab` must be text, not 1"),
        (
            "{ anyOf: [{ type: string }, { type: [integer] }] }",
            [],
            "the body must be text or a whole number, not a list",
        ),
    ],
)
def test_each_word_of_a_schema_is_told(schema: str, wrong: Json, message: str) -> None:
    assert validate(one(schema), 200, wrong) == [message]


@pytest.mark.parametrize(
    "schema",
    [
        "{ type: strnig }",
        "{ type: 3, required: true, minimum: many, pattern: '(' }",
        "{ $ref: '#/nowhere' }",
        "{ $ref: 'other.yaml#/A' }",
        "{ $ref: '#/components/schemas/Loop' }",
        "{ multipleOf: 0, format: date, uniqueItems: true }",
        "true",
    ],
)
def test_what_makes_no_sense_is_not_asserted(schema: str) -> None:
    bodies: list[Json] = [None, 1, "a", [1, 1], {"a": 1}]
    for body in bodies:
        assert validate(one(schema), 200, body) == []


def test_in_3_0_a_bound_may_be_exclusive_and_nothing_stands_beside_a_reference() -> None:
    bound = one("{ type: integer, maximum: 3, exclusiveMaximum: true }", "3.0.3")
    assert validate(bound, 200, 2) == []
    assert validate(bound, 200, 3) == ["the body must be less than 3, not 3"]
    beside = one("{ $ref: '#/components/schemas/A', minLength: 2 }", "3.0.3")
    assert validate(beside, 200, "a") == []
    assert validate(one("{ type: string, enum: [a], nullable: true }", "3.0.3"), 200, None) == []


def test_at_most_a_few_complaints_are_made() -> None:
    body: Json = [{} for _ in range(100)]
    assert len(validate(OPERATIONS["listItems"], 200, body)) == 5


def test_a_long_text_is_shortened() -> None:
    (message,) = validate(one("{ type: integer }"), 200, "x" * 500)
    assert len(message) < 120
