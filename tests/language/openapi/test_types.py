"""What a schema says of a value, as a type."""

from __future__ import annotations

import pytest

from flowdsl.language.openapi import response_type
from flowdsl.language.openapi.types import type_of_schema
from flowdsl.plan.expression.types import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    TEXT,
    ListOf,
    Object,
    ScalarType,
    Type,
    join,
    optional,
)
from tests.language.openapi.checking import SHOP, contract_at, contract_of
from tests.language.openapi.test_response import one

OPERATIONS = {operation.operation_id: operation for operation in contract_at(SHOP).operations}


def read(schema: str, version: str = "3.1.0") -> Type:
    return response_type(one(schema, version))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("{ type: string }", TEXT),
        ("{ type: [integer, 'null'] }", optional(INTEGER)),
        ("{ type: boolean }", BOOLEAN),
        ("{ type: array, items: { type: number } }", ListOf(NUMBER)),
        ("{ items: {} }", ListOf(ANYTHING)),
        ("{ const: 3 }", ScalarType("integer", (3,))),
        ("{ enum: [a, b] }", join((ScalarType("text", ("a",)), ScalarType("text", ("b",))))),
        ("{ type: string, enum: [" + ", ".join(f"a{n}" for n in range(40)) + "] }", TEXT),
        ("{ enum: [" + ", ".join(f"a{n}" for n in range(40)) + "] }", ANYTHING),
        ("{ anyOf: [{ type: string }, { type: integer }] }", join((TEXT, INTEGER))),
        ("{ oneOf: [{ type: string }, {}] }", ANYTHING),
        ("{ allOf: [{ type: number }, { type: integer }] }", INTEGER),
        ("{ allOf: [{ enum: [a, b] }, { enum: [b] }] }", ScalarType("text", ("b",))),
        ("{ allOf: [{ type: string }, { type: integer }] }", ANYTHING),
        ("{ $ref: '#/components/schemas/A' }", TEXT),
        ("{ $ref: '#/components/schemas/A', const: b }", ScalarType("text", ("b",))),
        ("{ $ref: '#/components/schemas/A', description: b }", TEXT),
        ("{ $ref: '#/components/schemas/Loop' }", ANYTHING),
        ("{ $ref: '#/nowhere' }", ANYTHING),
        ("{ type: strnig }", ANYTHING),
        ("true", ANYTHING),
        ("{ properties: { a: { type: string } } }", Object((("a", TEXT),))),
        ("{ type: object }", Object((), closed=False)),
        (
            (
                "{ type: object, required: [a, b], properties: { a: { type: string, writeOnly: true } }, "
                "patternProperties: {} }"
            ),
            Object((), closed=False, required=frozenset({"b"})),
        ),
        (
            (
                "{ allOf: [{ properties: { a: { type: string } }, required: [a] }, { properties: { a: { enum: [x] } } },"
                " { type: object, additionalProperties: true }] }"
            ),
            Object((("a", ScalarType("text", ("x",))),), closed=False, required=frozenset("a")),
        ),
        (
            "{ allOf: [{ items: { type: number } }, { items: { type: integer } }] }",
            ListOf(INTEGER),
        ),
    ],
)
def test_the_type_that_a_schema_says(schema: str, expected: Type) -> None:
    assert read(schema) == expected


def test_nullable_is_of_3_0_alone() -> None:
    assert read("{ type: string, nullable: true }", "3.0.3") == optional(TEXT)
    assert read("{ type: string, nullable: true }", "3.1.0") == TEXT


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("deleteItem", NULL),
        ("bestItem", TEXT),
        ("putAnything", ANYTHING),
        ("addNote", ANYTHING),  # only a default is described
    ],
)
def test_the_type_of_an_answer(operation: str, expected: Type) -> None:
    assert response_type(OPERATIONS[operation]) == expected


def test_what_goes_one_way_only_is_not_there_the_other_way() -> None:
    operation = OPERATIONS["makeOrder"]
    assert operation.body is not None
    assert operation.body.schema is not None
    sent, got = type_of_schema(operation.body.schema, "sent"), response_type(operation)
    assert isinstance(sent, Object)
    assert isinstance(got, Object)
    assert (sent.field("id"), sent.field("secret")) == (None, TEXT)
    assert (got.field("id"), got.field("secret")) == (TEXT, None)
    assert sent.required == {"currency", "lines"}


def test_a_schema_that_refers_to_itself_is_known_some_levels_deep() -> None:
    found = response_type(OPERATIONS["getItem"])
    for _ in range(4):
        assert isinstance(found, Object)
        assert found.field("id") == INTEGER
        found = found.field("parent") or ANYTHING


def test_a_schema_of_too_many_forms_is_anything() -> None:
    forms = ", ".join(f"{{ const: {n} }}" for n in range(20))
    assert read(f"{{ oneOf: [{forms}] }}") == ANYTHING


def test_a_wide_and_deep_schema_is_looked_at_as_far_as_the_budget_goes() -> None:
    fields = ", ".join(f"f{n}: {{ $ref: '#/components/schemas/W' }}" for n in range(50))
    contract = contract_of(
        "openapi: 3.1.0\n"
        "paths: { /a: { get: { responses: { '200': { content: { application/json: { schema: "
        "{ $ref: '#/components/schemas/W' } } } } } } } }\n"
        f"components: {{ schemas: {{ W: {{ type: object, properties: {{ {fields} }} }} }} }}\n"
    )
    found = response_type(contract.operations[0])
    assert isinstance(found, Object)
    assert isinstance(found.field("f49"), Object)
