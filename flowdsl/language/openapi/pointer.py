"""`$ref`: from a JSON pointer to what it points at, round and round at most a few times."""

from __future__ import annotations

from urllib.parse import unquote

from flowdsl.language.openapi.contract import Document
from flowdsl.plan.values import Json

LIMIT_HOPS = 32


class Unresolved(Exception):
    """A reference that leads nowhere, out of the document, or in a circle."""


def follow(document: Document, node: Json) -> Json:
    """`node`, or what its `$ref` leads to in the end; what stands beside a `$ref` is lost."""
    for _ in range(LIMIT_HOPS):
        reference = reference_of(node)
        if reference is None:
            return node
        node = look_up(document.root, reference)
    raise Unresolved(f"`{reference}` refers in a circle")


def reference_of(node: Json) -> str | None:
    reference = node.get("$ref") if isinstance(node, dict) else None
    return reference if isinstance(reference, str) else None


def bare_reference(node: Json) -> str | None:
    """The reference of a schema that is nothing else."""
    return reference_of(node) if isinstance(node, dict) and len(node) == 1 else None


def look_up(root: Json, reference: str) -> Json:
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        raise Unresolved(f"`{reference}` refers to another document, and only this one is read")
    node = root
    for part in reference[2:].split("/"):
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            raise Unresolved(f"`{reference}` refers to nothing")
    return node


def joined(*parts: str) -> str:
    """The JSON pointer of these keys."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
