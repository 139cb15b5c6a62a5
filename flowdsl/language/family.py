"""A workflow and the files it uses: the texts that were handed in, and what was read in them.

Each file is read and checked once, however often it is used; before the file that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from flowdsl.language.contracts import NO_CONTRACTS, Contracts
from flowdsl.language.parse.workflow import File, Workflow
from flowdsl.language.text.diagnostics import ALL_TOLD, Diagnostic, Untold
from flowdsl.language.text.library import EMPTY, Library, key_of
from flowdsl.language.text.source import Source
from flowdsl.plan.expression.types import ANYTHING, Type
from flowdsl.plan.nodes import Plan


class Traits(Struct, frozen=True):
    """What a file does to one that runs it as a part of itself, be it by the files that it uses.

    `size`: its steps. `leaves`: the line of a change that nothing undoes. `status`: it sets the status. `outputs`: what is known of what it comes to.
    """

    size: int = 0
    can_fail: bool = False
    leaves: int | None = None
    confirms: bool = False
    changes: bool = False
    status: bool = False
    outputs: Type = ANYTHING


class Used(Struct, frozen=True):
    """A workflow file that another one uses, and its own errors."""

    source: Source
    workflow: Workflow
    errors: tuple[Diagnostic, ...] = ()
    contracts: Contracts = NO_CONTRACTS
    traits: Traits = Traits()
    untold: Untold = ALL_TOLD


class Family(Struct, frozen=True):
    """By key: `members`, the files that could be read so far; `plans`, of those that run detached, each made once."""

    library: Library = EMPTY
    members: Mapping[str, Used] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)

    def used(self, naming: str, file: File) -> Used | None:
        return self.members.get(key_of(naming, file.path))

    def text(self, naming: str, file: File) -> str | None:
        return self.library.texts.get(key_of(naming, file.path))


ALONE = Family()
