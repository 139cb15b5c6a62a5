"""One schema for us and for editors: the copies agree, and it says something about every key."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from flowdsl.language.parse.schema import schema_text
from flowdsl.language.text.document import load_document
from flowdsl.language.text.located import plain
from flowdsl.language.text.source import Source
from flowdsl.plan.values import Json
from tests.language.parse.schemas import copies
from tests.language.rules.test_golden import GOOD, PAIRS

SCHEMA = json.loads(schema_text())


def test_the_copies_for_editors_are_up_to_date() -> None:
    assert {path.name: path.read_text("utf-8") == text for path, text in copies().items()} == {
        "flowdsl-1.schema.json": True,
        "flowdsl-1.draft-07.schema.json": True,
    }


def test_it_is_a_schema_of_its_draft() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft7Validator.check_schema(older())


def older() -> dict[str, Json]:
    text = next(text for path, text in copies().items() if "draft-07" in path.name)
    found: dict[str, Json] = json.loads(text)
    return found


@pytest.mark.parametrize("path", [*GOOD, *PAIRS], ids=lambda path: path.stem)
def test_both_drafts_judge_alike(path: object) -> None:
    text = path.read_text("utf-8")  # type: ignore[attr-defined]
    tree, _ = load_document(Source("w.yaml", text))
    if tree is None:
        return
    value = plain(tree)
    newer = [list(error.absolute_path) for error in Draft202012Validator(SCHEMA).iter_errors(value)]
    old = [list(error.absolute_path) for error in Draft7Validator(older()).iter_errors(value)]
    assert sorted(map(str, newer)) == sorted(map(str, old))


def described(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every schema of a property, with its path."""
    match schema:
        case dict():
            for key, value in schema.items():
                if key == "properties" and isinstance(value, dict):
                    for name, part in value.items():
                        yield f"{path}/{name}", part
                        yield from described(part, f"{path}/{name}")
                else:
                    yield from described(value, f"{path}/{key}")
        case list():
            for item in schema:
                yield from described(item, path)
        case _:
            return


def test_every_key_has_a_title_and_a_description() -> None:
    found = dict(described(SCHEMA))
    assert len(found) > 100
    assert [path for path, part in found.items() if not told(part)] == []


def told(part: Json) -> bool:
    if not isinstance(part, dict):
        return False
    target = str(part.get("$ref", "")).rpartition("/")[2]
    definition = SCHEMA["$defs"].get(target, {})
    return all(part.get(key) or definition.get(key) for key in ("title", "description"))


def test_every_object_of_fixed_keys_is_closed() -> None:
    def open_ones(schema: Json) -> Iterator[Json]:
        if isinstance(schema, dict):
            if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
                fixed = schema.get("additionalProperties") is False
                yield from () if fixed else (schema,)
            for value in schema.values():
                yield from open_ones(value)

    assert list(open_ones(SCHEMA)) == []
