"""The body of a request, a class a kind: its expressions, its `Content-Type`, and how its values are written.

Where a secret stands in what is written, its value is put in when the request is sent: as the kind has it `escaped`. Nothing
else knows of the kinds but who reads them in a file (`language/parse/request.py`), who holds them against a contract
(`language/openapi/check.py`), and who masks them (`world/secrets/masked_request.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, TypeAlias

from msgspec import Struct

from flowdsl.plan.json import to_text
from flowdsl.plan.request import Request
from flowdsl.plan.template import Rendered, Template, merged, render
from flowdsl.plan.values import Json, Sealed, Secret

Escape: TypeAlias = Callable[[str], str]  # the value of a secret, as it stands in a body


class Sender(Struct, frozen=True):
    """Who sends it. The key is that of the call."""

    run: str
    workflow: str
    key: str


def in_json(secret: str) -> str:
    """As it stands between the quotes of a JSON string."""
    return to_text(secret)[1:-1]


class JsonBody(Struct, frozen=True):
    """`body:`"""

    content_type: ClassVar[str] = "application/json"
    escaped: ClassVar[Escape] = in_json
    data: Template

    @property
    def templates(self) -> tuple[Template, ...]:
        return (self.data,)

    def written(self, names: Mapping[str, Json], _: Sender) -> Sealed:
        return json_text(render(self.data, names))


class EventBody(Struct, frozen=True):
    """`emit:`, a CloudEvent 1.0 in structured JSON. Its id is the key, so that who gets it twice can tell."""

    content_type: ClassVar[str] = "application/cloudevents+json"
    escaped: ClassVar[Escape] = in_json
    type: str
    data: Template | None

    @property
    def templates(self) -> tuple[Template, ...]:
        return () if self.data is None else (self.data,)

    def written(self, names: Mapping[str, Json], sender: Sender) -> Sealed:
        event: dict[str, Rendered] = {
            "specversion": "1.0",
            "id": sender.key,
            "source": f"/flowdsl/{sender.workflow}",
            "type": self.type,
            "subject": sender.run,
        }
        data = None if self.data is None else render(self.data, names)
        if data is not None:
            event |= {"datacontenttype": "application/json", "data": data}
        return json_text(event)


Body: TypeAlias = JsonBody | EventBody
_KINDS: Mapping[Sealed, type[Body]] = MappingProxyType(
    {(kind.content_type,): kind for kind in (JsonBody, EventBody)}
)


def kind_of(request: Request) -> type[Body]:
    """By its `Content-Type`; one that a file has given it itself says nothing of how it was written, and JSON is usual."""
    said = (value for name, value in request.headers if name.lower() == "content-type")
    return _KINDS.get(next(said, ()), JsonBody)


def json_text(value: Rendered) -> Sealed:
    """JSON with its secrets by reference, each inside a JSON string."""
    parts: list[str | Secret] = []
    _write(value, parts)
    return merged(parts)


def _write(value: Rendered, parts: list[str | Secret]) -> None:
    match value:
        case Secret():
            parts += ['"', value, '"']
        case tuple():
            parts.append('"')
            parts += [in_json(part) if isinstance(part, str) else part for part in value]
            parts.append('"')
        case dict():
            for index, (name, item) in enumerate(value.items()):
                parts.append(("," if index else "{") + to_text(name) + ":")
                _write(item, parts)
            parts.append("}" if value else "{}")
        case list():
            for index, item in enumerate(value):
                parts.append("," if index else "[")
                _write(item, parts)
            parts.append("]" if value else "[]")
        case _:
            parts.append(to_text(value))
