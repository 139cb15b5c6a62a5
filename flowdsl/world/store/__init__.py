"""Where runs are kept. `open_store` is the one place where a store is made from what a person wrote.

In reading order: `port` (what a store is), `summary` (what it says), then the store in a folder: `files` (all of it by
name), `layout` (what lies where), `line` `index` `journal` `committer` `own_journal` (this process's journal), `journals`
(those of the others), `archived_run` `archive` `catalogue` `archive_writer` (runs that are over; `documents` `carry_over`: of older
versions), `facts` and `register` (reading), `adoption` `dead_journals` (taking over), `claims` `queues` `inbox`
`definitions`, `fsck*` `access` (looking it over),
`pruning`. `disk` is all that it asks of the
system, `offload` the threads in which it does. `memory` is the store that keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from flowdsl.world.store.port import Store

# By the scheme of an address, `SCHEME:REST`: what makes the store of REST, imported when it is asked for. What has none
# of these schemes is the path of a folder.
SCHEMES: dict[str, str] = {"file": "flowdsl.world.store.files:open_folder"}


def open_store(address: str, *, read_only: bool = False) -> Store:
    """`read_only`: for who looks and asks, and makes no store where there is none. Nothing is touched before `start`."""
    scheme = scheme_of(address)
    module, _, name = SCHEMES[scheme or "file"].partition(":")
    opener = cast("Callable[..., Store]", getattr(import_module(module), name))
    return opener(address.removeprefix(f"{scheme}:") if scheme else address, read_only=read_only)


def scheme_of(address: str) -> str:
    """Empty for a path."""
    scheme, colon, _ = address.partition(":")
    return scheme if colon and scheme in SCHEMES else ""
