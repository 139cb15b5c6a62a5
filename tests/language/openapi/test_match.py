"""A call is matched to the operation it means, or it is said what is near."""

from __future__ import annotations

import pytest

from flowdsl.language.openapi import Found, Missing, Unsure, find, find_by_id
from flowdsl.language.openapi.path import take_apart
from flowdsl.plan.expression.compiled import parse
from flowdsl.plan.template import Constant, Items, split
from tests.language.openapi.checking import SHOP, contract_at, contract_of

CONTRACT = contract_of(
    """
openapi: 3.1.0
servers: [{ url: "https://a.example/api/v1" }, { url: "/{region}" }, { url: /old }]
paths:
  /things: { get: {}, post: { operationId: makeThing } }
  /things/{id}: { get: {} }
  /things/mine: { get: {} }
  /things/{id}.json: { get: {} }
  /files/{name}-{version}/raw: { get: {} }
  /a%20b: { get: {} }
  /: { get: {} }
  /notes: { get: {}, head: {} }
  /notes?beta=true: { get: {}, post: {} }
"""
)


def parts(path: str) -> tuple[object, ...]:
    return tuple(part if isinstance(part, str) else parse(part.text) for part in split(path))


@pytest.mark.parametrize(
    ("call", "title"),
    [
        ("GET /things", "GET /things"),
        ("GET /api/v1/things", "GET /things"),
        ("GET /old/things", "GET /things"),
        ("GET /things/7", "GET /things/{id}"),
        ("GET /things/${a / b}", "GET /things/{id}"),
        ("GET /things/x${a}y", "GET /things/{id}"),
        ("GET /things/mine", "GET /things/mine"),
        ("GET /files/a-1/raw", "GET /files/{name}-{version}/raw"),
        ("GET /a%20b", "GET /a%20b"),
        ("GET /", "GET /"),
        ("HEAD /notes", "HEAD /notes"),
        ("GET /notes", "GET /notes"),
        ("GET /notes?beta=${x}", "GET /notes?beta=true"),
        ("POST /notes?beta=1", "POST /notes?beta=true"),
    ],
)
def test_a_call_is_matched(call: str, title: str) -> None:
    method, path = call.split(" ", 1)
    found = find(CONTRACT, method, parts(path))  # type: ignore[arg-type]
    assert isinstance(found, Found)
    assert found.operation.title == title


@pytest.mark.parametrize(
    "call",
    ["GET /${x}", "GET /files/a-${v}/raw", "GET /${x}/mine/../raw", "OPTIONS /things", "PUT /${x}"],
)
def test_what_an_expression_decides_is_left_open(call: str) -> None:
    method, path = call.split(" ", 1)
    found = find(CONTRACT, method, parts(path))  # type: ignore[arg-type]
    assert isinstance(found, Unsure | Missing) == isinstance(found, Unsure) or ".." in path


@pytest.mark.parametrize(
    ("call", "about", "hint"),
    [
        ("GET /thing", "path", "did you mean `GET /things`?"),
        ("POST /thing", "path", "did you mean `POST /things`?"),
        ("GET /things/${x}/", "path", "did you mean `GET /things/{id}`?"),
        ("DELETE /things/${x}", "method", "it takes `GET`"),
        ("GET /api/v1/zzzzzzzz/y", "path", "its paths are"),
    ],
)
def test_a_call_that_means_nothing_is_told_what_is_near(call: str, about: str, hint: str) -> None:
    method, path = call.split(" ", 1)
    missing = find(CONTRACT, method, parts(path))  # type: ignore[arg-type]
    assert isinstance(missing, Missing)
    assert missing.about == about
    assert (missing.meant or missing.help).startswith(hint)


def test_an_operation_is_found_by_its_id() -> None:
    shop = contract_at(SHOP)
    found = find_by_id(shop, "getItem")
    assert isinstance(found, Found)
    assert found.operation.title == "GET /items/{item}"
    missing = find_by_id(shop, "getItems")
    assert isinstance(missing, Missing)
    assert missing.meant == "did you mean `getItem`?"
    empty = find_by_id(contract_of("openapi: 3.1.0\n"), "x")
    assert isinstance(empty, Missing)
    assert empty.help == "it describes no operations"


def test_the_parts_of_a_path_know_where_they_stand() -> None:
    written = "/a/${x['/']}/b-${y}?k=${z}&l=1&=2&m"
    path = take_apart(Constant("/x"), "")
    assert [segment.literal for segment in path.segments] == ["x"]
    path = take_apart(Items(()), "")
    assert path.segments == ()
    from flowdsl.plan.template import Text

    path = take_apart(Text(parts(written)), written)  # type: ignore[arg-type]
    assert [written[s.start : s.start + s.length] for s in path.segments] == [
        "a",
        "${x['/']}",
        "b-${y}",
    ]
    assert [(name, written[v.start : v.start + v.length]) for name, _, v in path.queries][:2] == [
        ("k", "${z}"),
        ("l", "1"),
    ]
    assert path.shown == "/a/{…}/b-{…}"
