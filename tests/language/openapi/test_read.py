"""An OpenAPI document is read as far as it can be; what cannot be used is said, with its place."""

from __future__ import annotations

import json
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flowdsl.language.openapi import Found, find, response_type
from flowdsl.language.openapi import text as texts
from flowdsl.language.openapi.read import read
from flowdsl.language.openapi.response import validate
from flowdsl.language.text.source import Source
from flowdsl.plan.values import Json
from tests.language.openapi.checking import SHOP, contract_at, contract_of
from tests.sizes import examples

START = "openapi: 3.1.0\npaths:\n"


def test_the_operations_of_a_document_and_their_parts() -> None:
    shop = contract_at(SHOP)
    assert (shop.title, shop.base_paths) == ("Shop", ("/v2",))
    by_id = {operation.operation_id: operation for operation in shop.operations}
    assert by_id["getItem"].title == "GET /items/{item}"
    assert [(p.name, p.place, p.required) for p in by_id["getItem"].parameters] == [
        ("item", "path", True),
        ("api_key", "query", False),
    ]
    assert [p.name for p in by_id["makeOrder"].parameters_in("header")] == ["X-Tenant"]
    body = by_id["makeOrder"].body
    assert body is not None
    assert (body.required, body.takes_json) == (True, True)
    assert [item.status for item in by_id["getItem"].responses] == ["200", "4XX"]
    assert not by_id["putAnything"].queries_known


def test_json_is_read_as_yaml_is() -> None:
    value = yaml.safe_load(SHOP.read_text("utf-8"))
    from_json = contract_of(json.dumps(value))
    from_yaml = contract_at(SHOP)
    assert [op.title for op in from_json.operations] == [op.title for op in from_yaml.operations]
    assert list(map(response_type, from_json.operations)) == list(
        map(response_type, from_yaml.operations)
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("- 1\n", 1, "an OpenAPI document must be an object"),
        ("[1]", 1, "an OpenAPI document must be an object"),
        ("a: 1\n", 1, "this is not an OpenAPI document"),
        ("swagger: '2.0'\n", 1, "OpenAPI 2.0 is not read"),
        ("info: {}\nopenapi: 3.2.0\n", 2, "OpenAPI 3.2.0 is not read"),
        ("openapi: 3.0.0\npaths: {\n", 0, ""),
        ('{"openapi": ]', 0, "this is not JSON"),
        ("openapi: 3.1.0\npaths: {}\npaths: {}\n", 3, "`paths` is given twice"),
        ("openapi: 3.1.0\n? [a]\n: 1\n", 2, "a key must be text"),
    ],
)
def test_what_is_no_document_of_ours_is_refused(text: str, line: int, message: str) -> None:
    reading = read(Source("c.yaml", text))
    assert reading.contract is None
    (problem,) = reading.problems
    assert problem.code == "F090"
    assert problem.line == line or not message
    assert message in problem.message


def test_a_document_over_the_limits_is_refused_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = read(Source("c.yaml", "openapi: 3.1.0\nx: " + "a" * (1 << 20)))
    assert "JSON" in reading.problems[0].help
    monkeypatch.setattr(texts, "LIMIT_CHARACTERS", 10)
    reading = read(Source("c.json", '{"openapi": "3.1.0"}'))
    assert "larger than" in reading.problems[0].message


UNUSABLE = [
    ("  a: {}\n", "/paths/a", "does not begin with `/`"),
    ("  /a: 1\n", "/paths/~1a", "must be an object"),
    ("  /a: { get: 1 }\n", "/paths/~1a/get", "is not an operation"),
    ("  /a: { $ref: '#/nowhere' }\n", "/paths/~1a", "refers to nothing"),
    ("  /a: { $ref: 'other.yaml' }\n", "/paths/~1a", "refers to another document"),
    ("  /a: { $ref: '#/paths/~1a' }\n", "/paths/~1a", "refers in a circle"),
    ("  /a: { get: { parameters: [{ name: x }] } }\n", "/paths/~1a/get/parameters/0", "`in`"),
    (
        "  /a: { parameters: [{ $ref: '#/x' }], get: {} }\n",
        "/paths/~1a/parameters/0",
        "refers to nothing",
    ),
    (
        "  /a: { post: { requestBody: [] } }\n",
        "/paths/~1a/post/requestBody",
        "this must be an object",
    ),
    (
        "  /a: { get: { responses: { 200: { $ref: '#/x' } } } }\n",
        "/paths/~1a/get/responses/200",
        "refers to nothing",
    ),
    (
        "  /a: { get: { operationId: x } }\n  /b: { get: { operationId: x } }\n",
        "/paths/~1b/get/operationId",
        "that of GET /a too",
    ),
]


@pytest.mark.parametrize(("paths", "pointer", "message"), UNUSABLE)
def test_a_part_that_cannot_be_used_is_said_and_the_rest_is_read(
    paths: str, pointer: str, message: str
) -> None:
    reading = read(Source("c.yaml", f"{START}{paths}  /good: {{ get: {{}} }}\n"))
    (problem,) = reading.problems
    assert (problem.code, problem.pointer) == ("F091", pointer)
    assert message in problem.message
    assert problem.line == (4 if "/~1b" in pointer else 3)
    assert reading.contract is not None
    assert "GET /good" in [operation.title for operation in reading.contract.operations]


def test_a_document_without_paths_has_no_operations() -> None:
    assert contract_of("openapi: 3.1.0\nservers: [{ url: 'http://[x/v1' }, {}]\n").operations == ()
    reading = read(Source("c.yaml", "openapi: 3.1.0\npaths: []\n"))
    assert [problem.pointer for problem in reading.problems] == ["/paths"]


def large(operations: int) -> Json:
    """Schemas that all refer to each other, and themselves."""
    count = 60
    schemas: dict[str, Json] = {
        f"S{n}": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string"},
                **{
                    f"f{m}": {"$ref": f"#/components/schemas/S{(n * m + 1) % count}"}
                    for m in range(8)
                },
                "list": {"type": "array", "items": {"$ref": f"#/components/schemas/S{n}"}},
                "one": {
                    "oneOf": [{"$ref": f"#/components/schemas/S{(n + m) % count}"} for m in (1, 2)]
                },
            },
        }
        for n in range(count)
    }
    paths: dict[str, Json] = {
        f"/things-{n}/{{id}}": {
            "post": {
                "operationId": f"op{n}",
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"$ref": f"#/components/schemas/S{n % count}"}
                        }
                    }
                },
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": f"#/components/schemas/S{n % count}"}
                            }
                        },
                    }
                },
            }
        }
        for n in range(operations)
    }
    return {"openapi": "3.0.3", "paths": paths, "components": {"schemas": schemas}}


def test_a_document_of_300_operations_that_refer_in_circles_takes_no_two_seconds() -> None:
    text = json.dumps(large(300))
    started = time.process_time()
    contract = contract_of(text)
    for number in range(0, 300, 30):
        assert isinstance(find(contract, "POST", (f"/things-{number}/x",)), Found)
    for operation in contract.operations[:10]:
        response_type(operation)
        assert validate(operation, 200, {"id": "a", "f1": {"id": 7}})
    assert len(contract.operations) == 300
    assert time.process_time() - started < 2


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["string", "object", "#/x", "a", "/a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "$ref",
                    "allOf",
                    "anyOf",
                    "oneOf",
                    "enum",
                    "const",
                    "required",
                    "nullable",
                    "minimum",
                    "pattern",
                    "additionalProperties",
                    "exclusiveMinimum",
                    "not",
                    "a",
                    "content",
                    "application/json",
                    "schema",
                    "post",
                    "get",
                    "in",
                    "name",
                    "parameters",
                    "requestBody",
                    "responses",
                    "200",
                    "readOnly",
                    "minLength",
                    "prefixItems",
                    "contains",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=examples(75, 150))
@given(JSON, JSON)
def test_no_document_makes_the_reader_fail(path: Json, schema: Json) -> None:
    operation = {
        "parameters": [{"in": "query", "name": "q", "schema": schema}],
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
    }
    document = {"openapi": "3.0.0", "paths": {"/a": path, "/b": {"post": operation}}, "x": schema}
    contract = contract_of(json.dumps(document))
    for found in contract.operations:
        response_type(found)
        bodies: list[Json] = [None, 1, "a", [1], {"a": 1, "type": "a"}]
        for body in bodies:
            assert isinstance(validate(found, 200, body), list)
