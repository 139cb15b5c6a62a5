"""The cases that the language of today cannot express: the first lines of each, and the key that it waits for."""

from __future__ import annotations

from types import MappingProxyType

# The case: why not, a step that it needs, and the key that is refused by name.
NOT_YET = MappingProxyType(
    {
        "C14": (
            "an undo of several steps",
            "{ id: a, call: POST mail/messages, compensate: [POST mail/a, POST mail/b] }",
            "compensate",
        ),
    }
)
