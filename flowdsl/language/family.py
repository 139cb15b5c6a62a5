"""A workflow and the files it uses: the texts that were handed in, and what was read in them.

Each file is read and checked once, however often it is used; before the file that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowdsl.language.contracts import NO_CONTRACTS, Contracts
from flowdsl.language.diagnostics import Diagnostic
from flowdsl.language.library import EMPTY, Library, key_of
from flowdsl.language.source import Source
from flowdsl.language.workflow import File, Workflow


@dataclass(frozen=True, slots=True)
class Used:
    """A workflow file that another one uses, and its own errors."""

    source: Source
    workflow: Workflow
    errors: tuple[Diagnostic, ...] = ()
    contracts: Contracts = NO_CONTRACTS


@dataclass(frozen=True, slots=True)
class Family:
    """`members`: by key, the files that could be read so far."""

    library: Library = EMPTY
    members: Mapping[str, Used] = field(default_factory=dict)

    def used(self, naming: str, file: File) -> Used | None:
        return self.members.get(key_of(naming, file.path))

    def text(self, naming: str, file: File) -> str | None:
        return self.library.texts.get(key_of(naming, file.path))


ALONE = Family()
