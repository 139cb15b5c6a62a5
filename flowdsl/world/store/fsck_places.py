"""The ids that runs have claimed and the places they have in the queues of their keys, looked over.

Both follow from what the runs say of themselves, which is believed where the two differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.saga.events import Created
from flowdsl.world.store.claims import TARGET_CHARACTERS, fingerprint_of, said_at, write_claim
from flowdsl.world.store.disk import Disk, names, opened
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.quarantine import set_aside
from flowdsl.world.store.queues import LOCK, Queues, queue_of
from flowdsl.world.store.summary import Mendable, StoreFinding, unreadable

_CLAIM = re.compile(
    r"[0-9a-f]{56}(?:[0-9a-f]{8})?|run [A-Za-z0-9][A-Za-z0-9._-]{0,63}"
)  # or that of an event


class Places(Struct, frozen=True):
    """`created`: how the runs began that can be read. `ended`: those that are over. `doubtful`: lines were lost, so a
    run that is found nowhere may be there all the same.
    """

    disk: Disk
    layout: StoreLayout
    created: Mapping[str, Created]
    ended: frozenset[str]
    doubtful: bool

    def claims(self) -> Iterator[Mendable]:
        for run in names(self.disk, self.layout.claims):
            path = self.layout.claims / run
            try:
                found = said_at(self.disk, path) or ""
            except OSError as error:
                yield unreadable(f"claims/{run}", error), None
                continue
            if run in self.created:
                right = fingerprint_of(self.created[run])
                if found not in (right, right[:TARGET_CHARACTERS]):
                    what = "is not what its run was started from; the run itself says it"
                    yield _claim(run, what, repairable=True), partial(self._rewrite, path, right)
            elif not _CLAIM.fullmatch(found) and self._nobody_starts_it(path):
                what = "is not a claim, and there is no run of that id"
                if self.doubtful:
                    yield _claim(run, f"{what} that could be read", repairable=False), None
                else:
                    aside = partial(set_aside, self.disk, self.layout, path, what)
                    yield _claim(run, what, repairable=True), aside

    def tickets(self, there: list[Path]) -> Iterator[Mendable]:
        """`there`: what stood in the queues before the runs were looked at."""
        for path in there:
            run = run_of(path)
            first = self.created.get(run)
            where = str(path.relative_to(self.layout.root))
            if not run or (first is not None and queue_of(first.key) != path.parent.name):
                what = "is not a ticket of this queue"
                finding = StoreFinding(
                    where,
                    "damaged",
                    what,
                    repairable=True,
                    code=Code.DAMAGED,
                    help="nobody waits for it",
                )
                yield finding, partial(set_aside, self.disk, self.layout, path, what)
            elif run in self.ended or (first is None and not self.doubtful):
                what = "is the ticket of a run that is over"
                finding = StoreFinding(
                    where,
                    "leftover",
                    what,
                    repairable=True,
                    code=Code.DAMAGED,
                    help="nobody can need it",
                )
                yield finding, partial(self.disk.unlink, path)

    def lost_turns(self, queues: Queues, holders: Mapping[str, str]) -> Iterator[Mendable]:
        """`holders`: runs whose turn it is that nobody drives, with their keys."""
        for run, key in holders.items():
            if not queues.has_ticket(key, run):
                finding = StoreFinding(
                    f"queues/{queue_of(key)}",
                    "damaged",
                    f"it is the turn of {run}, and its ticket is missing",
                    repairable=True,
                    code=Code.DAMAGED,
                    help="--repair gives it back; so does the next run with that key, before it is let in",
                )
                yield finding, partial(queues.give_back, key, run)

    def _rewrite(self, path: Path, right: str) -> None:
        set_aside(self.disk, self.layout, path, "it is not what its run was started from")
        write_claim(self.disk, path, right)
        self.disk.sync_folder(path.parent)

    def _nobody_starts_it(self, path: Path) -> bool:
        """No older flowdsl has locked the claim; what is not a file at all is nobody's."""
        with suppress(OSError), opened(self.disk, path) as handle:
            return self.disk.lock(handle, shared=True)
        return True


def tickets_in(disk: Disk, layout: StoreLayout) -> list[Path]:
    queues = [layout.queues / name for name in names(disk, layout.queues)]
    return [q / name for q in queues for name in names(disk, q) if name != LOCK]


def run_of(ticket: Path) -> str:
    number, _, run = ticket.name.partition(".")
    return run if number.isdecimal() else ""


def _claim(run: str, what: str, *, repairable: bool) -> StoreFinding:
    return StoreFinding(
        f"claims/{run}",
        "damaged",
        what,
        repairable=repairable,
        code=Code.DAMAGED,
        help="it stops no run, and starts none twice"
        if repairable
        else "mend the journals first, or choose another --id",
    )
