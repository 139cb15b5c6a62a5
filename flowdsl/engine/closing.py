"""What lists show of a run that is over. It is kept with the run, so that nobody needs its workflow for a list."""

from __future__ import annotations

from flowdsl.saga.run import Run
from flowdsl.view.run.positions import label_of
from flowdsl.view.run.status import detail
from flowdsl.world.store.summary import Closing


def closing_of(run: Run) -> Closing:
    assert run.ended_at is not None, "a run is closed after it has ended"
    return Closing(run.ended_at, label_of(run), detail(run), len(run.progress.residue))
