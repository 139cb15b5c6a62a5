"""Sagas in a YAML file: the names that a program needs to check, run and look at workflows.

Everything else is free to change. A name is imported when it is first asked for (PEP 562), so that `flowdsl --help`
loads neither the network nor the store. `docs/api.md` shows them at work.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from flowdsl.version import __version__

if TYPE_CHECKING:
    from flowdsl.engine.engine import Engine
    from flowdsl.engine.orders import Order
    from flowdsl.engine.project import Project
    from flowdsl.errors import FlowdslError
    from flowdsl.language import Diagnostic, Library, Source, check, load
    from flowdsl.plan.nodes import Plan
    from flowdsl.world.network.http import Http
    from flowdsl.world.store.files import FileStore
    from flowdsl.world.store.memory import MemoryStore

__all__ = [
    "Diagnostic",
    "Engine",
    "FileStore",
    "FlowdslError",
    "Http",
    "Library",
    "MemoryStore",
    "Order",
    "Plan",
    "Project",
    "Source",
    "__version__",
    "check",
    "load",
]

_HOMES: Mapping[str, str] = MappingProxyType(
    {
        "Diagnostic": "flowdsl.language",
        "Engine": "flowdsl.engine.engine",
        "FileStore": "flowdsl.world.store.files",
        "FlowdslError": "flowdsl.errors",
        "Http": "flowdsl.world.network.http",
        "Library": "flowdsl.language",
        "MemoryStore": "flowdsl.world.store.memory",
        "Order": "flowdsl.engine.orders",
        "Plan": "flowdsl.plan.nodes",
        "Project": "flowdsl.engine.project",
        "Source": "flowdsl.language",
        "check": "flowdsl.language",
        "load": "flowdsl.language",
    }
)


if not TYPE_CHECKING:  # a checker that saw this would let any name pass

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
