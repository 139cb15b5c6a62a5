"""Which runs there are, wherever they stand: in our own journal, in those of other processes, or in documents of their own.

Where two places know a run its document is believed, then the process that drives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.index import IndexEntry
from flowdsl.world.store.journals import Journals
from flowdsl.world.store.own_journal import OwnJournal
from flowdsl.world.store.summary import RunSummary, choose


class RunRegister(Struct, frozen=True):
    own: OwnJournal
    documents: Documents
    journals: Journals

    def known(self, runs: Sequence[str]) -> list[bool | OSError]:
        """Whether each is there, by one look at the journals."""
        self.journals.refresh()
        standing = [
            self.own.entry(run) is not None or self.journals.find(run) is not None for run in runs
        ]
        ended = self.documents.there(runs)  # last: a run goes from its journal to its document
        return [here or there for here, there in zip(standing, ended, strict=True)]

    def find(self, prefix: str | None) -> str:
        """The run that a person means; without a prefix, the newest."""
        self.journals.refresh()
        entries = {run: entry for run, (_, entry) in self.journals.runs().items()}
        entries |= self.own.entries()
        ended = self.documents.runs()
        if prefix is not None:
            return choose(prefix, sorted({*entries, *ended}))
        return self._newest({run: entry.created_at for run, entry in entries.items()}, ended)

    def _newest(self, created: dict[str, float], ended: Iterable[str]) -> str:
        """A document is younger than its run: once one is older than the newest run, so are the rest."""
        by_age = sorted(((self.documents.modified(run), run) for run in ended), reverse=True)
        for modified, run in by_age:
            if created and modified < max(created.values()):
                break
            created[run] = self.documents.summary(run).created_at
        if not created:
            raise InputError(
                "there are no runs yet", code=Code.NO_RUN, help="`flowdsl run FILE` starts one"
            )
        return max(created, key=lambda run: created[run])

    def all(self) -> list[RunSummary]:
        ended = self.documents.runs()
        self.journals.refresh()
        found = {run: self.documents.summary(run) for run in ended}
        driven = self._driven()
        for run, (reader, entry) in self.journals.runs().items():
            if run not in found or found[run].damaged:
                is_driven = driven[reader.index.writer] and not entry.ended
                found[run] = _summary(entry, is_driven, reader.index.is_damaged(entry))
        for run, entry in self.own.entries().items():
            found[run] = _summary(entry, driven=True)
        return _newest_first(found.values())

    def unfinished(self) -> list[RunSummary]:
        """Those that have not ended; however many have, they are not looked at."""
        self.journals.refresh()
        driven = self._driven()
        found = {
            run: _summary(entry, driven[reader.index.writer], reader.index.is_damaged(entry))
            for run, (reader, entry) in self.journals.runs().items()
            if not entry.ended and not self.documents.exists(run)
        }
        own = {
            run: _summary(e, driven=True) for run, e in self.own.entries().items() if not e.ended
        }
        return _newest_first((found | own).values())

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


def _summary(entry: IndexEntry, driven: bool, damaged: bool = False) -> RunSummary:
    return RunSummary(
        entry.run, entry.workflow, entry.created_at, entry.ended, driven=driven, damaged=damaged
    )
