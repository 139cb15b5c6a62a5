"""One operation of an OpenAPI document, as it is written → an Operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.language.openapi.contract import (
    Body,
    Document,
    Operation,
    Parameter,
    ParameterPlace,
    Response,
    Schema,
)
from flowdsl.language.openapi.pointer import Unresolved, follow
from flowdsl.plan.values import Json

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")

# The document may list them, and they mean nothing: they are said in other ways.
_NO_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
_PLACES: tuple[ParameterPlace, ...] = ("path", "query", "header")


class Parts(Struct, frozen=True):
    """Where the operation stands, and whom to tell about what cannot be used."""

    document: Document
    path: str
    method: str
    place: tuple[str, ...]
    report: Callable[[tuple[str, ...], str], None]


def read_operation(
    parts: Parts, node: dict[str, Json], shared: Json, keys: tuple[str, ...]
) -> Operation:
    """`shared` are the parameters of the path, `keys` query parameters that secure the service."""
    above = _parameters(parts, parts.place[:-1], shared)
    own = _parameters(parts, parts.place, node.get("parameters"))
    known = [item for item in (*above, *own) if item is not None]
    by_name = {(item.place, item.name): item for item in known}
    for key in keys:
        by_name.setdefault(("query", key), Parameter(key, "query", required=False, schema=None))
    name, summary = node.get("operationId"), node.get("summary")
    operation = Operation(
        operation_id=name if isinstance(name, str) else "",
        method=parts.method.upper(),
        path=parts.path,
        body=_body(parts, node.get("requestBody")),
        responses=tuple(_responses(parts, node.get("responses"))),
        summary=summary if isinstance(summary, str) else "",
        queries_known=len(known) == len(above) + len(own) and not any(map(_is_spread, known)),
    )
    for key in operation.path_queries:
        by_name.setdefault(("query", key), Parameter(key, "query", required=True, schema=None))
    return replace(operation, parameters=tuple(by_name.values()))


def _parameters(parts: Parts, place: tuple[str, ...], node: Json) -> list[Parameter | None]:
    """None stands for one that cannot be used."""
    found: list[Parameter | None] = []
    for position, item in enumerate(node if isinstance(node, list) else []):
        here = (*place, "parameters", str(position))
        given = _followed(parts, here, item)
        if given is not None and given.get("in") == "cookie":
            continue
        parameter = _parameter(parts, given) if given is not None else None
        if parameter is None and given is not None:
            parts.report(here, "a parameter has a `name`, and `in`: path, query, header or cookie")
        if parameter is None or not _is_said_otherwise(parameter):
            found.append(parameter)
    return found


def _parameter(parts: Parts, node: dict[str, Json]) -> Parameter | None:
    name = node.get("name")
    place = next((known for known in _PLACES if known == node.get("in")), None)
    if not isinstance(name, str) or place is None:
        return None
    return Parameter(
        name=name,
        place=place,
        required=node.get("required") is True or place == "path",
        schema=Schema(parts.document, node["schema"]) if "schema" in node else None,
        nested=node.get("style") == "deepObject",
    )


def _is_said_otherwise(parameter: Parameter) -> bool:
    return parameter.place == "header" and parameter.name.lower() in _NO_PARAMETERS


def _is_spread(parameter: Parameter) -> bool:
    """Whether it is an object in the query, whose own fields are the names that are sent."""
    if parameter.place != "query" or parameter.nested or parameter.schema is None:
        return False
    try:
        node = follow(parameter.schema.document, parameter.schema.node)
    except Unresolved:
        return True
    return isinstance(node, dict) and (node.get("type") == "object" or "properties" in node)


def _body(parts: Parts, node: Json) -> Body | None:
    if node is None:
        return None
    given = _followed(parts, (*parts.place, "requestBody"), node)
    if given is None:  # there is one, and nothing is known of it
        return Body(required=False, schema=None, content_types=())
    schema, content_types, has_json = _json_of(parts, given.get("content"))
    required = given.get("required") is True
    return Body(required, schema, content_types, has_json or not content_types)


def _responses(parts: Parts, node: Json) -> Iterator[Response]:
    for status, item in node.items() if isinstance(node, dict) else ():
        if status.startswith("x-"):
            continue
        given = _followed(parts, (*parts.place, "responses", status), item)
        if given is None:
            yield Response(status.upper(), None, ("*/*",))
            continue
        schema, content_types, _ = _json_of(parts, given.get("content"))
        yield Response("default" if status == "default" else status.upper(), schema, content_types)


def _json_of(parts: Parts, content: Json) -> tuple[Schema | None, tuple[str, ...], bool]:
    """The schema of the JSON among the content types; all of them; whether JSON is one."""
    if not isinstance(content, dict):
        return None, (), False
    for name, media in content.items():
        if is_json(name):
            schema = media.get("schema") if isinstance(media, dict) else None
            return (
                Schema(parts.document, schema) if schema is not None else None,
                tuple(content),
                True,
            )
    return None, tuple(content), False


def is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("application/json", "*/*", "application/*") or kind.endswith("+json")


def _followed(parts: Parts, place: tuple[str, ...], node: Json) -> dict[str, Json] | None:
    try:
        found = follow(parts.document, node)
    except Unresolved as unresolved:
        parts.report(place, str(unresolved))
        return None
    if not isinstance(found, dict):
        parts.report(place, "this must be an object")
        return None
    return found
