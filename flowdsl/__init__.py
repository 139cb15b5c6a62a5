"""Sagas in a YAML file: the names that a program needs to check, run and look at workflows.

Everything else is free to change. A name is imported when it is first asked for (PEP 562), so that `flowdsl --help`
loads neither the network nor the store. `docs/api.md` shows them at work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowdsl.late import late
from flowdsl.version import __version__

if TYPE_CHECKING:
    from flowdsl.engine.engine import Engine
    from flowdsl.engine.orders import Order
    from flowdsl.engine.project import Project
    from flowdsl.errors import FlowdslError
    from flowdsl.language import Diagnostic, Library, Source, check
    from flowdsl.language.load import load
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

if not TYPE_CHECKING:  # a checker that saw this would let any name pass
    __getattr__ = late(
        __name__,
        {
            "flowdsl.engine.engine": ("Engine",),
            "flowdsl.engine.orders": ("Order",),
            "flowdsl.engine.project": ("Project",),
            "flowdsl.errors": ("FlowdslError",),
            "flowdsl.language": ("Diagnostic", "Library", "Source"),
            "flowdsl.language.load": ("check", "load"),
            "flowdsl.plan.nodes": ("Plan",),
            "flowdsl.world.network.http": ("Http",),
            "flowdsl.world.store.files": ("FileStore",),
            "flowdsl.world.store.memory": ("MemoryStore",),
        },
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
