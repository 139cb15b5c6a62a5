"""Documents that were read: each text once, however many services and files name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from flowdsl.language.text.source import Source

if TYPE_CHECKING:
    from flowdsl.language.openapi.read import Reading


class Readings(Struct, frozen=True):
    """Belongs to one check or one run; nothing is kept beyond that."""

    by_text: dict[str, Reading] = field(default_factory=dict)

    def read(self, path: str, text: str) -> Reading:
        if text not in self.by_text:
            from flowdsl.language.openapi.read import read

            self.by_text[text] = read(Source(path, text))
        return self.by_text[text]
