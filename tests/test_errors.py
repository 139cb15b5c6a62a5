"""The drawing in `flowdsl/errors.py` is the tree: each exception under its parent, with its exit code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import flowdsl
from flowdsl import errors
from flowdsl.errors import FlowdslError


def drawn() -> list[tuple[int, str, int | None]]:
    """Depth, name, and the exit code where the drawing gives one."""
    found = re.findall(r"^    ([│├└─ ]*)(\w+) +(\d+)?", errors.__doc__ or "", re.MULTILINE)
    return [(len(branch) // 4, name, int(code) if code else None) for branch, name, code in found]


def real(kind: type[FlowdslError], depth: int = 0) -> Iterator[tuple[int, str, int | None]]:
    parent = kind.__bases__[0]
    inherited = depth > 0 and kind.exit_code == getattr(parent, "exit_code", None)
    yield depth, kind.__name__, None if inherited else kind.exit_code
    for child in kind.__subclasses__():
        yield from real(child, depth + 1)


def test_the_tree_is_as_it_is_drawn() -> None:
    for module in walk_packages(flowdsl.__path__, "flowdsl."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    assert sorted(drawn()) == sorted(real(FlowdslError))
    assert len(drawn()) > 5
