"""Which runs there are, wherever they stand: in our own journal, in those of other processes, or in the archive.

Where two places know a run the archive is believed, then the process that drives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.world.store.archive import Archive
from flowdsl.world.store.index import summary_of
from flowdsl.world.store.journals import Journals
from flowdsl.world.store.own_journal import OwnJournal
from flowdsl.world.store.summary import RunSummary, choose


class RunRegister(Struct, frozen=True):
    """A run goes from a journal to the archive: that is looked at last."""

    own: OwnJournal
    archive: Archive
    journals: Journals

    def known(self, runs: Sequence[str]) -> list[bool | OSError]:
        """Whether each is there, by one look at the journals."""
        own = self.own.entries().keys() | self.own.over().keys()
        self.journals.refresh()
        standing = {run for run in runs if run in own or self.journals.find(run) is not None}
        standing |= self.archive.over({*runs} - standing)
        return [run in standing for run in runs]

    def over(self, runs: Sequence[str]) -> list[bool | OSError]:
        """Of each whether it is in the archive."""
        over = self.archive.over(runs)
        return [run in over for run in runs]

    def find(self, prefix: str | None) -> str:
        """The run that a person means; without a prefix, the newest."""
        standing = self._standing()
        if prefix is not None:
            try:
                return choose(prefix, sorted({*standing, *self.archive.runs()}))
            except InputError:
                if failure := self.archive.failure():
                    raise failure from None
                raise
        newest = max(((one.created_at, one.run) for one in standing.values()), default=None)
        newest = self.archive.newest(newest)
        if newest is None:
            raise InputError(
                "there are no runs yet", code=Code.NO_RUN, help="`flowdsl run FILE` starts one"
            )
        return newest[1]

    def all(self) -> list[RunSummary]:
        found = self._standing()
        ours = self.own.entries().keys()
        for one in self.archive.summaries():
            if one.run not in found or not (one.damaged or one.run in ours):
                found[one.run] = one
        return _newest_first(found.values())

    def unfinished(self) -> list[RunSummary]:
        """Those that have not ended; however many have, they are not looked at."""
        standing = self._standing()
        ours = self.own.entries().keys()
        open_ = {run for run, one in standing.items() if not one.ended}
        over = self.archive.over(open_ - ours)
        return _newest_first(standing[run] for run in open_ - over)

    def _standing(self) -> dict[str, RunSummary]:
        """The runs that are not (only) in the archive."""
        own, over = self.own.entries(), self.own.over()
        self.journals.refresh()
        driven = self._driven()
        found = {
            run: summary_of(
                entry,
                driven=driven[reader.index.writer] and not entry.ended,
                damaged=reader.index.is_damaged(entry),
            )
            for run, (reader, entry) in self.journals.runs().items()
        }
        found |= {run: one.summary for run, one in over.items()}
        return found | {run: summary_of(entry, driven=True) for run, entry in own.items()}

    def is_driven(self, run: str) -> bool:
        if self.own.entry(run) is not None:
            return True
        self.journals.refresh()
        found = self.journals.find(run)
        return found is not None and not found[1].ended and found[0].is_driven()

    def _driven(self) -> dict[str, bool]:
        return {w: reader.is_driven() for w, reader in self.journals.readers.items()}


def _newest_first(runs: Iterable[RunSummary]) -> list[RunSummary]:
    return sorted(runs, key=lambda each: each.created_at, reverse=True)
