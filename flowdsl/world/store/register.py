"""Which runs there are, wherever they stand: in our own journal, in those of other processes, or in the archive.

Where two places know a run the archive is believed, then the process that drives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.world.store.archive import Archive
from flowdsl.world.store.index import summary_of
from flowdsl.world.store.journals import Journals
from flowdsl.world.store.own_journal import OwnJournal
from flowdsl.world.store.summary import Listed, RunSummary, Wanted, choose, newest_of


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
        standing = self.standing()
        if prefix is not None:
            return self._chosen(prefix, standing)
        found = [*standing.values(), *self.archive.newest(1)]
        if not found:
            raise InputError(
                "there are no runs yet", code=Code.NO_RUN, help="`flowdsl run FILE` starts one"
            )
        return max(found, key=lambda one: (one.created_at, one.run)).run

    def newest(self, most: int | None, wanted: Wanted) -> Listed:
        standing = self.standing()
        known = self.archive.those_of(standing.keys() - self.own.entries().keys())
        here = [one for one in standing.values() if one.run not in known or known[one.run].damaged]
        taken = {one.run for one in here}
        more = None if most is None else most + len(taken)
        there = [one for one in self.archive.newest(more, wanted) if one.run not in taken]
        shown = newest_of([*here, *there], most, wanted)
        here = [one for one in here if wanted.takes(one)]
        # of the same runs the archive counts those as well that are damaged in it
        twice = sum(wanted.takes(one) for run, one in known.items() if run in taken)
        hidden = len(here) + self.archive.count(wanted) - twice - len(shown.runs)
        return Listed(shown.runs, hidden)

    def _chosen(self, prefix: str, standing: Mapping[str, RunSummary]) -> str:
        found = sorted({*standing, *self.archive.beginning_with(prefix)})
        if any(run.startswith(prefix) for run in found):
            return choose(prefix, found)
        if failure := self.archive.failure():
            raise failure
        return choose(prefix, sorted({*standing, *self.archive.runs()}))  # says what is like it

    def unfinished(self) -> list[RunSummary]:
        """Those that have not ended; however many have, they are not looked at."""
        standing = self.standing()
        ours = self.own.entries().keys()
        open_ = {run for run, one in standing.items() if not one.ended}
        over = self.archive.over(open_ - ours)
        return _newest_first(standing[run] for run in open_ - over)

    def standing(self) -> dict[str, RunSummary]:
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
