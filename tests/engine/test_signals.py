"""Signals through the inbox: before the wait, twice, together with the timeout, after the end; and in any order at all.

A signal that was acknowledged is a fact of the run, unless when it was heard nobody could take it any more. A wait ends once: by one
signal, or by its timeout. A signal is taken once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest

from flowdsl.codes import Code
from flowdsl.engine.listening import POLL_SECONDS
from flowdsl.engine.orders import Order
from flowdsl.plan.nodes import Plan, WaitFor
from flowdsl.saga.events import (
    CancelRequested,
    Committed,
    Event,
    Failed,
    Fired,
    Received,
    Signalled,
    Turned,
    last_time,
)
from mock_services.app import create_app
from tests.conftest import Counts
from tests.lives.constructs import LAST, saga
from tests.lives.front import Front, Late
from tests.lives.theatre import RUN, Theatre
from tests.lives.virtual import EPOCH


def signal(name: str, **body: bool | int) -> Order:
    return Order("signal", step=name, body={"ok": True, **body})


HOLD = """
- id: room
  call: POST hotels/reservations
  body: { reference: "${run.id}" }
  confirm: POST hotels/reservations/${room.id}/confirm
  compensate: DELETE hotels/reservations/${room.id}
"""
WAIT = """
- id: answer
  wait_for: approve
  timeout: 10s
"""
TIMEOUT = 10.0


def waiting(*orders: tuple[float, Order], killed: bool = False) -> Theatre:
    """The hotel takes two seconds, so the wait begins at 2 and times out at 12."""
    made = Theatre(saga(HOLD + WAIT), orders=orders, killed=killed)
    return made.bend("POST hotels/reservations", Late(2.0), times=1)


def crashed_everywhere(
    counts: Counts, *orders: tuple[float, Order], stride: int = 1
) -> list[Theatre]:
    """The same at every point, by kill and by power cut."""
    whole = waiting(*orders).play()
    whole.judge()
    played = [whole]
    for point in range(1, whole.points[0] + 1, stride):
        one = waiting(*orders, killed=point % 2 == 1).play(point)
        one.judge()
        one_winner(one)
        played.append(one)
    counts.add("crashes around a signal", len(played) - 1)
    return played


def facts_of(played: Theatre, kind: type[Event]) -> list[Event]:
    return [fact for fact in played.runs[RUN].facts if isinstance(fact, kind)]


def test_before_the_wait_it_is_kept(counts: Counts) -> None:
    for played in crashed_everywhere(counts, (0.5, signal("approve"))):
        assert played.state == "succeeded"
        assert len(facts_of(played, Signalled)) == 1


def test_of_two_the_first_counts(counts: Counts) -> None:
    """The other one is refused at the door or kept and never taken, and changes nothing."""
    two = (0.5, signal("approve", n=1)), (1.3, signal("approve", n=2))
    for played in crashed_everywhere(counts, *two):
        assert played.state == "succeeded"
        (received,) = facts_of(played, Received)
        assert isinstance(received, Received)
        taken = played.runs[RUN].state.signals[received.signal]
        assert taken.payload == {"ok": True, "n": 1}
        assert played.deaths or not played.inbox


def test_the_same_one_is_a_fact_once(counts: Counts) -> None:
    """A crash after it was kept and before it was dropped shows it again."""
    again = 0
    for played in crashed_everywhere(counts, (3.0, signal("approve"))):
        ids = [fact.id for fact in facts_of(played, Signalled) if isinstance(fact, Signalled)]
        assert len(ids) == len(set(ids)) == 1
        again += len(played.deaths)
    assert again > 10


@pytest.mark.parametrize("at", [11.6, 11.8, 11.9, 12.0, 12.1, 12.2])
def test_together_with_the_timeout_one_of_them_counts(
    at: float, counts: Counts, full: bool
) -> None:
    stride = 1 if full else 5
    for played in crashed_everywhere(counts, (at, signal("approve")), stride=stride):
        by_signal = bool(facts_of(played, Received))
        assert played.state == ("succeeded" if by_signal else "compensated")


def test_after_the_end_it_changes_nothing() -> None:
    played = waiting((3.0, signal("approve")), (30.0, signal("approve"))).play()
    played.judge()
    assert played.state == "succeeded"
    assert len(facts_of(played, Signalled)) == 1
    assert last_time(played.runs[RUN].facts, 0.0) < EPOCH + 5


def test_while_it_is_undone_it_comes_too_late() -> None:
    played = waiting((3.0, Order("cancel")), (4.0, signal("approve")))
    played.bend("DELETE hotels/*", Late(5.0), times=1)
    played.play().judge()
    assert played.state == "cancelled"
    assert not facts_of(played, Signalled)
    assert not played.inbox


# --- any order at all --------------------------------------------------------------------------------

BRANCHES = """
- parallel:
    - id: first
      wait_for: approve
      timeout: 3s
    - id: second
      wait_for: approve
      timeout: 5s
    - id: paid
      critical: false
      wait_for: pay
      timeout: 2s
    - steps:
        - wait: 1s
        - id: label
          call: POST shipping/labels
          body: { reference: "${run.id}" }
          compensate: DELETE shipping/labels/${label.id}
        - id: last
          wait_for: pay
          timeout: 4s
"""
PLAN: Plan = saga(HOLD + BRANCHES + LAST, last="")
BLOCK, BLOCKS = 100, 5
FULL_BLOCK = 4000
MARGIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Draw:
    """What happens when, and where it dies; all of it follows from the seed."""

    orders: tuple[tuple[float, Order], ...]
    deaths: tuple[float, ...]
    killed: bool
    gap: float


def draw(seed: int) -> Draw:
    random = Random(seed)
    names = random.choices(("approve", "pay"), (3, 2), k=random.randint(0, 7))
    # On the grid of the polls and of the timers, where the races are, and off it.
    moments = [
        round(random.randint(1, 36) * POLL_SECONDS + random.choice((0, 0, 0.1)), 1) for _ in names
    ]
    orders = [
        (at, signal(name, n=n)) for n, (at, name) in enumerate(zip(moments, names, strict=True))
    ]
    if random.random() < 0.25:
        orders.append((random.randint(1, 40) * POLL_SECONDS, Order("cancel")))
    deaths = [
        random.randint(1, 75) if random.random() < 0.6 else random.randint(1, 70) / 10 + 0.05
        for _ in range(random.choice((0, 1, 1, 2, 3)))
    ]
    gap = random.choice((0.0, 0.0, 0.4, 1.5))
    if random.random() < 0.3:  # it dies again soon after it heard of what was said in between
        gap, deaths = 1.5, [random.randint(4, 40) / 10 + 0.05, random.randint(8, 20)]
    return Draw(tuple(orders), tuple(deaths), random.random() < 0.7, gap)


def act(drawn: Draw) -> Theatre:
    front = Front(app=create_app(0.3))
    played = Theatre(PLAN, orders=drawn.orders, front=front, killed=drawn.killed)
    played.gap_seconds = drawn.gap
    return played.play(*drawn.deaths)


def one_winner(played: Theatre) -> None:
    """Each wait ends once, and no signal is taken twice."""
    facts = played.runs[RUN].facts
    received = [fact for fact in facts if isinstance(fact, Received)]
    expired = [
        f.node for f in facts if isinstance(f, Failed) and f.failure.code == Code.SIGNAL_TIMEOUT
    ]
    ends = Counter([*(fact.node for fact in received), *expired])
    assert max(ends.values(), default=1) == 1, f"a wait ended twice: {ends}"
    taken = Counter(fact.signal for fact in received)
    assert max(taken.values(), default=1) == 1, f"a signal was taken twice: {taken}"
    state = played.runs[RUN].state
    for fact in received:
        node = played.plan.nodes[fact.node]
        assert isinstance(node, WaitFor)
        kept = state.signals[fact.signal]
        assert kept.name == node.signal
        assert state.done.get(fact.node, kept.payload) == kept.payload


def nothing_is_lost(played: Theatre) -> None:
    """What was acknowledged is a fact, or nobody could take it any more when it was heard."""
    facts, state = played.runs[RUN].facts, played.runs[RUN].state
    end = last_time(facts, EPOCH)
    committed = next((n for n, fact in enumerate(facts) if isinstance(fact, Committed)), None)
    door = last_time(facts[:committed], EPOCH)  # when it closed
    heard = {fact.id for fact in facts if isinstance(fact, Signalled)}
    for command, (at, order) in played.acknowledged.items():
        by = _heard(played, at)
        if by < end and (played.killed or not played.deaths):  # a power cut brings a file back
            assert command not in played.inbox, f"{order} of {at - EPOCH} was not dropped"
        if order.kind == "cancel" and by < door:
            is_cancelled = any(isinstance(fact, CancelRequested | Turned) for fact in facts)
            assert is_cancelled, f"the cancel of {at - EPOCH} is lost"
        if order.kind == "signal" and command not in heard:
            late = [n for n, due in _expired(facts).items() if due > by]
            open_to_it = [n for n in late if played.plan.nodes[n].signal == order.step]  # type: ignore[union-attr]
            assert not open_to_it or state.turning is not None, f"{order} of {at - EPOCH} is lost"


def _expired(facts: list[Event]) -> dict[str, float]:
    """The waits that timed out, and when."""
    fired = {fact.timer: fact.at for fact in facts if isinstance(fact, Fired)}
    out = [f.node for f in facts if isinstance(f, Failed) and f.failure.code == Code.SIGNAL_TIMEOUT]
    return {node: fired[node] for node in out}


def _heard(played: Theatre, at: float) -> float:
    """When it is heard at the latest: at the next poll, or when the run is driven again."""
    by = at + POLL_SECONDS
    for death in played.deaths:
        if at - POLL_SECONDS <= death <= by:
            by = death + played.gap_seconds + POLL_SECONDS
    return by + MARGIN_SECONDS


@pytest.mark.parametrize("block", range(BLOCKS))
def test_any_order_has_one_winner_and_loses_nothing(block: int, counts: Counts, full: bool) -> None:
    size = FULL_BLOCK if full else BLOCK
    ends: Counter[str] = Counter()
    for seed in range(block * size, (block + 1) * size):
        drawn = draw(seed)
        played = act(drawn)
        try:
            played.judge()
            one_winner(played)
            nothing_is_lost(played)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {drawn}: {error}") from error
        ends[played.state] += 1
        counts.add("interleavings of signals: signals acknowledged", len(played.acknowledged))
        counts.add("interleavings of signals: crashes", len(played.deaths))
        counts.add("interleavings of signals: waits ended by one", len(facts_of(played, Received)))
        counts.add("interleavings of signals: by timeout", len(_expired(played.runs[RUN].facts)))
    assert set(ends) == {"succeeded", "compensated", "cancelled"}, ends
    counts.add("interleavings of signals, timers, crashes and cancels", size)
