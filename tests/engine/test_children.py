"""What a used file did is undone with its parent; a run of its own is started once. Whatever crashes, and however."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from flowdsl.engine.orders import Order
from flowdsl.saga.events import Begun, Detached
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from tests.conftest import Counts
from tests.lives.constructs import CHILD, LABEL, LAST, LATE, USES, saga, two_steps
from tests.lives.front import Late, Says
from tests.lives.starting import STORE
from tests.lives.theatre import RUN, Theatre
from tests.lives.virtual import at_once

REFUSED = Says(422, {"error": "no", "message": "we would rather not"})
STRIDE = 5  # of the points, but for the full size

BESIDE = "- parallel:\n" + indent(USES + LAST, "    ")
INNER = "inputs: { warehouse: string }\nsteps:\n" + indent(
    dedent(
        """
        - for_each: wh in [inputs.warehouse, 'wh-9']
          collect: settled
          steps:
        """
    )
    + indent(two_steps(), "    "),
    "  ",
)


def fails_after_it() -> Theatre:
    return Theatre(saga(USES, child=CHILD)).bend(LATE, REFUSED)


def fails_after_its_list() -> Theatre:
    return Theatre(saga(USES, child=INNER)).bend(LATE, REFUSED)


def fails_while_it_runs() -> Theatre:
    """The hold is there, the label on its way when the car is refused."""
    played = Theatre(saga(BESIDE, last="", child=CHILD))
    played.bend(LATE, Late(2.0)).fault(LATE, "refuse:422", times=None)
    return played.bend(LABEL, Late(3.0), times=1)


def fails_while_its_answer_is_out() -> Theatre:
    """The hold is on its way, and comes when nobody waits any more."""
    played = Theatre(saga(BESIDE, last="", child=CHILD)).bend(LATE, REFUSED)
    return played.bend("POST warehouses/wh-1/holds", Late(70.0), times=1)


def fails_in_it() -> Theatre:
    above = LAST.replace("van", "bus")
    return Theatre(saga(above + USES, last="", child=CHILD)).bend(LABEL, REFUSED)


def is_cancelled_while_it_runs() -> Theatre:
    played = Theatre(saga(USES, child=CHILD), orders=((1.0, Order("cancel")),))
    return played.bend(LABEL, Late(3.0), times=1)


UNDONE: tuple[Callable[[], Theatre], ...] = (
    fails_after_it,
    fails_after_its_list,
    fails_while_it_runs,
    fails_while_its_answer_is_out,
    fails_in_it,
    is_cancelled_while_it_runs,
)


@pytest.mark.parametrize("make", UNDONE, ids=lambda make: make.__name__)
def test_what_it_did_is_undone_with_its_parent(
    make: Callable[[], Theatre], counts: Counts, full: bool
) -> None:
    whole = make().play()
    whole.judge()
    end = whole.state
    assert end in ("compensated", "cancelled")
    assert [e.standing for e in whole.ledger].count("released") >= 1
    for point in range(1, whole.points[0] + 1, 1 if full else STRIDE):
        for killed in (True, False) if full else (point % 2 == 0,):
            played = make()
            played.killed = killed
            played.play(point)
            if is_too_late(played):
                assert played.state == "succeeded"
                played.judge()
                continue
            played.judge()
            assert played.state == end, f"died at {point}"
            assert not played.standing, f"died at {point}"
            counts.add("crashes of a parent whose child is undone", 1)


def is_too_late(played: Theatre) -> bool:
    """A cancel that came when it had committed, since a death made it forget the way the label took."""
    return bool(played.orders) and played.runs[RUN].state.committed


# --- runs of their own -------------------------------------------------------------------------------


DETACHED = USES + "  detach: true\n"


class Watched(Theatre):
    """Looks at what there was on the disk when the process had died."""

    def at_death(self) -> str:
        """How far it had come with the run of its own."""
        disk = self.disk.killed() if self.killed else self.disk.crash()
        names = [path.name for path in disk.files() if path.parent.name == "claims"]
        store = FileStore(STORE, disk, offload=Inline(), read_only=True)
        known = {summary.run for summary in at_once(store.list())}
        facts = [r.event for r in at_once(store.events(RUN))] if RUN in known else []
        if any(isinstance(fact, Begun) for fact in facts):
            return "begun"
        if known - {RUN}:
            return "there, and its parent does not know"
        if any(name.startswith("child-") for name in names):
            return "claimed"
        return "meant" if any(isinstance(fact, Detached) for fact in facts) else "not meant"

    seen: str = ""

    async def _live(self, burns_at: float) -> bool:
        rests = await Theatre._live(self, burns_at)
        if not rests and not self.seen:
            self.seen = self.at_death()
        return rests


@pytest.mark.parametrize("killed", [True, False], ids=["kill -9", "power cut"])
@pytest.mark.parametrize("late", [False, True], ids=["its parent succeeds", "its parent is undone"])
def test_a_run_of_its_own_is_started_once(
    late: bool, killed: bool, counts: Counts, full: bool
) -> None:
    def make() -> Watched:
        made = Watched(saga(DETACHED, child=CHILD), killed=killed)
        if late:
            made.bend(LATE, REFUSED)
        return made

    whole = make()
    whole.play()
    judge_detached(whole, late)
    points = whole.points[0]
    seen: Counter[str] = Counter()
    # the small size shares the points out: at one dies the process, at the next the power
    for first in range(1, points + 1) if full else range(1 + killed, points + 1, 2):
        seconds = range(1, 60, 2) if full else range(1 + first, 2 + first) if first % 8 < 2 else ()
        for deaths in [(first,), *((first, second) for second in seconds)]:
            played = make()
            played.play(*deaths)
            judge_detached(played, late)
            seen[played.seen] += 1
            counts.add("crashes around the start of a run of its own", len(played.points) - 1)
    for moment in ("not meant", "meant", "claimed", "there, and its parent does not know", "begun"):
        assert seen[moment], f"it never died when the run was {moment}: {seen}"


def judge_detached(played: Theatre, late: bool) -> None:
    played.judge()
    assert played.state == ("compensated" if late else "succeeded")
    (child,) = (run for run in played.runs if run != RUN)
    assert played.runs[child].now.state == "succeeded"
    spawned = [fact for fact in played.runs[RUN].facts if isinstance(fact, Detached)]
    assert [fact.run for fact in spawned] == [child]
    assert sum(isinstance(fact, Begun) for fact in played.runs[RUN].facts) == 1
    kinds = Counter(e.kind for e in played.ledger if e.standing not in ("released", "refunded"))
    assert kinds["hold"] == kinds["label"] == 1
