"""The other files that a workflow is made of: what `uses` and `openapi` name, handed in as text.

The language opens nothing. Who calls it reads what is named (`paths_named`), and what those name, and hands it all in.
A path is relative to the file that names it; the key is that path put behind the folder of the naming file, made plain.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from msgspec import Struct, field


class Library(Struct, frozen=True):
    """`texts`: by key, None for a file that is not there or cannot be read; `why` says why."""

    texts: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)


EMPTY = Library()


def key_of(naming: str, path: str) -> str:
    """The key of `path` as it is written in the file `naming`: `workflows/order.yaml`, `./ship.yaml` → `workflows/ship.yaml`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(naming), path))
