"""What was masked as it was before, where the secrets allow. `lost` names those that are missing or have changed."""

from __future__ import annotations

from msgspec.structs import replace

from flowdsl.plan.masked import ALL_HEADERS, Masked
from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.values import Json, Sealed, Secret
from flowdsl.world.secrets.redaction import Redaction


class Opening:
    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self.lost: set[str] = set()

    def text(self, text: str) -> str:
        opened = self.value(text)
        assert isinstance(opened, str), "what was text comes back as text"
        return opened

    def value(self, value: Json) -> Json:
        match value:
            case Masked():
                opened = self._redaction.open(value)
                if isinstance(opened, Masked):
                    self.lost |= opened.names
                return opened
            case list():
                return _same(value, [self.value(item) for item in value])
            case dict():
                opened_fields = {name: self.value(item) for name, item in value.items()}
                is_same = all(opened_fields[name] is item for name, item in value.items())
                return value if is_same else opened_fields
            case _:
                return value

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        opened = (
            self.value(headers.get(ALL_HEADERS)) if headers.keys() == {ALL_HEADERS} else headers
        )
        if isinstance(opened, dict):
            return {
                name: self.text(value) for name, value in opened.items() if isinstance(value, str)
            }
        return headers

    def request(self, request: Request) -> Request:
        return replace(
            request,
            url=self.text(request.url),
            headers=tuple((name, self._sealed(value)) for name, value in request.headers),
            body=None if request.body is None else self._sealed(request.body),
            basic=None if request.basic is None else self._basic(request.basic),
        )

    def _basic(self, basic: BasicCredentials) -> BasicCredentials:
        return BasicCredentials(self._sealed(basic.user), self._sealed(basic.password))

    def _sealed(self, parts: Sealed) -> Sealed:
        opened = tuple(part if isinstance(part, Secret) else self.text(part) for part in parts)
        return parts if all(map(_is, parts, opened)) else opened


def _is(one: object, other: object) -> bool:
    return one is other


def _same(items: list[Json], changed: list[Json]) -> list[Json]:
    return items if all(map(_is, items, changed)) else changed
