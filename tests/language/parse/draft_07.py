"""The workflow schema for readers of draft-07, which ignore what stands beside a `$ref`."""

from __future__ import annotations

from flowdsl.plan.values import Json

_DRAFT = "http://json-schema.org/draft-07/schema#"


def as_draft_07(schema: Json) -> Json:
    match schema:
        case dict():
            return _fields(schema)
        case list():
            return [as_draft_07(item) for item in schema]
        case _:
            return schema


def _fields(schema: dict[str, Json]) -> dict[str, Json]:
    target = schema.get("$ref")
    if isinstance(target, str):
        moved: dict[str, Json] = {"$ref": target.replace("#/$defs/", "#/definitions/")}
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**_fields(beside), "allOf": [moved]} if beside else moved
    fields: dict[str, Json] = {}
    for key, value in schema.items():
        match key:
            case "$schema":
                fields[key] = _DRAFT
            case "$id" if isinstance(value, str):
                fields[key] = value.replace("flowdsl-1.schema", "flowdsl-1.draft-07.schema")
            case "$defs":
                fields["definitions"] = as_draft_07(value)
            case _:
                fields[key] = as_draft_07(value)
    return fields
